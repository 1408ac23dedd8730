"""When requests of an open loop are to be sent: fixed before the run, whatever the server does.

Requests arrive where the integral of the rate passes the next whole number (evenly), or the next point of a Poisson
process of rate one, which is exact for a rate that changes as well (the time-change theorem; Cinlar, Introduction to
Stochastic Processes, chapter 4.7). Each client process takes its share.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random

from edgesim.load.scenario import Arrivals, Open, Stage

SECOND = 1_000_000_000
_SAME = 1e-6
"""Requests by which sums of rates may be off."""


def expected(stages: Iterable[Stage]) -> float:
    """Return how many requests stages ask for: the integral of their rate."""
    return sum(each.seconds * (each.start + each.end) / 2 for each in stages)


def send_times(mode: Open, index: int = 0, workers: int = 1, seed: int = 0, count: int = 0) -> Iterator[int]:
    """Yield the send times of one of so many client processes, in nanoseconds since the start of the run.

    With a `count` all of them together send no more than that.
    """
    if mode.times:
        times = islice(mode.times, index, count or None, workers)
        return (round(moment * SECOND) for moment in times)
    if mode.arrivals is Arrivals.POISSON:
        share = count // workers + (index < count % workers)
        points = _poisson(Random(f"{seed}:{index}:arrivals"), workers)
        every = _inverted(mode.stages, points)
        return every if not count else islice(every, share)
    total = math.ceil(expected(mode.stages) - _SAME)
    return _inverted(mode.stages, iter(range(index, min(total, count or total), workers)))


def requests_of(mode: Open, index: int = 0, workers: int = 1) -> Iterator[int]:
    """Yield which request is sent at each time of a replay by one of so many client processes; nothing otherwise."""
    return islice(mode.requests, index, None, workers)


def _poisson(random: Random, workers: int) -> Iterator[float]:
    """Yield the points of a Poisson process of rate 1/workers."""
    point = 0.0
    while True:
        point += random.expovariate(1.0) * workers
        yield point


def _inverted(stages: Iterable[Stage], points: Iterator[float]) -> Iterator[int]:
    """Yield when the integral of the rate reaches each point; points rise, and end or go on behind the integral."""
    before, begin = 0.0, 0.0
    point = next(points, None)
    for stage in stages:
        end = before + expected([stage])
        first, slope = stage.start, (stage.end - stage.start) / stage.seconds if stage.seconds else 0.0
        while point is not None and point < end - _SAME:
            into = point - before
            # The root of first*t + slope/2*t^2 = into that does not cancel, whatever the sign of the slope.
            root = math.sqrt(max(0.0, first * first + 2 * slope * into))
            yield round((begin + (2 * into / (first + root) if into > 0 else 0.0)) * SECOND)
            point = next(points, None)
        before, begin = end, begin + stage.seconds
