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

from edgesim.telemetry.tally import WIDTH, Growth, StatKey

_AT_ONCE: Final = 100
"""Rows in one piece of news: what takes a fraction of a millisecond."""
_MOST_NUMBERS: Final = 1 << 18


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


class Ledger:
    """Counts what was appended to `ended`, and tells it."""

    __slots__ = ("_anew", "_name", "_numbers", "_sums", "ended")

    def __init__(self, name: Callable[[Any, Any], StatKey]) -> None:
        """Take what names a scope and where its request went; both are known by identity."""
        self.ended: list[tuple[Any, Any, int, int, int, int, int]] = []
        """One `Ended` for each request since the last `gather`."""
        self._name = name
        self._sums: Counter[tuple[Any, Any, int, int, int, int, int]] = Counter()
        self._numbers: dict[tuple[Any, Any], int] = {}
        self._anew = True

    def gather(self) -> None:
        """Count together what is alike."""
        self._sums.update(self.ended)
        self.ended.clear()

    def forget_numbers(self) -> None:
        """Let go of the scopes and places that were named so far: they may be gone."""
        self._numbers = {}
        self._anew = True

    def news(self) -> Iterator[Growth]:
        """Return what was counted until now and not yet told, in pieces. What is noted later is not among it."""
        self.gather()
        sums, self._sums = self._sums, Counter()
        return self._pieces(sums)

    def _pieces(self, sums: Counter[tuple[Any, Any, int, int, int, int, int]]) -> Iterator[Growth]:
        while sums:  # taken out one by one: to free all at once would take a while
            if len(self._numbers) > _MOST_NUMBERS:
                self.forget_numbers()
            keys: list[StatKey] = []
            rows = array("q")
            for _ in range(min(_AT_ONCE, len(sums))):
                (scope, where, *counted), times = sums.popitem()
                rows.extend((self._number(scope, where, keys), *counted, times))
            anew, self._anew = self._anew, False
            yield Growth(anew, tuple(keys), rows.tobytes())

    def _number(self, scope: Any, where: Any, keys: list[StatKey]) -> int:
        """Return the number of a key for the parent, which is told each once: new ones are added to `keys`."""
        number = self._numbers.get((scope, where))
        if number is None:
            number = self._numbers[scope, where] = len(self._numbers)
            keys.append(self._name(scope, where))
        return number


assert len(Ended._fields) == WIDTH
