"""A worker's side of counting: noting what ended, and telling the parent what came since it was told last.

A table may hold a hundred thousand routes. So nothing is kept for each: a request that ends becomes one tuple in a
list; tuples that are alike are counted together every few milliseconds, while they are still in the processor's
cache; and what was told is forgotten. The parent keeps the sums.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from edgesim.model import Subset
from edgesim.telemetry.tally import WIDTH, Growth

_AT_ONCE: Final = 400
"""Rows in one piece of news: what takes a fraction of a millisecond."""
_FULL: Final = 2048
"""Different rows that are counted together: so many fit into the cache, and are freed without a pause."""
_MOST_NUMBERS: Final = 1 << 18
Row = tuple[Any, Any, int, int, int, int, int]
"""An `Ended`."""


class Ended(NamedTuple):
    """What is told of a request that ended; kept as a plain tuple.

    `slot` is that of its duration in the histogram (`histogram.slot_of`), -1 for none; a `status` of 0 says that it
    was not answered; `sent` and `received` are bytes of bodies.
    """

    scope: Any
    where: Any
    status: int
    slot: int
    sent: int
    received: int
    tries: int


class _Numbers(dict[Any, int]):
    """Things numbered in the order in which they come; `named` are the names of new ones."""

    def __init__(self, name: Callable[[Any], Any]) -> None:
        super().__init__()
        self._name = name
        self.named: list[Any] = []

    def __missing__(self, thing: Any) -> int:
        number = self[thing] = len(self)
        self.named.append(self._name(thing))
        return number

    def take_named(self) -> tuple[Any, ...]:
        """Return the names since the last time."""
        named, self.named = self.named, []
        return tuple(named)


class Ledger:
    """Counts what was appended to `ended`, and tells it."""

    __slots__ = ("_anew", "_full", "_name_place", "_name_scope", "_places", "_scopes", "_sums", "ended")

    def __init__(
        self, name_scope: Callable[[Any], tuple[str, str, str, Subset]], name_place: Callable[[Any], str]
    ) -> None:
        """Take what names a scope (a key but for its endpoint) and where a request went; both are known by identity."""
        self.ended: list[Row] = []
        """One `Ended` for each request since the last `gather`."""
        self._name_scope, self._name_place = name_scope, name_place
        self._sums: Counter[Row] = Counter()
        self._full: list[Counter[Row]] = []
        self.forget_numbers()

    def gather(self) -> None:
        """Count together what is alike."""
        self._sums.update(self.ended)
        self.ended.clear()
        if len(self._sums) > _FULL:
            self._full.append(self._sums)
            self._sums = Counter()

    def forget_numbers(self) -> None:
        """Let go of the scopes and places that were named so far: they may be gone."""
        self._scopes, self._places = _Numbers(self._name_scope), _Numbers(self._name_place)
        self._anew = True

    def news(self) -> Iterator[Growth]:
        """Return what was counted until now and not yet told, in pieces. What is noted later is not among it."""
        self.gather()
        told = [*self._full, self._sums]
        self._full, self._sums = [], Counter()
        return self._pieces(told)

    def _pieces(self, told: list[Counter[Row]]) -> Iterator[Growth]:
        while told:
            sums = told.pop()
            rows, times = list(sums), list(sums.values())
            for begin in range(0, len(rows), _AT_ONCE):
                yield self._piece(rows[begin : begin + _AT_ONCE], times[begin : begin + _AT_ONCE])

    def _piece(self, rows: list[Row], times: list[int]) -> Growth:
        if len(self._scopes) + len(self._places) > _MOST_NUMBERS:
            self.forget_numbers()
        scopes, places, *counted = zip(*rows, strict=True)
        numbers = (map(self._scopes.__getitem__, scopes), map(self._places.__getitem__, places))
        values = b"".join(array("q", column).tobytes() for column in (*numbers, *counted, times))
        anew, self._anew = self._anew, False
        named = tuple(zip(*self._scopes.take_named(), strict=True))
        return Growth(anew, named, self._places.take_named(), values)


assert len(Ended._fields) + 1 == WIDTH
