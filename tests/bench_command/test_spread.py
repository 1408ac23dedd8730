"""Intervals of medians and ratios: against closed forms and by simulation."""

from __future__ import annotations

from itertools import combinations
from math import comb, sqrt
from random import Random

import pytest

from edgesim.bench.spread import _rank, _ways, median_interval, needed, paired, unpaired


@pytest.mark.parametrize(("count", "left_out", "confidence"), [(6, 0, 0.96875), (7, 0, 0.984375), (9, 1, 0.9609375)])
def test_bounds_are_order_statistics(count: int, left_out: int, confidence: float) -> None:
    """With 6 and 7 rounds the outermost hold the median in 96.9% and 98.4% of cases, with 9 the second ones in 96.1%."""
    found = median_interval([float(each) for each in range(count)])
    assert (found.low, found.high) == (left_out, count - 1 - left_out)
    assert found.confidence == pytest.approx(confidence)


def test_few_rounds_say_how_little_they_say() -> None:
    """One round has no interval, five have one of 93.75%; six is the least for 95%."""
    assert median_interval([3.0]).confidence == 0
    assert median_interval([1.0, 2, 3, 4, 5]).confidence == pytest.approx(0.9375)
    assert needed() == 6


def test_pairs_cancel_what_both_met() -> None:
    """Rounds that are ten times as slow for both sides show the same ratio; too few of them show nothing."""
    first = [100.0, 1000, 120, 90, 400, 100, 100]
    found = paired(first, [1.1 * each for each in first])
    assert found.shown
    assert found.ratio == pytest.approx(1.1)
    assert not paired(first[:5], [1.1 * each for each in first[:5]]).shown


def test_an_interval_that_holds_one_shows_nothing() -> None:
    """A ratio that is above 1 in some rounds and below in others is no difference."""
    assert not paired([1.0] * 7, [1.5, 1.4, 0.9, 1.6, 1.5, 1.4, 1.5]).shown


@pytest.mark.parametrize(("one", "other"), [(1, 1), (3, 4), (5, 5)])
def test_orders_are_counted_exactly(one: int, other: int) -> None:
    """The counts of the Mann-Whitney statistic are those of all orders, one by one."""
    expected = [0] * (one * other + 1)
    for chosen in combinations(range(one + other), one):
        expected[sum(place - index for index, place in enumerate(chosen))] += 1
    assert list(_ways(one, other)) == expected
    assert sum(expected) == comb(one + other, one)


def test_false_alarms_stay_below_what_is_claimed() -> None:
    """Of pairs of runs of one distribution at most 5% are called different; of runs 40% apart nearly all."""
    random = Random(1)

    def run(scale: float) -> list[float]:
        return [scale * random.lognormvariate(0, 0.1) for _ in range(9)]

    alarms = sum(unpaired(run(1), run(1)).shown for _ in range(1000))
    assert alarms < 70  # 50 and three standard deviations
    assert sum(unpaired(run(1), run(1.4)).shown for _ in range(200)) > 190


def test_many_rounds_are_taken_for_normal() -> None:
    """At the border both ways leave out as many ratios, but for one or two, and thousands of rounds take no time."""
    assert _rank(100, 100, 0.95)[0] == pytest.approx(_normal(100, 100), abs=3)
    assert _rank(100, 101, 0.95)[0] == pytest.approx(_normal(100, 101), abs=3)
    assert unpaired([1.0, 1.1] * 300, [2.0, 2.1] * 300).shown


def _normal(one: int, other: int) -> float:
    return one * other / 2 - 1.959964 * sqrt(one * other * (one + other + 1) / 12)


def test_false_alarms_of_pairs() -> None:
    """Of paired rounds of one distribution at most 5% are called different."""
    random = Random(2)
    ones = [1.0] * 9
    alarms = sum(paired(ones, [random.lognormvariate(0, 0.3) for _ in ones]).shown for _ in range(1000))
    assert alarms < 70
