"""A worker's side of counting: noting what ended, and telling the parent what came since it was told last.

A table may hold a hundred thousand routes. So nothing is kept for each: a request that ends becomes one tuple in a
list; tuples that are alike are counted together every few milliseconds, while they are still in the processor's
cache, and where few are alike they become plain numbers at once; and what was told is forgotten. The parent keeps the
sums.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from edgesim.model import Subset
from edgesim.telemetry.tally import WIDTH, Growth

_AT_ONCE: Final = 400
"""Rows in one piece of news: what takes a fraction of a millisecond."""
_NAMED_AT_ONCE: Final = 200
"""Scopes named in one."""
_FULL: Final = 2048
"""Different rows that are counted together."""
_APART: Final = 40
"""How often rows that hardly repeat are gathered as they are, until that is looked at again."""
_MOST_NUMBERS: Final = 1 << 18
Row = tuple[Any, Any, int, int, int, int, int]
"""An `Ended`."""


class Ended(NamedTuple):
    """What is told of a request that ended; kept as a plain tuple.

    A `scope` has a `number` that no other ever has, and that is not 0; None is what no route took. `slot` is that of
    its duration in the histogram (`histogram.slot_of`), -1 for none; a `status` of 0 says that it was not answered;
    `sent` and `received` are bytes of bodies.
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


class _Unnamed(NamedTuple):
    """Scopes that are used in what comes behind, with their numbers; `anew` as in `Growth`."""

    anew: bool
    scopes: list[tuple[int, Any]]


class Ledger:
    """Counts what was appended to `ended`, and tells it."""

    __slots__ = (
        "_anew",
        "_apart",
        "_name_place",
        "_name_scope",
        "_news",
        "_places",
        "_seen",
        "_sums",
        "_told",
        "ended",
    )

    def __init__(
        self, name_scope: Callable[[Any], tuple[str, str, str, Subset]], name_place: Callable[[Any], str]
    ) -> None:
        """Take what names a scope (a key but for its endpoint) and where a request went, which is known by identity."""
        self.ended: list[Row] = []
        """One `Ended` for each request since the last `gather`."""
        self._name_scope, self._name_place = name_scope, name_place
        self._sums: Counter[Row] = Counter()
        self._seen = self._apart = 0
        self._news: list[Growth | _Unnamed] = []
        self.forget_numbers()

    def gather(self) -> None:
        """Count together what is alike; what hardly ever is, is written down at once."""
        ended = self.ended
        if self._apart:
            self._apart -= 1
            self._write(ended, [1] * len(ended))
        else:
            self._sums.update(ended)
            self._seen += len(ended)
            if len(self._sums) > _FULL:
                self._apart = _APART if self._seen < 2 * len(self._sums) else 0
                self._write_sums()
        ended.clear()

    def forget_numbers(self) -> None:
        """Let go of the scopes and places that were named so far: they may be gone."""
        self._told: set[int] = set()
        self._places = _Numbers(self._name_place)
        self._anew = True

    def news(self) -> Iterator[Growth]:
        """Return what was counted until now and not yet told, in pieces. What is noted later is not among it."""
        self.gather()
        self._write_sums()
        news, self._news = self._news, []
        return self._named(news)

    def _named(self, news: Iterable[Growth | _Unnamed]) -> Iterator[Growth]:
        for piece in news:
            if isinstance(piece, Growth):
                yield piece
                continue
            for begin in range(0, len(piece.scopes), _NAMED_AT_ONCE):
                names = self._names(piece.scopes[begin : begin + _NAMED_AT_ONCE])
                yield Growth(piece.anew and not begin, names, (), b"")

    def _write_sums(self) -> None:
        sums, self._sums, self._seen = self._sums, Counter(), 0
        self._write(list(sums), list(sums.values()))

    def _write(self, rows: Sequence[Row], times: Sequence[int]) -> None:
        for begin in range(0, len(rows), _AT_ONCE):
            self._news.append(self._piece(rows[begin : begin + _AT_ONCE], times[begin : begin + _AT_ONCE]))

    def _piece(self, rows: Sequence[Row], times: Sequence[int]) -> Growth:
        if len(self._told) + len(self._places) > _MOST_NUMBERS:
            self.forget_numbers()
        scopes, places, *counted = zip(*rows, strict=True)
        numbers = _numbers(scopes)
        if not self._told.issuperset(numbers):
            self._name_later(numbers, scopes)
        columns = (numbers, map(self._places.__getitem__, places), *counted, times)
        values = b"".join(array("q", column).tobytes() for column in columns)
        return Growth(self._begins_anew(), (), self._places.take_named(), values)

    def _begins_anew(self) -> bool:
        anew, self._anew = self._anew, False
        return anew

    def _name_later(self, numbers: Iterable[int], scopes: Iterable[Any]) -> None:
        """Tell of new scopes ahead of the rows that need them; to find out their names takes too long now."""
        new = {number: scope for number, scope in zip(numbers, scopes, strict=True) if number not in self._told}
        self._told.update(new)
        self._news.append(_Unnamed(self._begins_anew(), list(new.items())))

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


assert len(Ended._fields) + 1 == WIDTH
