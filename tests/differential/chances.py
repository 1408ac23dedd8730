"""What chance explains: chi-square statistics, and what they exceed once in a million times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from scipy.stats import chi2

_SELDOM = 1e-6


def seldom(degrees: int) -> float:
    """Return what a chi-square of so many degrees of freedom exceeds once in a million times."""
    return float(chi2.isf(_SELDOM, degrees))


def of_two(one: Counter[str], two: Counter[str]) -> float:
    """Return the statistic of two samples of the same size being of one distribution."""
    return sum((one[key] - two[key]) ** 2 / (one[key] + two[key]) for key in one.keys() | two.keys())


def of_shares(seen: Counter[str], shares: Mapping[str, float]) -> float:
    """Return the statistic of a sample being of a distribution; what that has not must not be in the sample."""
    assert seen.keys() <= {key for key, share in shares.items() if share}, (seen, shares)
    size, whole = seen.total(), sum(shares.values())
    wanted = {key: size * share / whole for key, share in shares.items() if share}
    return sum((seen[key] - each) ** 2 / each for key, each in wanted.items())
