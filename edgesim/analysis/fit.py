"""P-values of counts against the shares they should have, and the power of these tests.

Two arms: exact binomial, both tails at the same level, so that it rejects exactly what Clopper and Pearson's interval
leaves out. More: Pearson's chi-square, whose p-value is drawn (Monte Carlo) where an expectation is small.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri
from scipy.stats import binom, chi2, ncx2

from edgesim.analysis.binned import Floats

FEW = 50.0
"""The p-value is drawn where any expectation is below: at 5, the textbooks' rule, chi-square is off at a level of 1%."""
_DRAWS, _MOST_DRAWS, _AT_ONCE = 9_999, 999_999, 100_000


def binomial_p(count: int, of: int, share: float) -> float:
    """Return the two-sided exact p-value: twice the smaller tail, at most 1."""
    if not of:
        return 1.0
    return float(min(1.0, 2 * min(binom.cdf(count, of, share), binom.sf(count - 1, of, share))))


def binomial_power(of: ArrayLike, share: float, shift: float, confidence: float) -> Floats:
    """Return the probability that `binomial_p` is below 1 - confidence where the share is off by `shift`.

    As all powers here, of one number of requests or of an array of them.
    """
    tail = (1 - confidence) / 2
    other = min(1.0, max(0.0, share + shift))
    low, high = binom.ppf(tail, of, share), binom.isf(tail, of, share)  # the lowest and highest that is not rejected
    return np.asarray(binom.cdf(low - 1, of, other) + binom.sf(high, of, other), float)


def chi_square(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return Pearson's statistic; shares are above 0 and add up to 1."""
    observed, expected = np.asarray(counts, float), np.asarray(shares) * sum(counts)
    return float(((observed - expected) ** 2 / expected).sum()) if sum(counts) else 0.0


def chi_square_p(
    counts: Sequence[int], shares: Sequence[float], rng: np.random.Generator, confidence: float = 0.99
) -> float:
    """Return the p-value of Pearson's chi-square, drawn where an expectation is below `FEW`.

    A drawn one is (1 + as extreme) / (1 + draws), which is below a level no more often than it should be (Davison and
    Hinkley 1997, section 4.2); there are enough draws to get well below 1 - confidence.
    """
    of, statistic = sum(counts), chi_square(counts, shares)
    if not of:
        return 1.0
    if min(shares) * of >= FEW:
        return float(chi2.sf(statistic, len(shares) - 1))
    draws = min(_MOST_DRAWS, max(_DRAWS, ceil(20 / (1 - confidence))))
    extreme = sum(
        _as_extreme(of, statistic, np.asarray(shares), min(_AT_ONCE, draws - begun), rng)
        for begun in range(0, draws, _AT_ONCE)
    )
    return (1 + extreme) / (1 + draws)


def _as_extreme(of: int, statistic: float, shares: Floats, draws: int, rng: np.random.Generator) -> int:
    drawn = rng.multinomial(of, shares, size=draws)
    statistics = ((drawn - of * shares) ** 2 / (of * shares)).sum(axis=1)
    return int((statistics >= statistic * (1 - 1e-12)).sum())


def chi_square_power(of: ArrayLike, shares: Sequence[float], arm: int, shift: float, confidence: float) -> Floats:
    """Return the power where one arm's share is off by `shift`, which the others share in proportion."""
    share, freedom = shares[arm], len(shares) - 1
    away = np.asarray(of, float) * shift**2 / (share * (1 - share))
    return np.asarray(ncx2.sf(chi2.isf(1 - confidence, freedom), freedom, away), float)


def within_power(of: ArrayLike, share: float, tolerance: float, confidence: float) -> Floats:
    """Return how probable it is that all of Clopper and Pearson's interval lies in share +- tolerance, if share is true.

    The interval's ends are compared by the tails that define them: low >= a where P(X >= count | a) <= tail.
    """
    tail = (1 - confidence) / 2
    low, high = share - tolerance, share + tolerance
    every = np.asarray(of, float)
    first = binom.isf(tail, every, low) + 1 if low > 0 else 0.0 * every
    last = binom.ppf(tail, every, high) - 1 if high < 1 else every
    held = binom.cdf(last, every, share) - binom.cdf(first - 1, every, share)
    return np.where(last < first, 0.0, held)


def needed_for_within(share: float, gap: float, confidence: float, power: float) -> int:
    """Return about how many are needed until the interval lies within `gap` on both sides (normal approximation)."""
    both = float(ndtri((1 + confidence) / 2) + ndtri((1 + power) / 2))
    return ceil((both * sqrt(share * (1 - share)) / gap) ** 2)
