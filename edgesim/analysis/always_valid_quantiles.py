"""Quantiles of latency that may be looked at every second: as `always_valid`, for durations.

Whether a request is below the true quantile is a coin of known bias. That too many fell below a value (or too few) is
evidence that the quantile is elsewhere, a one-sided mixture of likelihoods over that of the coin (Howard and Ramdas,
Sequential estimation of quantiles, Bernoulli 28, 2022; ties are counted to the null's advantage). `band` is their bound
of a whole distribution function, the Dvoretzky-Kiefer-Wolfowitz inequality made to hold at all times.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincc, betaln

from edgesim.analysis.always_valid import first_factor
from edgesim.analysis.binned import Binned, Floats, Ints
from edgesim.analysis.intervals import Interval
from edgesim.analysis.shift import mann_whitney

WEIGHT = 100.0
"""The mixture is a Beta of so many requests around the quantile: best at some thousand. It never changes validity."""
_KEPT = 0.25
_STRIDE = 32
_FARTHEST = 1e9


def log_evidence(less: Binned, more: Binned, share: float, factor: float = 1.0) -> float:
    """Return the log of the evidence that `factor` times the quantile of `less` is below that of `more`.

    At every value x: the evidence that the quantile of `less` is below x, times that of `more` above `factor` x; and of
    these the least, since one x is the true quantile.
    """
    if not less.total or not more.total:
        return 0.0
    at = np.append(less.values, np.inf)
    below, above = less.below(at), more.total - more.not_above(at * factor)

    def low(which: Ints) -> Floats:
        return _too_many(below[which], less.total, share)

    def high(which: Ints) -> Floats:
        return _too_many(above[which], more.total, 1 - share)

    return _least_sum(low, high, len(at))


def _least_sum(rising: Callable[[Ints], Floats], falling: Callable[[Ints], Floats], size: int) -> float:
    """Return the least sum of two monotone functions over indexes, looking between every `_STRIDE`th only where it may be."""
    some = np.unique(np.append(np.arange(0, size, _STRIDE), size - 1))
    first, second = rising(some), falling(some)
    least = float(np.min(first + second))
    may_be = np.flatnonzero(first[:-1] + second[1:] < least)
    inside = [np.arange(some[piece] + 1, some[piece + 1]) for piece in may_be]
    rest = np.concatenate([np.empty(0, np.int64), *inside])
    return min(least, float(np.min(rising(rest) + falling(rest)))) if rest.size else least


def _too_many(count: Ints, of: ArrayLike, share: float) -> Floats:
    """Return the log of the evidence that a coin that should fall so with probability `share` does so more often.

    `_KEPT` of the stake is not bet, so that what says nothing at one value takes nothing from what the other side says.
    """
    a, b, of = WEIGHT * share, WEIGHT * (1 - share), np.asarray(of)
    with np.errstate(divide="ignore"):  # the log of a tail of 0: no evidence
        tail = np.log(betaincc(a + count, b + of - count, share)) - np.log(betaincc(a, b, share))
    mixture = betaln(a + count, b + of - count) - betaln(a, b) + tail
    bet = mixture - count * log(share) - (of - count) * np.log1p(-share)
    return np.asarray(np.logaddexp(log(_KEPT), log(1 - _KEPT) + bet), float)


def p_value(less: Binned, more: Binned, share: float, factor: float = 1.0) -> float:
    """Return the always-valid p-value of "the quantile of `more` is at most `factor` times that of `less`"."""
    return float(np.exp(-max(0.0, log_evidence(less, more, share, factor))))


def quantile(of: Binned, share: float, alpha: float) -> Interval:
    """Return the interval of a quantile that holds at all times at once, but with probability alpha.

    An end that nothing bounds yet is 0 or infinite.
    """
    level = log(2 / alpha)
    below = _too_many(of.below(of.values), of.total, share) >= level
    above = _too_many(of.total - of.not_above(of.values), of.total, 1 - share) >= level
    high = of.values[below]  # x is too high where too many lie below it
    low = of.values[above]
    return Interval(_next(of.values, low), _last(of.values, high))


def _next(values: Floats, excluded: Floats) -> float:
    """Return the first value that is not excluded as too low."""
    return float(values[min(len(excluded), len(values) - 1)]) if excluded.size else 0.0


def _last(values: Floats, excluded: Floats) -> float:
    """Return the last value that is not excluded as too high."""
    return float(values[max(len(values) - len(excluded) - 1, 0)]) if excluded.size else float("inf")


def ratio(before: Binned, after: Binned, share: float, alpha: float) -> Interval:
    """Return the interval of the second quantile over the first that holds at all times at once, but with probability alpha.

    An end that nothing bounds yet is 0 or infinite. Raises ValueError where one is empty.
    """
    seen = after.quantile(share) / before.quantile(share)
    level = log(2 / alpha)
    low = _edge(seen, 0.5, lambda at: log_evidence(before, after, share, at) >= level)
    high = _edge(seen, 2.0, lambda at: log_evidence(after, before, share, 1 / at) >= level)
    return Interval(0.0 if low is None else low, float("inf") if high is None else high)


def _edge(seen: float, step: float, excluded: Callable[[float], bool]) -> float | None:
    inside, outside = seen, seen * step
    while not excluded(outside):
        inside, outside = outside, outside * step
        if not 1e-6 < outside / seen < 1e6:
            return None
    while max(inside / outside, outside / inside) > 1.0005:
        middle = sqrt(inside * outside)
        inside, outside = (inside, middle) if excluded(middle) else (middle, outside)
    return outside


def more_needed(before: Binned, after: Binned, share: float, factor: float, alpha: float) -> int | None:
    """Return how many more requests of both it takes to tell the second quantile from `factor` times the first.

    None where they are so close that a billion would not do, or a side has none.
    """
    if not before.total or not after.total:
        return None
    beyond = after.quantile(share) > factor * before.quantile(share)
    less, more, times = (before, after, factor) if beyond else (after, before, 1 / factor)
    every = before.total + after.total

    def decided(by: float) -> bool:
        return log_evidence(less.scaled(by), more.scaled(by), share, times) >= log(1 / alpha)

    found = first_factor(decided, _FARTHEST / every)
    return None if found is None else ceil((found - 1) * every)


def band(of: int, alpha: float) -> float:
    """Return how far the empirical distribution function may be off, anywhere, at all times, but with probability alpha.

    Howard and Ramdas 2022, equation 6: 0.85 sqrt((log log(e n) + 0.8 log(1612 / alpha)) / n).
    """
    if not of:
        return 1.0
    return min(1.0, 0.85 * sqrt((log(1 + log(of)) + 0.8 * log(1612 / alpha)) / of))


def superiority(before: Binned, after: Binned, alpha: float) -> Interval:
    """Return the interval of P(second above first), ties counting half, that holds at all times at once.

    It is an integral of one distribution function over the other, so that it is off by both bands at most.
    """
    middle = mann_whitney(before, after).superiority
    off = band(before.total, alpha / 2) + band(after.total, alpha / 2)
    return Interval(max(0.0, middle - off), min(1.0, middle + off))
