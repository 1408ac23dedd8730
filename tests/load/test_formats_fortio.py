from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from edgesim.load.formats_fortio import fortio
from edgesim.load.outcome import Outcome
from edgesim.load.results import LoadResult
from edgesim.load.scenario import Closed
from tests.load import samples


def _written(result: LoadResult) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(fortio(Outcome(result)))
    return made


def test_a_run_has_fortios_fields() -> None:
    """What fortio's report page reads is there, under fortio's names and in its units."""
    result = samples.result(6)
    made = _written(result)
    assert (made["RunType"], made["RequestedQPS"], made["RequestedDuration"]) == ("HTTP", "200", "6s")
    assert made["ActualDuration"] == 4_000_000_000
    assert made["ActualQPS"] == pytest.approx(200)
    assert made["RetCodes"].keys() == {"200", "503", "-1"}
    assert sum(made["RetCodes"].values()) == made["DurationHistogram"]["Count"] == 800
    failed = made["RetCodes"]["503"] + made["RetCodes"]["-1"]
    assert made["ErrorsDurationHistogram"]["Count"] == failed


def test_buckets_and_percentiles_are_in_seconds() -> None:
    """Buckets do not overlap, their percentages rise to 100, and each percentile lies in the bucket of its rank."""
    histogram = _written(samples.result(6))["DurationHistogram"]
    data = histogram["Data"]
    assert all(before["End"] <= after["Start"] for before, after in pairwise(data))
    assert all(each["Start"] <= each["End"] for each in data)
    assert (data[0]["Start"], data[-1]["End"], data[-1]["Percent"]) == (histogram["Min"], histogram["Max"], 100)
    assert sum(each["Count"] for each in data) == histogram["Count"]
    for each in histogram["Percentiles"]:
        bucket = next(one for one in data if one["Percent"] >= each["Percentile"] - 1e-9)
        assert bucket["Start"] <= each["Value"] <= bucket["End"]
    assert histogram["Avg"] * histogram["Count"] == pytest.approx(histogram["Sum"])


def test_other_loads_are_told_as_fortio_does() -> None:
    """A closed loop asks for the most; a count is exact; a long duration is written as Go does; nothing is no error."""
    result = samples.result(6)
    scenario = replace(result.scenario, mode=Closed(4, 3725.5), connections=4)
    made = _written(replace(result, scenario=scenario, cells=()))
    assert (made["RequestedQPS"], made["RequestedDuration"], made["NumThreads"]) == ("max", "1h2m5.5s", 4)
    assert made["DurationHistogram"]["Data"] == []
    counted = _written(replace(result, scenario=replace(result.scenario, count=800, labels={"run": "7"})))
    assert (counted["RequestedDuration"], counted["Exactly"], counted["Labels"]) == ("exactly 800 calls", 800, "run=7")
