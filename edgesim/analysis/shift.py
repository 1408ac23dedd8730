"""Is one distribution of durations above another, and by how much? Over histograms, looked at once.

Mann and Whitney's test with ties, the probability of superiority and Cliff's delta as effect sizes, Hodges and
Lehmann's shift with its interval, and differences of quantiles by bootstrap: of requests, or of whole seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import ndtr

from edgesim.analysis.binned import Binned, Floats, Ints, quantiles
from edgesim.analysis.intervals import Interval, z_of

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class MannWhitney:
    """The test that values of both come equally often before each other."""

    superiority: float
    """The probability that one of the second is above one of the first; ties count half."""
    z: float
    p_value: float
    """Two-sided."""
    p_greater: float
    """That the second is not above."""

    @property
    def cliffs_delta(self) -> float:
        """From -1, all below, to 1, all above (Cliff 1993)."""
        return 2 * self.superiority - 1


def mann_whitney(before: Binned, after: Binned) -> MannWhitney:
    """Test with the normal approximation and the correction for ties, without one for continuity."""
    one, two = before.total, after.total
    if not one or not two:
        return MannWhitney(0.5, 0.0, 1.0, 1.0)
    lower = before.below(after.values)
    wins = float((after.counts * (lower + (before.not_above(after.values) - lower) / 2)).sum())
    every = one + two
    ties = _ties(before, after)
    variance = one * two / 12 * (every + 1 - ties / (every * max(every - 1, 1)))
    z = (wins - one * two / 2) / sqrt(variance) if variance > 0 else 0.0
    return MannWhitney(wins / (one * two), z, float(min(1.0, 2 * ndtr(-abs(z)))), float(ndtr(-z)))


def _ties(before: Binned, after: Binned) -> float:
    values = np.union1d(before.values, after.values)
    sizes = sum((each.not_above(values) - each.below(values)).astype(float) for each in (before, after))
    return float(np.asarray(sizes**3 - sizes).sum())


def hodges_lehmann(before: Binned, after: Binned, confidence: float = 0.95) -> tuple[float, Interval]:
    """Return the median of all differences (second minus first), and the interval that inverts Mann and Whitney's test.

    Exact to a millionth of the range (Hollander, Wolfe and Chicken 2014, section 4.2-4.3; the rank of the interval's
    ends by its normal approximation). Raises ValueError where one is empty.
    """
    pairs = before.total * after.total
    if not pairs:
        raise ValueError("there is no shift from or to nothing")
    half = z_of(confidence) * sqrt(pairs * (before.total + after.total + 1) / 12)
    ranks = (pairs / 2, max(1.0, pairs / 2 - half), min(float(pairs), pairs / 2 + half))
    middle, low, high = (_difference(before, after, rank) for rank in ranks)
    return middle, Interval(low, high)


def _difference(before: Binned, after: Binned, rank: float) -> float:
    """Return the lowest difference that at least `rank` pairs do not exceed: halved until it is found."""
    low, high = after.values[0] - before.values[-1], after.values[-1] - before.values[0]
    closeness = 1e-6 * max(high - low, 1e-300)
    if _pairs(before, after, low) >= rank:
        return float(low)
    while high - low > closeness:
        middle = (low + high) / 2
        low, high = (low, middle) if _pairs(before, after, middle) >= rank else (middle, high)
    return _nearest(before, after, float(low), float(high))


def _pairs(before: Binned, after: Binned, difference: float) -> float:
    """Return how many pairs differ by `difference` or less."""
    return float((before.counts.astype(float) * after.not_above(before.values + difference)).sum())


def _nearest(before: Binned, after: Binned, low: float, high: float) -> float:
    """Return a difference there really is in (low, high]."""
    found = np.searchsorted(after.values, before.values + high, side="right") - 1
    differences = after.values[np.maximum(found, 0)] - before.values
    inside = differences[(differences > low) & (differences <= high)]
    return float(inside.max()) if inside.size else high


def bootstrap_quantiles(
    before: Binned, after: Binned, shares: Sequence[float], rng: np.random.Generator, draws: int = 2000
) -> Floats:
    """Return `draws` ratios (second to first) of each quantile, requests drawn anew: an array of draws x shares."""
    drawn = [_drawn(each, rng, draws) for each in (before, after)]
    pairs = [(quantiles(before.values, drawn[0], share), quantiles(after.values, drawn[1], share)) for share in shares]
    return np.stack([second / np.maximum(first, 1e-300) for first, second in pairs], axis=1)


def _drawn(of: Binned, rng: np.random.Generator, draws: int) -> Ints:
    return rng.multinomial(of.total, of.counts / of.total, size=draws)


def bootstrap_blocks(
    before: Sequence[Binned],
    after: Sequence[Binned],
    shares: Sequence[float],
    rng: np.random.Generator,
    draws: int = 500,
) -> Floats:
    """Return ratios as `bootstrap_quantiles` does, whole blocks (seconds) drawn anew.

    Requests of one second have much in common (a pause, a full queue): where there are many seconds this interval is
    the honest one (Kunsch 1989).
    """
    drawn = [_resampled(blocks, shares, rng, draws) for blocks in (before, after)]
    return drawn[1] / np.maximum(drawn[0], 1e-300)


def _resampled(blocks: Sequence[Binned], shares: Sequence[float], rng: np.random.Generator, draws: int) -> Floats:
    """Return the quantiles of each draw; some draws at a time, since a draw is a whole histogram."""
    seen = [each for each in blocks if each.total]
    values = np.unique(np.concatenate([each.values for each in seen]))
    rows = np.zeros((len(seen), len(values)))
    for row, each in zip(rows, seen, strict=True):
        row[np.searchsorted(values, each.values)] = each.counts
    times = rng.multinomial(len(seen), np.full(len(seen), 1 / len(seen)), size=draws).astype(float)
    some = np.array_split(times, max(1, draws // _AT_ONCE))
    counts = ((part @ rows).astype(np.int64) for part in some)  # as floats: BLAS has no integers
    return np.concatenate([np.stack([quantiles(values, each, share) for share in shares], axis=1) for each in counts])


def interval_of(drawn: Floats, confidence: float) -> Interval:
    """Return the interval in which the middle of what was drawn lies (percentile bootstrap)."""
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))
