from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from edgesim.analysis import intervals
from edgesim.analysis.intervals import Interval

CASES = [(0, 1), (0, 50), (1, 50), (7, 50), (25, 50), (50, 50), (123, 100_000)]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("count", "of"), CASES)
def test_wilson_is_scipys(count: int, of: int, confidence: float) -> None:
    """Wilson's interval is the one scipy computes."""
    found, theirs = intervals.wilson(count, of, confidence), binomtest(count, of).proportion_ci(confidence, "wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("count", "of"), CASES)
def test_clopper_pearson_is_scipys(count: int, of: int, confidence: float) -> None:
    """Clopper and Pearson's interval is the one scipy computes."""
    found, theirs = intervals.clopper_pearson(count, of, confidence), binomtest(count, of).proportion_ci(confidence)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5])
def test_the_exact_interval_misses_no_more_often_than_it_says(share: float) -> None:
    """The exact interval's coverage, summed over all counts of 200, is at least its confidence."""
    found = [intervals.clopper_pearson(count, 200, 0.95) for count in range(201)]
    held = np.array([each.low <= share <= each.high for each in found])
    assert binom.pmf(np.arange(201), 200, share)[held].sum() >= 0.95


@pytest.mark.parametrize(
    ("before", "after", "low", "high"),
    [
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((2, 7), (6, 7), 0.0582, 0.8062),
        ((0, 29), (5, 56), -0.0381, 0.1926),
        ((0, 20), (10, 10), 0.6791, 1.0),
        ((0, 10), (0, 20), -0.2775, 0.1611),
    ],
)
def test_newcombe_is_the_papers(before: tuple[int, int], after: tuple[int, int], low: float, high: float) -> None:
    """Newcombe's interval of a difference is that of his Table II (method 10)."""
    found = intervals.newcombe(before, after)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_newcombe_turns_with_the_sides() -> None:
    """The interval of the difference the other way round is the same with other signs."""
    one, two = intervals.newcombe((5, 200), (9, 300)), intervals.newcombe((9, 300), (5, 200))
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low))


@pytest.mark.parametrize("of", [1, 30, 300, 5000])
def test_none_seen_is_exact(of: int) -> None:
    """At the rate that no errors leave possible, seeing none has just the probability left; 3/n is close to it."""
    rate = intervals.none_seen(of)
    assert (1 - rate) ** of == pytest.approx(0.05)
    if of >= 300:
        assert intervals.rule_of_three(of) == pytest.approx(rate, rel=0.01)


def test_nothing_says_nothing() -> None:
    """Without requests every share is possible."""
    for interval in (intervals.wilson(0, 0), intervals.clopper_pearson(0, 0)):
        assert interval == Interval(0.0, 1.0)
    assert intervals.newcombe((0, 0), (0, 0)).within(-1, 1)
    assert (intervals.none_seen(0), intervals.rule_of_three(0)) == (1.0, 1.0)


def test_within_and_outside() -> None:
    """An interval is within, outside, or neither."""
    assert Interval(0.1, 0.2).within(0.1, 0.2)
    assert not Interval(0.1, 0.2).within(0.15, 0.3)
    assert Interval(0.1, 0.2).outside(0.3, 0.4)
    assert Interval(0.1, 0.2).outside(0.0, 0.05)
    assert not Interval(0.1, 0.2).outside(0.15, 0.3)


def test_impossible_counts_are_refused() -> None:
    """More errors than requests are no share, and 1 is no confidence."""
    for count, of in ((2, 1), (-1, 1)):
        with pytest.raises(ValueError, match="is no share"):
            intervals.wilson(count, of)
    with pytest.raises(ValueError, match="between 0 and 1"):
        intervals.clopper_pearson(1, 2, 1.0)
