from __future__ import annotations

import re
from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from edgesim.load.formats_hdr import distributions, hgrm, hlog, tags
from edgesim.telemetry import slots
from tests.load import samples


def test_a_distribution_is_hdrhistograms() -> None:
    """Rows rise to the slowest in milliseconds, and the last lines count all; the deviation has the mean's unit."""
    text = hgrm({slots.slot_of(1000): 3, slots.slot_of(9000): 1}).decode()
    rows = [line.split() for line in text.splitlines()[2:] if not line.startswith("#")]
    assert rows[0] == ["1.000", "0.000000000000", "3", "1.00"]
    assert rows[-1] == ["9.007", "1.000000000000", "4"]
    mean, deviation = re.findall(r"= +([\d.]+)", text)[:2]
    assert (round(float(mean)), round(float(deviation), 1)) == (3, 3.5)


def test_each_destination_has_a_distribution() -> None:
    """All answers, the service times, and each destination by a name that may stand in a file's."""
    found = distributions(samples.outcome(samples.result(6, versions=("v1", "../v 2"))))
    assert list(found) == ["", "service", "_v_2", "v1"]


def test_names_become_tags() -> None:
    """No comma, space or slash is left, and no two tags are one."""
    assert tags(["a b", "a,b", "", "/", "..", "service"], taken=["service"]) == [
        "a_b",
        "a_b-2",
        "_",
        "_-2",
        "_-3",
        "service-2",
    ]


def test_a_log_is_read_by_hdrhistograms_reader(tmp_path: Path) -> None:
    """Untagged lines add up to all seconds, tagged ones to the destinations', and it begins when the run did."""
    result = samples.result(6)
    file = tmp_path / "run.hlog"
    file.write_bytes(hlog(samples.outcome(result)))
    found: dict[str | None, slots.Slots] = {}
    reader = HistogramLogReader(str(file), HdrHistogram(1, slots.LONGEST, 3))
    while (each := reader.get_next_interval_histogram()) is not None:
        slots.add(found.setdefault(each.get_tag(), {}), slots.from_hdr(each))
    reader.input_file.close()
    assert reader.get_start_time_sec() == 1795540140.0
    assert found[None] == slots.total(second.latency for second in result.timeline)
    for name in ("v1", "v2"):
        assert found[name] == slots.total(second.by_destination.get(name, {}) for second in result.timeline)
