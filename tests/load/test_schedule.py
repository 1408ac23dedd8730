from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.load.scenario import Arrivals, Open, Stage
from edgesim.load.schedule import SECOND, expected, send_times

RATES = st.one_of(st.just(0.0), st.floats(0.5, 300))
STAGES = st.lists(st.builds(Stage, st.floats(0.1, 5), RATES, RATES), min_size=1, max_size=4).map(tuple)


@settings(max_examples=30)
@given(STAGES)
def test_each_stage_has_as_many_as_its_rate_says(stages: tuple[Stage, ...]) -> None:
    """Evenly sent, the requests of each stage are the integral of its rate, give or take one; times rise."""
    times = list(send_times(Open(stages)))
    assert all(a <= b for a, b in pairwise(times))
    begin = 0.0
    for stage in stages:
        inside = [each for each in times if begin * SECOND <= each < (begin + stage.seconds) * SECOND]
        assert abs(len(inside) - expected([stage])) <= 1 + 1e-3
        begin += stage.seconds


@settings(max_examples=30)
@given(STAGES, st.integers(1, 5), st.integers(0, 50))
def test_the_shares_of_all_processes_are_the_whole(stages: tuple[Stage, ...], workers: int, count: int) -> None:
    """What several client processes send is together what one would send."""
    whole = list(send_times(Open(stages), count=count))
    shares = [send_times(Open(stages), index, workers, count=count) for index in range(workers)]
    assert sorted(each for share in shares for each in share) == whole
    assert not count or len(whole) <= count


def test_an_even_rate_is_even() -> None:
    """At 100/s a request is due every 10 ms, the first at once."""
    times = list(send_times(Open((Stage(10, 100, 100),))))
    assert len(times) == 1000
    assert times[0] == 0
    assert {b - a for a, b in pairwise(times)} == {SECOND // 100}


def test_a_ramp_is_inverted_exactly() -> None:
    """From 0 to 100/s in 10 s the k-th request is due where 5 t^2 = k."""
    times = list(send_times(Open((Stage(10, 0, 100),))))
    assert len(times) == 500
    assert times == [pytest.approx(math.sqrt(number / 5) * SECOND, abs=2) for number in range(500)]


@pytest.mark.parametrize("workers", [1, 3])
def test_poisson_counts_have_the_mean_and_variance_of_poisson(workers: int) -> None:
    """Counted over a thousand windows of a ramp's two halves: mean and variance are both the integral of the rate."""
    stages = (Stage(1, 0, 40), Stage(1, 40, 40)) * 1000
    first, second = [0] * 1000, [0] * 1000
    for index in range(workers):
        for each in send_times(Open(stages, Arrivals.POISSON), index, workers, seed=7):
            window = each // (2 * SECOND)
            (first if each % (2 * SECOND) < SECOND else second)[window] += 1
    for found, mean in ((first, 20.0), (second, 40.0)):
        average = sum(found) / 1000
        variance = sum((each - average) ** 2 for each in found) / 999
        assert abs(average - mean) < 5 * math.sqrt(mean / 1000)
        assert abs(variance / mean - 1) < 5 * math.sqrt(2 / 999)


def test_poisson_has_gaps_without_memory() -> None:
    """Gaps are exponential: the share that is longer than the mean is 1/e."""
    times = list(send_times(Open((Stage(100, 100, 100),), Arrivals.POISSON), seed=1))
    longer = sum(b - a > SECOND / 100 for a, b in pairwise(times)) / len(times)
    assert abs(longer - math.exp(-1)) < 0.025
    assert times == list(send_times(Open((Stage(100, 100, 100),), Arrivals.POISSON), seed=1))
    assert times != list(send_times(Open((Stage(100, 100, 100),), Arrivals.POISSON), seed=2))


def test_a_count_ends_a_poisson_schedule() -> None:
    """The shares of several processes add up to the count asked for."""
    mode = Open((Stage(100, 100, 100),), Arrivals.POISSON)
    assert sum(len(list(send_times(mode, index, 3, count=100))) for index in range(3)) == 100


def test_a_replay_sends_at_the_times_of_the_log() -> None:
    """Each process takes every n-th request of the log, at its time."""
    mode = Open((), times=(0.0, 0.5, 0.75, 2.0, 2.0))
    assert list(send_times(mode, 0, 2)) == [0, 750_000_000, 2 * SECOND]
    assert list(send_times(mode, 1, 2)) == [500_000_000, 2 * SECOND]
    assert list(send_times(mode, count=2)) == [0, 500_000_000]
