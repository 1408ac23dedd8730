"""A run as HdrHistogram's own files: `.hgrm`, a percentile distribution, and `.hlog`, a histogram of each second."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from io import BytesIO, StringIO

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from edgesim.load.outcome import Outcome
from edgesim.load.percentiles import deviation, latency_of, service_of
from edgesim.load.results import LoadResult
from edgesim.telemetry import slots
from edgesim.telemetry.slots import Slots

_MILLISECOND = 1000.0
"""Microseconds."""
_NO_TAG = re.compile(r"[^A-Za-z0-9._-]")


def distributions(outcome: Outcome) -> dict[str, bytes]:
    """Return `.hgrm` texts in milliseconds by what is in each: `` (all latencies), `service`, and each destination."""
    cells = outcome.result.cells
    made = {"": hgrm(latency_of(cells)), "service": hgrm(service_of(cells))}
    names = sorted({cell.destination for cell in cells if cell.status and cell.destination})
    for name, tag in zip(names, tags(names, taken=made), strict=True):
        made[tag] = hgrm(latency_of(cell for cell in cells if cell.destination == name))
    return made


def hgrm(counted: Mapping[int, int]) -> bytes:
    """Return a percentile distribution in milliseconds, as HdrHistogram's plotter reads it."""
    file = BytesIO()
    slots.to_hdr(counted).output_percentile_distribution(file, _MILLISECOND)
    # hdrh scales the mean and leaves the deviation in microseconds.
    scaled = b"StdDeviation   = %12.3f]" % (deviation(counted) / _MILLISECOND)
    return re.sub(rb"StdDeviation   = *[\d.]+\]", scaled, file.getvalue())


def tags(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return names that may stand in a file's name and in a tag of a log, each another."""
    used = set(taken)
    made: list[str] = []
    for name in names:
        plain = _NO_TAG.sub("_", name)[:80].lstrip(".") or "_"
        numbered = (f"{plain}-{number}" for number in range(2, 1 << 30))
        tag = plain if plain not in used else next(each for each in numbered if each not in used)
        used.add(tag)
        made.append(tag)
    return made


def hlog(outcome: Outcome) -> bytes:
    """Return the log of latencies: a line a second for all answers, and one tagged for each destination.

    Warm-up and cool-down are in it, since it is a log. Times are seconds from the start of the run, and the largest
    value that stands beside each histogram is in milliseconds.
    """
    file = StringIO()
    log = HistogramLogWriter(file)
    log.output_comment(f"[Latencies of edgesim load in microseconds, {_what(outcome.result)}]")
    log.output_log_format_version()
    begun = datetime.fromisoformat(outcome.result.started)
    log.output_comment(f"[StartTime: {begun.timestamp():.3f} (seconds since epoch), {begun.isoformat()}]")
    log.output_comment(f"[BaseTime: {begun.timestamp():.3f} (seconds since epoch)]")
    log.output_legend()
    names = sorted({name for second in outcome.result.timeline for name in second.by_destination if name})
    tag_of = dict(zip(names, tags(names), strict=True))
    for second in outcome.result.timeline:
        _interval(log, second.at, second.latency)
        for name in sorted(second.by_destination.keys() & tag_of.keys()):
            file.write(f"Tag={tag_of[name]},")
            _interval(log, second.at, second.by_destination[name])
    return file.getvalue().encode()


def _what(result: LoadResult) -> str:
    target = result.scenario.target
    return "".join(char for char in f"{target.scheme}://{target.authority}" if char.isprintable())


def _interval(log: HistogramLogWriter, second: int, counted: Slots) -> None:
    histogram: HdrHistogram = slots.to_hdr(counted)
    histogram.set_start_time_stamp(second * 1000)
    histogram.set_end_time_stamp((second + 1) * 1000)
    log.output_interval_histogram(histogram, max_value_unit_ratio=_MILLISECOND)
