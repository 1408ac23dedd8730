"""Do counts vary from second to second as draws at random do?

A chooser that takes turns (smooth weighted round robin) varies far less; users who stick, bursts or weights that
changed make it vary more. Pearson's index of dispersion tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

_SURE = 1e-4
"""The p-value below which a name is given to it."""
_FEW, _MANY = 0.5, 1.5
"""The ratio below and above which it matters."""
_SECONDS = 5
"""Seconds below which nothing is said."""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """The variance over seconds, in terms of the binomial one."""

    ratio: float
    seconds: int
    p_under: float
    """Of draws at random that vary so little."""
    p_over: float
    """Of draws at random that vary so much."""

    @property
    def is_under(self) -> bool:
        """Whether it is far below what draws at random give."""
        return self.seconds >= _SECONDS and self.ratio < _FEW and self.p_under < _SURE

    @property
    def is_over(self) -> bool:
        """Whether it is far above."""
        return self.seconds >= _SECONDS and self.ratio > _MANY and self.p_over < _SURE

    @property
    def sentence(self) -> str:
        """What it means; empty where it is as draws at random are."""
        if self.is_under:
            return (
                f"From second to second the counts vary {self.ratio:.2g} times as much as draws at random would: "
                "the chooser takes turns (smooth weighted round robin). The intervals and p-values are those of "
                "random draws, so that they are wider than need be."
            )
        if self.is_over:
            return (
                f"From second to second the counts vary {self.ratio:.2g} times as much as draws at random would: "
                "the weights changed during the run, or users stick to their version; in both cases the intervals "
                "are too narrow. Give --users, so that users are counted."
            )
        return ""


def dispersion(seconds: Sequence[tuple[int, int]]) -> Dispersion:
    """Return how an arm's counts vary, each second given as (requests to the arm, requests in all)."""
    counted = [(count, of) for count, of in seconds if of]
    every = sum(of for _, of in counted)
    share = sum(count for count, _ in counted) / every if every else 0.0
    freedom = len(counted) - 1
    if freedom < 1 or not 0 < share < 1:
        return Dispersion(1.0, len(counted), 1.0, 1.0)
    index = sum((count - of * share) ** 2 / (of * share * (1 - share)) for count, of in counted)
    return Dispersion(index / freedom, len(counted), float(chi2.cdf(index, freedom)), float(chi2.sf(index, freedom)))


_BLOCKS = 20
"""Stretches a run is cut into: few, so that each has enough for the normal approximation."""
_EXPECTED = 5.0
"""What a stretch must be expected to have of either side, else nothing is said."""

TwoArms = tuple[int, int, int, int]
"""Events and requests of the old version, then of the new one."""


def difference_over_time(seconds: Sequence[TwoArms]) -> Dispersion:
    """Return how the difference of two shares varies over stretches of the run: Cochran's Q, by its freedom.

    What hits both versions alike (a pause, a burst of load) cancels out; what is left above 1 are bursts of one of them.
    """
    blocks = [np.sum(each, axis=0) for each in np.array_split(np.array(seconds, float).reshape(-1, 4), _BLOCKS)]
    first, of_first, second, of_second = np.array([each for each in blocks if each[1] and each[3]]).reshape(-1, 4).T
    nothing = Dispersion(1.0, len(first), 1.0, 1.0)
    if len(first) < _SECONDS:
        return nothing
    shares = np.array([first.sum() / of_first.sum(), second.sum() / of_second.sum()])
    least = min(of_first.min(), of_second.min()) * min(*shares, *(1 - shares))
    if least < _EXPECTED:
        return nothing
    spread = shares * (1 - shares)
    variance = spread[0] / of_first + spread[1] / of_second
    away = second / of_second - first / of_first
    middle = float((away / variance).sum() / (1 / variance).sum())
    index, freedom = float(((away - middle) ** 2 / variance).sum()), len(first) - 1
    return Dispersion(index / freedom, len(first), float(chi2.cdf(index, freedom)), float(chi2.sf(index, freedom)))
