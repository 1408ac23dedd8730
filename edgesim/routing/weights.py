"""Weighted choice, as Envoy draws it: exact, and without bias at the edges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, Generic, TypeVar

T = TypeVar("T")


Shares = tuple[tuple[int, ...], int]
"""Where the interval of each arm ends, behind the 0 where the first begins, and the sum: equal weights share them."""


class Split(tuple[Any, ...], Generic[T]):
    """Shares, and behind them the arms: in one piece, since a large table is read from memory, a piece at a time."""

    __slots__ = ()
    sticky = False
    """Whether a hash is to choose."""

    def __new__(cls, weights: Sequence[int], arms: Sequence[T], *, sticky: bool = False) -> Split[T]:
        """Take a weight for each arm, and whether a hash is to choose. Raises ValueError when they sum to 0."""
        return super().__new__(_Sticky if sticky else cls, (_shares(tuple(weights)), *arms))

    @property
    def arms(self) -> tuple[T, ...]:
        """What is chosen from."""
        return self[1:]

    @property
    def total(self) -> int:
        """The sum of the weights."""
        total: int = self[0][1]
        return total


class _Sticky(Split[T]):
    __slots__ = ()
    sticky = True


@lru_cache(maxsize=1024)
def _shares(weights: tuple[int, ...]) -> Shares:
    ends = tuple(accumulate(weights, initial=0))
    if ends[-1] < 1:
        message = "weights must sum to at least 1"
        raise ValueError(message)
    return ends, ends[-1]


def choose(split: Split[T], draw: int) -> T:
    """Return the arm of a 64-bit draw: the first whose cumulative weight exceeds draw mod total.

    An arm of weight 0 is never chosen: its interval is empty (Gloo reference, section 13.1).
    """
    ends, total = split[0]
    chosen: T = split[bisect_right(ends, draw % total)]
    return chosen
