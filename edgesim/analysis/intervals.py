"""Confidence intervals of shares and of their differences.

`confidence` is that of the two-sided interval, 0.95 for example. Raises ValueError where counts make no share.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from scipy.special import betaincinv, ndtri


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float

    def within(self, low: float, high: float) -> bool:
        """Tell whether all of it lies between two numbers."""
        return low <= self.low and self.high <= high

    def outside(self, low: float, high: float) -> bool:
        """Tell whether none of it lies between two numbers."""
        return self.high < low or high < self.low


def z_of(confidence: float) -> float:
    """Return the standard normal quantile of a two-sided interval: 1.96 for 0.95."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    return float(ndtri((1 + confidence) / 2))


def wilson(count: int, of: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval of a share (E. B. Wilson 1927); all of [0, 1] where there is nothing."""
    _check(count, of)
    if not of:
        return Interval(0.0, 1.0)
    z2 = z_of(confidence) ** 2
    share = count / of
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = sqrt(z2 * (share * (1 - share) + z2 / (4 * of)) / of) / (1 + z2 / of)
    return Interval(0.0 if not count else max(0.0, middle - half), 1.0 if count == of else min(1.0, middle + half))


def clopper_pearson(count: int, of: int, confidence: float = 0.95) -> Interval:
    """Return the exact interval of a share (Clopper and Pearson 1934): it misses no more often than it says."""
    _check(count, of)
    z_of(confidence)
    tail = (1 - confidence) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return Interval(low, high)


def newcombe(before: tuple[int, int], after: tuple[int, int], confidence: float = 0.95) -> Interval:
    """Return the interval of the share after minus the share before, each as (count, of).

    Newcombe's hybrid of two Wilson intervals (Statistics in Medicine 17, 1998, method 10).
    """
    one, two = wilson(*before, confidence), wilson(*after, confidence)
    first, second = (count / of if of else 0.5 for count, of in (before, after))
    low = second - first - sqrt((second - two.low) ** 2 + (one.high - first) ** 2)
    high = second - first + sqrt((two.high - second) ** 2 + (first - one.low) ** 2)
    return Interval(low, high)


def none_seen(of: int, confidence: float = 0.95) -> float:
    """Return the highest rate that zero errors in so many requests leave possible, one-sided: about 3/n for 0.95."""
    return float(1 - (1 - confidence) ** (1 / of)) if of else 1.0


def rule_of_three(of: int) -> float:
    """Return 3/n: what zero errors in so many requests bound the rate with, at 95% (Hanley and Lippman-Hand 1983)."""
    return min(1.0, 3 / of) if of else 1.0


def _check(count: int, of: int) -> None:
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of} is no share")
