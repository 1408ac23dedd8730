"""How many requests are needed, by the usual normal approximations.

`confidence` is two-sided unless `sides` says otherwise. Raises ValueError where no number is enough.
"""

from __future__ import annotations

from math import ceil, log, log1p, sqrt

from scipy.special import ndtr, ndtri

from edgesim.analysis.intervals import z_of


def for_half_width(share: float, half_width: float, confidence: float = 0.95) -> int:
    """Return n for an interval of `share` plus or minus `half_width`, to the nearest: 1,825 for 5% within 1 point."""
    _check(half_width)
    return round(z_of(confidence) ** 2 * share * (1 - share) / half_width**2)


def for_shift(share: float, shift: float, confidence: float = 0.99, power: float = 0.9) -> int:
    """Return n with which a share that is off by `shift` is found to differ from `share`."""
    _check(abs(shift))
    other = min(1.0, max(0.0, share + shift))
    spread = z_of(confidence) * _spread(share) + float(ndtri(power)) * _spread(other)
    return ceil((spread / shift) ** 2)


def for_rise(
    before: float, after: float, confidence: float = 0.95, power: float = 0.95, ratio: float = 1.0, sides: int = 1
) -> int:
    """Return the requests that the new version needs to show that its error rate is higher.

    `ratio` is how many requests the old version gets for each of the new one's: 19 where the canary has 5%.
    Two proportions, pooled under the null (Fleiss, Levin and Paik, Statistical Methods for Rates, section 4.2).
    """
    rise = after - before
    _check(rise)
    level = float(ndtri(1 - (1 - confidence) / sides))
    pooled = (ratio * before + after) / (ratio + 1)
    same = level * sqrt(pooled * (1 - pooled) * (1 + 1 / ratio))
    other = float(ndtri(power)) * sqrt(before * (1 - before) / ratio + after * (1 - after))
    return ceil(((same + other) / rise) ** 2)


def power_of_rise(
    before: float, after: float, requests: int, confidence: float = 0.95, ratio: float = 1.0, sides: int = 1
) -> float:
    """Return the power with so many requests to the new version: the inverse of `for_rise`."""
    level = float(ndtri(1 - (1 - confidence) / sides))
    pooled = (ratio * before + after) / (ratio + 1)
    same = level * sqrt(pooled * (1 - pooled) * (1 + 1 / ratio))
    spread = sqrt(before * (1 - before) / ratio + after * (1 - after))
    if not spread:
        return float(after > before)
    return float(ndtr(((after - before) * sqrt(requests) - same) / spread))


def without_errors(rate: float, confidence: float = 0.95) -> int:
    """Return how many requests without an error show that the rate is below `rate`: 299 for 1% at 95%."""
    _check(rate)
    return ceil(log(1 - confidence) / log1p(-rate)) if rate < 1 else 1


def _spread(share: float) -> float:
    return sqrt(share * (1 - share))


def _check(difference: float) -> None:
    if not difference > 0:
        raise ValueError(f"no number of requests shows a difference of {difference:g}")
