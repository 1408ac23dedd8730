"""Durations as a distribution over few values: each slot of a histogram stands for one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Binned:
    """Values in rising order, each with how often it was seen (above 0)."""

    values: Floats
    counts: Ints

    @cached_property
    def total(self) -> int:
        """How many were seen."""
        return int(self.counts.sum())

    @cached_property
    def upto(self) -> Ints:
        """How many were seen up to each value, it included."""
        return np.cumsum(self.counts)

    def quantile(self, share: float) -> float:
        """Return the lowest value that at least so great a share does not exceed. Raises ValueError where none was seen."""
        return float(quantiles(self.values, self.counts[np.newaxis, :], share)[0])

    def below(self, values: Floats) -> Ints:
        """Return how many lie below each value."""
        return np.append(0, self.upto)[np.searchsorted(self.values, values, side="left")]

    def not_above(self, values: Floats) -> Ints:
        """Return how many do not exceed each value."""
        return np.append(0, self.upto)[np.searchsorted(self.values, values, side="right")]

    def scaled(self, factor: float) -> Binned:
        """Return the same distribution of `factor` times as many."""
        upto = np.rint(self.upto * factor).astype(np.int64)
        return Binned(self.values, np.diff(upto, prepend=0))


def binned(slots: Mapping[int, int], value_of: Callable[[int], float]) -> Binned:
    """Return a histogram's slots as values; `value_of` rises with the slot."""
    counted = sorted((value_of(slot), count) for slot, count in slots.items() if count)
    return Binned(np.array([value for value, _ in counted], float), np.array([count for _, count in counted], np.int64))


def quantiles(values: Floats, counts: Ints, share: float) -> Floats:
    """Return the quantile of each row of counts over the same values. Raises ValueError where a row has none."""
    upto = counts.cumsum(axis=-1)
    if not upto.size or not upto[:, -1].all():
        raise ValueError("there is no quantile of nothing")
    ranks = np.maximum(1, np.ceil(share * upto[:, -1:] - 1e-9))
    return np.asarray(values[(upto < ranks).sum(axis=-1)], float)
