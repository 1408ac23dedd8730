"""What rounds say: a median with its interval, and whether two series differ by more than their noise. Pure.

Nothing is assumed of how rounds are spread, but that they are independent and of one distribution: intervals come from
order statistics. Rounds that were measured side by side are compared pair by pair, those of two runs all with all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, sqrt
from statistics import NormalDist, median

CONFIDENCE = 0.95
_EXACT = 10_000
"""Pairs of rounds above which the Mann-Whitney statistic is taken for normal."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds, and how often such bounds hold what they are about; below what was asked for where there is too little."""

    low: float
    high: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many times as much the second is as the first; `shown` where noise does not explain that it is not 1."""

    ratio: float
    interval: Interval
    shown: bool
    paired: bool


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the narrowest pair of order statistics that holds the true median so often, else the outermost.

    The r-th from either end misses it with 2 P(Binomial(n, 1/2) < r) (David and Nagaraja, Order Statistics, 7.1).
    """
    ordered = sorted(values)
    count = len(ordered)
    missed, found, tail = 1.0, 0, 0
    for rank in range((count + 1) // 2):
        tail += comb(count, rank)
        outside = 2 * tail / 2**count
        if rank and 1 - outside < confidence:
            break
        missed, found = outside, rank
    return Interval(ordered[found], ordered[-1 - found], max(0.0, 1 - missed))


def paired(first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE) -> Comparison:
    """Compare two series measured in the same rounds, by the ratio in each round."""
    ratios = [other / one for one, other in zip(first, second, strict=True)]
    return _judged(median(ratios), median_interval(ratios, confidence), confidence, is_paired=True)


def unpaired(first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE) -> Comparison:
    """Compare two runs, by all ratios of a value of one to a value of the other.

    The estimate is Hodges and Lehmann's on logarithms, the interval Moses', from the exact distribution of the Mann-Whitney
    statistic (Hollander, Wolfe, Chicken, Nonparametric Statistical Methods, 4.2 and 4.3).
    """
    ratios = sorted(other / one for one in first for other in second)
    rank, confident = _rank(len(first), len(second), confidence)
    interval = Interval(ratios[rank], ratios[-1 - rank], confident)
    return _judged(median(ratios), interval, confidence, is_paired=False)


def _judged(ratio: float, interval: Interval, confidence: float, *, is_paired: bool) -> Comparison:
    apart = interval.low > 1 or interval.high < 1
    return Comparison(ratio, interval, apart and interval.confidence >= confidence, is_paired)


def _rank(one: int, other: int, confidence: float) -> tuple[int, float]:
    """Return how many ratios to leave out at each end, and the confidence that leaves."""
    if one * other > _EXACT:
        spread = sqrt(one * other * (one + other + 1) / 12)
        bound = NormalDist().inv_cdf((1 + confidence) / 2)
        return int(one * other / 2 - bound * spread) - 1, confidence
    ways = _ways(one, other)
    every = comb(one + other, one)
    rank, tail, confident = 0, 0, 0.0
    for number, many in enumerate(ways):
        tail += many
        left = 1 - 2 * tail / every
        if number and left < confidence:
            break
        rank, confident = number, max(0.0, left)
    return rank, confident


@lru_cache(maxsize=64)
def _ways(one: int, other: int) -> tuple[int, ...]:
    """Return in how many orders of both series the Mann-Whitney statistic is 0, 1, 2, ... (a Gaussian binomial)."""
    counts = [1] + [0] * (one * other)
    for size in range(1, one + 1):
        top = size + other
        for value in range(len(counts) - 1, top - 1, -1):
            counts[value] -= counts[value - top]
        for value in range(size, len(counts)):
            counts[value] += counts[value - size]
    return tuple(counts)


def needed(confidence: float = CONFIDENCE) -> int:
    """Return how many pairs of rounds can show a difference at all."""
    count = 1
    while 1 - 2 / 2**count < confidence:
        count += 1
    return count
