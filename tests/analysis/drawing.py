"""Durations drawn for tests, as histograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgesim.analysis.binned import Binned


def binned_of(values: NDArray[np.float64]) -> Binned:
    """Return values as a histogram of their own."""
    found, counts = np.unique(values, return_counts=True)
    return Binned(found, counts.astype(np.int64))


def durations(rng: np.random.Generator, number: int, scale: float = 1.0) -> Binned:
    """Draw log-normal durations around 10 ms, in steps of 0.1 ms: with ties."""
    return binned_of(np.round(10 * scale * rng.lognormal(0, 0.4, number), 1))
