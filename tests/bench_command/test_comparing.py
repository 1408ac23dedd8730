"""Two results side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.bench.comparing import Verdict, compare
from edgesim.bench.results import BenchResult, Better, Series, result
from edgesim.load.results import Machine

ROUNDS = (100.0, 101, 99, 102, 98, 100, 101)


def _result(*series: Series) -> BenchResult:
    return result("routing", 1, series)


def _time(factor: float, *, reference: tuple[float, ...] = ()) -> Series:
    return Series("time", "ns", Better.LOWER, tuple(factor * each for each in ROUNDS), reference)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        (1.0, Verdict.NOTHING),
        (1.04, Verdict.WORSE),
        (1.2, Verdict.REGRESSION),
        (0.8, Verdict.BETTER),
    ],
)
def test_a_time_by_its_ratio(factor: float, verdict: Verdict) -> None:
    """A time is worse within the tolerance, a regression beyond it, better below; what noise explains is nothing."""
    found = compare(_result(_time(1)), _result(_time(factor)), 0.05)
    assert found.series[0].verdict is verdict
    assert found.regressions == (verdict is Verdict.REGRESSION)


def test_a_rate_is_better_when_it_is_higher() -> None:
    """For rates the same ratios mean the opposite."""
    one, other = (Series("rate", "1/s", Better.HIGHER, tuple(f * each for each in ROUNDS)) for f in (1.0, 1.2))
    assert compare(_result(one), _result(other), 0.05).series[0].verdict is Verdict.BETTER
    assert compare(_result(other), _result(one), 0.05).series[0].verdict is Verdict.REGRESSION


def test_counts_have_no_noise() -> None:
    """One value that is exact is compared as it is; one round of a time shows nothing."""
    exact = [Series("memory", "bytes", Better.LOWER, (value,), exact=True) for value in (500.0, 600.0)]
    times = [Series("time", "ns", Better.LOWER, (value,)) for value in (500.0, 600.0)]
    assert compare(_result(exact[0]), _result(exact[1]), 0.05).series[0].verdict is Verdict.REGRESSION
    assert compare(_result(times[0]), _result(times[1]), 0.05).series[0].verdict is Verdict.NOTHING


def test_two_machines_are_compared_relative_to_plain_python() -> None:
    """A machine twice as slow at everything shows no difference; that it is another is said."""
    slow = replace(_result(_time(2, reference=(340.0,) * 7)), machine=Machine("other", "cpu", 8, "3.11"))
    found = compare(_result(_time(1, reference=(170.0,) * 7)), slow, 0.05)
    assert found.relative
    assert found.series[0].verdict is Verdict.NOTHING
    assert "the results are of different machines or interpreters" in found.notes


def test_what_only_one_has_is_left_out_and_options_that_differ_are_told() -> None:
    """Series are compared by name, and other options are named."""
    one = replace(_result(_time(1)), asked={"traffic": "busy"})
    other = replace(_result(_time(1), replace(_time(1), name="more")), asked={"traffic": "even"})
    found = compare(one, other, 0.05)
    assert [each.name for each in found.series] == ["time"]
    assert "traffic was busy, then even" in found.notes


def test_what_is_not_compared_is_said() -> None:
    """A series that one result lacks, or whose values make no ratio, is named; what is 0 in both has not changed."""
    lost = [Series("lost", "requests", Better.LOWER, values) for values in ((0.0, 0), (0.0, 5))]
    gone, new = (Series(name, "ns", Better.LOWER, (1.0,)) for name in ("gone", "new"))
    found = compare(_result(_time(1), lost[0], gone), _result(_time(1), lost[1], new), 0.05)
    assert [each.name for each in found.series] == ["time"]
    assert found.notes == (
        "not compared, only the first result has: gone",
        "not compared, only the second result has: new",
        "not compared, values of 0, or none at all, make no ratio: lost",
    )
    assert compare(_result(lost[0]), _result(lost[0]), 0.05).notes == ()
