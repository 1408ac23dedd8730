"""How many users meet the canary until it is stopped.

Users are put into groups of about the same activity: a user who sends so many requests a second, on his own time, meets the
canary unless none of them goes there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgesim.simulate.columns import zipf
from edgesim.simulate.population import Users

Floats = NDArray[np.float64]
_GROUPS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """`counts` users of each group, each with `rates` requests a second to the split; do they stick to a version?"""

    counts: Floats
    rates: Floats
    sticky: bool = False

    @property
    def users(self) -> float:
        """Return how many users there are."""
        return float(self.counts.sum())


def groups_of(users: Users, rate: float, *, sticky: bool = False) -> Groups:
    """Group users who together send `rate` requests a second."""
    if not users.exponent:
        return Groups(np.array([float(users.count)]), np.array([rate / users.count]), sticky)
    weights = zipf(users.count, users.exponent)
    rates = weights / weights.sum() * rate
    marks = np.log(rates)
    number = np.minimum(((marks - marks[-1]) / max(marks[0] - marks[-1], 1e-9) * _GROUPS).astype(np.int64), _GROUPS - 1)
    counts = np.bincount(number, minlength=_GROUPS).astype(np.float64)
    sums = np.bincount(number, weights=rates, minlength=_GROUPS)
    there = counts > 0
    return Groups(counts[there], sums[there] / counts[there], sticky)


def users_met(groups: Groups, shares: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of the number of users who have met the canary at each look.

    `shares` is the canary's share before each look since the one before, `seconds` the time between them. Users who
    stick are moved to the canary as its share grows, never back.
    """
    if groups.sticky:
        return _sticky(groups, shares, seconds)
    exposed = np.cumsum(shares * seconds)
    chance = -np.expm1(-np.multiply.outer(exposed, groups.rates))
    return chance @ groups.counts, (chance * (1 - chance)) @ groups.counts


def _sticky(groups: Groups, shares: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """Each part of the users has been with the canary since its share grew to hold them."""
    grown = np.diff(np.maximum.accumulate(shares), prepend=0.0)
    at = np.cumsum(seconds)
    begun = at - seconds
    chance = np.zeros((len(shares), len(groups.rates)))
    for index in np.flatnonzero(grown):
        since = np.maximum(at - begun[index], 0.0)
        chance += grown[index] * -np.expm1(-np.multiply.outer(since, groups.rates))
    return chance @ groups.counts, (chance * (1 - chance)) @ groups.counts
