from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.analysis.intervals import wilson
from edgesim.load.outcome import Mark, Outcome
from edgesim.load.percentiles import latency_of
from edgesim.load.report.chart import Axis, Chart
from edgesim.load.report.series import charts, versions
from edgesim.load.scenario import Closed
from edgesim.telemetry import slots
from tests.load import samples


def _by_name(outcome: Outcome) -> dict[str, Chart]:
    return {chart.name: chart for chart in charts(outcome)}


def test_a_run_has_its_charts() -> None:
    """Percentiles, latency, throughput, the split where versions are told, errors where there are some."""
    assert list(_by_name(samples.outcome())) == ["percentiles", "latency", "throughput", "split", "errors"]
    quiet = samples.result(4, versions=("",), weights=(1,))
    calm = replace(quiet, timeline=tuple(replace(second, errors={}) for second in quiet.timeline))
    assert list(_by_name(Outcome(calm))) == ["percentiles", "latency", "throughput"]


def test_the_curve_is_the_percentiles() -> None:
    """At 1/(1-p) each line has the latency that p do not exceed, as long as so many were counted."""
    made = samples.outcome()
    chart = _by_name(made)["percentiles"]
    one = next(each for each in chart.series if each.name == "v1")
    counted = latency_of(cell for cell in made.result.cells if cell.destination == "v1")
    for x, value in zip(chart.x, one.values, strict=True):
        if x > slots.count(counted):
            assert value is None
        else:
            assert value == pytest.approx(slots.percentiles(counted, [100 * (1 - 1 / x)])[0] / 1000, rel=1e-3)
    assert [each.group for each in chart.series] == ["", "", "service time", "service time"]


def test_a_closed_loop_has_one_time() -> None:
    """Where latency counts from the send there is no other line for the service time, and nothing was asked for."""
    result = samples.result(6)
    made = _by_name(Outcome(replace(result, scenario=replace(result.scenario, mode=Closed(4, 6.0)))))
    assert [each.name for each in made["percentiles"].series] == ["v1", "v2"]
    assert [each.name for each in made["throughput"].series] == ["answered"]


def test_the_band_of_the_split_is_wilsons() -> None:
    """The share of each second lies in its interval, and an expected share is drawn where it was asked for."""
    made = samples.outcome()
    chart = _by_name(made)["split"]
    one = next(each for each in chart.series if each.name == "v2")
    second = made.result.timeline[5]
    band = wilson(second.destinations["v2"], sum(second.destinations.values()))
    assert one.low is not None
    assert one.high is not None
    assert one.low[5] == pytest.approx(100 * band.low, rel=1e-3)
    assert one.high[5] == pytest.approx(100 * band.high, rel=1e-3)
    expected = {each.name: each.values[0] for each in chart.series if each.group == "expected"}
    assert expected == {"v1, expected": 90, "v2, expected": 10}
    assert chart.shaded == [(0.0, 2.0, "warm-up")]


def test_many_seconds_are_joined_not_averaged() -> None:
    """A long run has no more points than pixels; a joined second's p99 is that of all its requests."""
    short = samples.result(6)
    timeline = tuple(replace(short.timeline[at % 6], at=at) for at in range(1000))
    chart = _by_name(Outcome(replace(short, timeline=timeline)))["latency"]
    assert len(chart.x) == 334
    assert chart.x[:3] == [0, 3, 6]
    joined = slots.total(second.by_destination["v1"] for second in timeline[:3])
    assert chart.series[0].values[0] == pytest.approx(slots.percentiles(joined, [99])[0] / 1000, rel=1e-3)


def test_a_mark_begins_another_split() -> None:
    """From each mark on its own shares are expected; before the first, and of a version it does not name, none are."""
    marks = (Mark(1.0, "half", {"v1": 0.5, "v2": 0.5}), Mark(4.0, "all", {"v2": 1.0}))
    made = _by_name(replace(samples.outcome(samples.result(6)), marks=marks))
    expected = {each.name: each.values for each in made["split"].series if each.group == "expected"}
    assert expected["v1, expected"] == [None, 50, 50, 50, None, None]
    assert expected["v2, expected"] == [None, 50, 50, 50, 100, 100]
    assert made["latency"].marks == [(1.0, "half"), (4.0, "all")]
    assert made["percentiles"].marks == []


def test_a_straggler_is_no_second() -> None:
    """The one answer that came when the schedule was over is in the last second's share, and is not 100% of its own."""
    result = samples.result(6)
    last = replace(samples.result(1, rate=1).timeline[0], at=6, asked=0)
    made = _by_name(Outcome(replace(result, timeline=(*result.timeline, last))))
    assert made["split"].x == [0, 1, 2, 3, 4, 5]
    assert made["throughput"].series[0].values[5] == result.timeline[5].done + last.done
    slow = replace(last, done=150)
    assert len(_by_name(Outcome(replace(result, timeline=(*result.timeline, slow))))["split"].x) == 7


def test_of_many_destinations_the_rest_is_one() -> None:
    """Those with most answers have lines of their own, and all others together are one, so that no answer is lost."""
    names = tuple(f"pod-{number}" for number in range(40))
    result = samples.result(6, versions=names, weights=tuple(range(1, 41)))
    *most, others = versions(result)
    assert (len(most), others) == (6, "all others")
    assert set(most) < set(names[20:])
    split = _by_name(Outcome(result))["split"]
    assert sum(each.values[3] or 0 for each in split.series) == pytest.approx(100, abs=0.1)
    assert all(chart.axis in set(Axis) for chart in charts(Outcome(result)))
