"""Error rates that may be looked at every second, and stopped at when the answer pleases.

Evidence is a betting score: under the null its expectation never exceeds 1 at any time, whoever stops when, so that it
reaches 1/alpha with probability alpha at most, ever (Ville 1939). For one rate p it is a mixture of likelihoods over
that of p (Robbins 1970; Waudby-Smith and Ramdas 2020 call it the prior-posterior ratio); for a null of many pairs of
rates it is the product of two such, at the pair that is most in its favour: below the score of the true pair, wherever
that lies in the null. All of this is exact, for requests that fail independently of each other.

Functions take numbers or numpy arrays of counts, which may be fractions where a future is thought of.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, xlog1py, xlogy

from edgesim.analysis.binned import Floats
from edgesim.analysis.intervals import Interval
from edgesim.analysis.worse import Rate

PRIOR = (0.25, 1.0)
"""Beta(1/4, 1), for rates of errors: much of it lies near 0. It changes how soon an answer comes, never its validity."""
_HALVINGS = 60
_FARTHEST = 1e9


def log_evidence(before: tuple[ArrayLike, ArrayLike], after: tuple[ArrayLike, ArrayLike], margin: float) -> Floats:
    """Return the log of the evidence against "the second rate is at most `margin` above the first".

    Both sides are (errors, requests). Swap them and negate the margin for the evidence against "at least".
    """
    one, two = _arrays(before), _arrays(after)
    return np.asarray(_mixture(*one) + _mixture(*two) - _best_of_null(one, two, margin), float)


def _mixture(errors: Floats, of: Floats) -> Floats:
    a, b = PRIOR
    return np.asarray(betaln(a + errors, b + of - errors) - betaln(a, b), float)


def _best_of_null(one: tuple[Floats, Floats], two: tuple[Floats, Floats], margin: float) -> Floats:
    """Return the highest log likelihood of any pair of rates in the null."""
    first, second = (errors / np.maximum(of, 1e-300) for errors, of in (one, two))
    inside = (second - first <= margin) | (one[1] * two[1] == 0)
    free = _log_likelihood(*one, first) + _log_likelihood(*two, second)
    return np.where(inside, free, _best_at(one, two, margin))


def _best_at(one: tuple[Floats, Floats], two: tuple[Floats, Floats], margin: float) -> Floats:
    """Return the highest log likelihood of pairs that are exactly `margin` apart: concave, so that its slope is halved."""
    if not margin:  # both have the rate of all together
        rate = (one[0] + two[0]) / np.maximum(one[1] + two[1], 1e-300)
        return _log_likelihood(*one, rate) + _log_likelihood(*two, rate)
    shape = np.broadcast(one[0], two[0]).shape
    low, high = np.full(shape, max(0.0, -margin)), np.full(shape, min(1.0, 1.0 - margin))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rising = _slope(*one, middle) + _slope(*two, middle + margin) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    rate = (low + high) / 2
    return _log_likelihood(*one, rate) + _log_likelihood(*two, rate + margin)


def _slope(errors: Floats, of: Floats, rate: Floats) -> Floats:
    inside = np.clip(rate, 1e-300, 1 - 1e-16)
    return np.asarray(errors / inside - (of - errors) / (1 - inside), float)


def _log_likelihood(errors: Floats, of: Floats, rate: Floats) -> Floats:
    rate = np.clip(rate, 0.0, 1.0)
    return np.asarray(xlogy(errors, rate) + xlog1py(of - errors, -rate), float)


def _arrays(side: tuple[ArrayLike, ArrayLike]) -> tuple[Floats, Floats]:
    return np.asarray(side[0], float), np.asarray(side[1], float)


def p_value(before: Rate, after: Rate, margin: float) -> float:
    """Return the always-valid p-value of "the second rate is at most `margin` above the first"."""
    return float(np.exp(-max(0.0, float(log_evidence(_pair(before), _pair(after), margin)))))


def difference(before: Rate, after: Rate, alpha: float) -> Interval:
    """Return the interval of the second rate minus the first that holds at all times at once, but with probability alpha."""
    middle = after.share - before.share
    up = _edge(middle, 1.0, lambda at: _against_at_most(after, before, -at), alpha)
    down = _edge(middle, -1.0, lambda at: _against_at_most(before, after, at), alpha)
    return Interval(down, up)


def rate(seen: Rate, alpha: float) -> Interval:
    """Return the interval of one rate that holds at all times at once, but with probability alpha."""
    errors, of = np.asarray(float(seen.errors)), np.asarray(float(seen.of))

    def against(at: float) -> float:
        return float(_mixture(errors, of) - _log_likelihood(errors, of, np.asarray(at)))

    return Interval(_edge(seen.share, 0.0, against, alpha), _edge(seen.share, 1.0, against, alpha))


def _against_at_most(before: Rate, after: Rate, margin: float) -> float:
    return float(log_evidence(_pair(before), _pair(after), margin))


def _edge(inside: float, outside: float, against: Callable[[float], float], alpha: float) -> float:
    """Return where, between the two, the evidence reaches 1/alpha: it grows with the distance; `outside` if nowhere."""
    if against(outside) < log(1 / alpha):
        return outside
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if against(middle) >= log(1 / alpha) else (middle, outside)
    return outside


def more_needed(before: Rate, after: Rate, margin: float, alpha: float) -> int | None:
    """Return how many more requests of both it takes to tell the rates' difference from the margin, if they stay.

    None where they are so close to it that a billion would not do. Where a side has no requests, both are thought of as
    equally many without errors.
    """
    if not before.of or not after.of:
        before = after = Rate(0, 1)
    beyond = after.share - before.share > margin
    one, two, apart = (before, after, margin) if beyond else (after, before, -margin)
    every = before.of + after.of

    def decided(factor: float) -> bool:
        return float(log_evidence(_pair(one, factor), _pair(two, factor), apart)) >= log(1 / alpha)

    factor = first_factor(decided, _FARTHEST / every)
    return None if factor is None else ceil((factor - 1) * every)


def first_factor(decided: Callable[[float], bool], farthest: float) -> float | None:
    """Return about the lowest factor of 1 or more at which something is decided: doubled, then halved to 1%."""
    low, high = 1.0, 1.0
    while not decided(high):
        low, high = high, high * 2
        if high > farthest:
            return None
    while high / low > 1.01:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high


def _pair(seen: Rate, factor: float = 1.0) -> tuple[float, float]:
    return seen.errors * factor, seen.of * factor
