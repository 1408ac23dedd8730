"""Weighted choice, as Envoy draws it: exact, and without bias at the edges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class Split(Generic[T]):
    """Arms with cumulative weights; splits of equal weights share their bounds."""

    __slots__ = ("arms", "bounds", "sticky", "total")

    def __init__(self, weights: Sequence[int], arms: Sequence[T], *, sticky: bool = False) -> None:
        """Take a weight for each arm, and whether a hash is to choose. Raises ValueError when they sum to 0."""
        self.sticky = sticky
        self.bounds = _bounds(tuple(weights))
        self.total = self.bounds[-1] if self.bounds else 0
        self.arms = tuple(arms)
        if self.total < 1:
            message = "weights must sum to at least 1"
            raise ValueError(message)


@lru_cache(maxsize=1024)
def _bounds(weights: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(accumulate(weights))


def choose(split: Split[T], draw: int) -> T:
    """Return the arm of a 64-bit draw: the first whose cumulative weight exceeds draw mod total.

    An arm of weight 0 is never chosen: its interval is empty (Gloo reference, section 13.1).
    """
    return split.arms[bisect_right(split.bounds, draw % split.total)]
