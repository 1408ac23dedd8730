"""A worker's side of counting: noting what ended, and telling the parent what came since it was told last.

A table may hold a hundred thousand routes. So nothing is kept for each: a request that ends becomes one tuple in a
list; tuples that are alike are counted together every few milliseconds, while they are still in the processor's
cache; and what was told is forgotten. The parent keeps the sums. Where few are alike they are not held until somebody
asks, but told as they come, a few hundred at a time: the parent may share a core with clients and backends, and a lot
at once would hold those up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final

from edgesim.model import Subset
from edgesim.telemetry.tally import Column, Growth, as_column

_AT_ONCE: Final = 400
"""Rows in one piece of news: what takes a fraction of a millisecond."""
_ENOUGH: Final = 1000
"""Rows that are told unasked: what takes the parent well under a millisecond, and is worth waking it for."""
_NAMED_AT_ONCE: Final = 60
"""Scopes named in one."""
_FULL: Final = 8192
"""Different rows that are counted together."""
_TRIED: Final = 2048
"""Different rows after which it shows whether any repeat."""
_APART: Final = 40
"""How often rows that hardly repeat are gathered as they are, until that is looked at again."""
_MOST_NUMBERS: Final = 1 << 18
Row = tuple[Any, Any, int, int, int, int, int]
"""What is told of a request that ended: scope, where, status, slot, sent, received, tries.

A scope has a `number` that no other ever has, and that is not 0; None is what no route took. `slot` is that of its
duration in the histogram (`histogram.slot_of`), -1 for none, `histogram.own_slot` where no upstream answered; a status of 0 says that it was not answered; `sent` and
`received` are bytes of bodies.
"""


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

    __slots__ = (
        "_anew",
        "_apart",
        "_name_place",
        "_name_scope",
        "_places",
        "_seen",
        "_sums",
        "_told",
        "_untold",
        "ended",
    )

    def __init__(
        self, name_scope: Callable[[Any], tuple[str, str, str, Subset]], name_place: Callable[[Any], str]
    ) -> None:
        """Take what names a scope (a key but for its endpoint) and where a request went, which is known by identity."""
        self.ended: list[Row] = []
        """One row for each request since the last `gather`."""
        self._name_scope, self._name_place = name_scope, name_place
        self._sums: Counter[Row] = Counter()
        self._seen = self._apart = 0
        self._untold: list[tuple[list[Row], list[int] | None]] = []
        self.forget_numbers()

    @property
    def is_full(self) -> bool:
        """Whether there is something that should not wait until it is asked for."""
        return sum(len(rows) for rows, _ in self._untold) >= _ENOUGH

    def gather(self) -> None:
        """Count together what is alike; what hardly ever is, is to be told as it is."""
        ended = self.ended
        if self._apart:
            self._apart -= 1
            if ended:
                self._untold.append((ended[:], None))
        else:
            self._sums.update(ended)
            self._seen += len(ended)
            self._look_at(len(self._sums))
        ended.clear()

    def _look_at(self, different: int) -> None:
        """Stop to count together what is too much, or not worth it."""
        if (different > _TRIED and self._seen < 1.1 * different) or (different > _FULL and self._seen < 2 * different):
            self._apart = _APART
        if self._apart or different > _FULL:
            self._set_aside()

    def forget_numbers(self) -> None:
        """Let go of the scopes and places that were named so far: they may be gone."""
        self._told: set[int] = set()
        self._places = _Numbers(self._name_place)
        self._anew = True

    def news(self) -> Iterator[Growth]:
        """Return what was counted until now and not yet told, in pieces. What is noted later is not among it.

        One is to be used up before the next is begun.
        """
        self.gather()
        self._set_aside()
        return self.overflow()

    def overflow(self) -> Iterator[Growth]:
        """Return what should not wait, in pieces; else as `news`."""
        untold, self._untold = self._untold, []
        return self._pieces(untold)

    def _set_aside(self) -> None:
        if self._sums:
            self._untold.append((list(self._sums), list(self._sums.values())))
            self._sums, self._seen = Counter(), 0

    def _pieces(self, untold: list[tuple[list[Row], list[int] | None]]) -> Iterator[Growth]:
        untold.reverse()
        while untold:
            rows, times = untold.pop()
            for begin in range(0, len(rows), _AT_ONCE):
                part = slice(begin, begin + _AT_ONCE)
                yield from self._told_of(rows[part], 1 if times is None else as_column(times[part]))

    def _told_of(self, rows: Sequence[Row], times: Column) -> Iterator[Growth]:
        """Yield what tells of some rows, ahead of it the names of new scopes.

        Numbers are given out before the first piece: they may begin anew before the last was taken.
        """
        if len(self._told) + len(self._places) > _MOST_NUMBERS:
            self.forget_numbers()
        scopes, places, *counted = zip(*rows, strict=True)
        numbers = _numbers(scopes)
        new = self._new(numbers, scopes)
        anew, self._anew = self._anew, False
        at = [*map(self._places.__getitem__, places)]
        columns = (*map(as_column, (numbers, at, *counted)), times)
        endpoints = self._places.take_named()
        while len(new) > _NAMED_AT_ONCE:
            yield Growth(anew, self._names(new[-_NAMED_AT_ONCE:]), (), 0, ())
            del new[-_NAMED_AT_ONCE:]
            anew = False
        yield Growth(anew, self._names(new), endpoints, len(rows), columns)

    def _new(self, numbers: Sequence[int], scopes: Iterable[Any]) -> list[tuple[int, Any]]:
        """Return scopes that were not told of, with their numbers."""
        if self._told.issuperset(numbers):
            return []
        new = {number: scope for number, scope in zip(numbers, scopes, strict=True) if number not in self._told}
        self._told.update(new)
        return [*new.items()]

    def _names(self, scopes: Iterable[tuple[int, Any]]) -> tuple[tuple[Any, ...], ...]:
        """Return the columns of scopes; clusters and subsets that are equal are sent once."""
        same: dict[tuple[str, Subset], tuple[str, Subset]] = {}
        rows = []
        for number, scope in scopes:
            host, route, cluster, subset = self._name_scope(scope)
            to = (cluster, subset)
            rows.append((number, host, route, *same.setdefault(to, to)))
        return tuple(zip(*rows, strict=True))


_NUMBER = attrgetter("number")


def _numbers(scopes: Iterable[Any]) -> list[int]:
    try:
        return list(map(_NUMBER, scopes))
    except AttributeError:  # some belong to no route
        return [0 if scope is None else scope.number for scope in scopes]
