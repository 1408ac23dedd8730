"""Drawing from a fixed distribution, two random 32-bit words and two look-ups each (Walker's alias method).

Every column holds at most two values, its own and another, and a threshold between them. There are a power of two of
columns, so that the lowest bits of a word choose one; thresholds have 32 bits, so that no share is off by more than
2^-32 of a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Draws = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A distribution over 0, 1, ... `size` - 1."""

    threshold: Words
    other: Words
    size: int


def columns(weights: Sequence[float] | NDArray[Any]) -> Columns:
    """Build the columns of a distribution, in proportion to weights. Raises ValueError when they sum to 0."""
    given = np.asarray(weights, dtype=np.float64)
    if given.sum() <= 0 or (given < 0).any():
        raise ValueError("weights must sum to more than 0")
    count = 1 << max(0, (len(given) - 1).bit_length())
    height = np.zeros(count)
    height[: len(given)] = given / given.sum() * count
    other = np.arange(count, dtype=np.uint32)
    _level(height, other)
    return Columns(np.minimum(np.rint(height * 2**32), 2**32 - 1).astype(np.uint32), other, len(given))


def _level(height: NDArray[np.float64], other: Words) -> None:
    """Fill what low columns lack with what tall ones have too much of (Vose's order)."""
    tall = np.flatnonzero(height >= 1).tolist()
    low = np.flatnonzero(height < 1).tolist()
    heights = height.tolist()
    while low and tall:
        small, big = low.pop(), tall[-1]
        other[small] = big
        heights[big] -= 1 - heights[small]
        if heights[big] < 1:
            low.append(tall.pop())
    for rest in (*low, *tall):  # full but for rounding
        heights[rest] = 1.0
        other[rest] = rest
    height[:] = heights


def draw(from_columns: Columns, words: Draws) -> Words:
    """Return a value for each 64-bit word: 32 bits of the words choose the column, 32 compare with its threshold."""
    halves = words.view(np.uint32)
    chosen = halves[: len(words)] & np.uint32(len(from_columns.other) - 1)
    stays = halves[len(words) :] < from_columns.threshold.take(chosen, mode="wrap")
    found = from_columns.other.take(chosen, mode="wrap")
    np.copyto(found, chosen, where=stays)
    return found


def zipf(count: int, exponent: float) -> NDArray[np.float64]:
    """Return the weights of `count` things of which the nth is chosen 1/n^exponent as often as the first."""
    weights: NDArray[np.float64] = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    return weights
