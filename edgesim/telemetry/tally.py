"""What workers counted, added up.

A worker counts by the finest key there is; every coarser scope is a sum. It tells its parent only what came
since it was last asked (`ledger`), and the parent keeps the sums, also of workers that are gone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from typing import Any, Final, NamedTuple

from edgesim.model import Subset
from edgesim.telemetry.histogram import Counts, add, grow, new_counts, total


class StatKey(NamedTuple):
    """What requests are counted by; every coarser scope is a sum over these.

    `endpoint` (`address:port`) is empty for local answers, everything for requests that no route took.
    """

    virtual_host: str
    route: str
    cluster: str
    subset: Subset
    endpoint: str


UNROUTED = StatKey("", "", "", (), "")
"""Requests refused before there was a route for them, or that no route matched."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is counted by no route: connections of clients, what is active now, log lines that were lost."""

    connections: int = 0
    connections_active: int = 0
    requests_active: int = 0
    log_lines_dropped: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def lasting(self) -> Totals:
        """What stays when the worker is gone."""
        return Totals(self.connections, log_lines_dropped=self.log_lines_dropped)


NO_TOTALS = Totals()


WIDTH: Final = 8
"""Columns of `Growth`."""


class Growth(NamedTuple):
    """A piece of what a worker counted since it told last, by columns: thus it is made and sent at little cost.

    `values` are 64-bit integers: the numbers of the two parts of keys, the arguments of `histogram.grow`, how many
    requests were so. Parts are told once, and all again where they begin `anew`: columns of scopes (their numbers,
    and all of a `StatKey` but its endpoint) and endpoints, which are numbered in the order in which they are told.
    """

    anew: bool
    scopes: tuple[tuple[Any, ...], ...]
    endpoints: tuple[str, ...]
    values: bytes

    def rows(self) -> Iterator[tuple[int, ...]]:
        """Yield the rows."""
        values = array("q")
        values.frombytes(self.values)
        length = len(values) // WIDTH
        yield from zip(*(values[at : at + length] for at in range(0, len(values), length or 1)), strict=True)


@dataclass(slots=True)
class Named:
    """The parts of keys that a worker has told, by number."""

    scopes: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    endpoints: list[str] = field(default_factory=list)

    def take(self, growth: Growth) -> None:
        """Take what is new."""
        if growth.anew:
            self.scopes.clear()
            self.endpoints.clear()
        for number, *scope in zip(*growth.scopes, strict=True):
            self.scopes[number] = tuple(scope)
        self.endpoints += growth.endpoints


@dataclass(slots=True)
class Tally:
    """The parent's side: the sums of one worker, or of many."""

    totals: Totals = NO_TOTALS
    counts: dict[StatKey, Counts] = field(default_factory=dict)

    def take(self, growth: Growth, named: Named) -> None:
        """Take what a worker tells; `named` is what it has named so far, to which new parts are added."""
        named.take(growth)
        scopes, endpoints = named.scopes, named.endpoints
        for scope, endpoint, *grown, times in growth.rows():
            key = StatKey._make((*scopes[scope], endpoints[endpoint]))
            counts = self.counts.get(key)
            if counts is None:
                counts = self.counts[key] = new_counts()
            grow(counts, *grown, times=times)

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.totals += other.totals
        for key, counts in other.counts.items():
            add(self.counts.setdefault(key, new_counts()), counts)

    def gone(self) -> Tally:
        """Return what stays of a worker that is gone."""
        return Tally(self.totals.lasting, self.counts)

    def by(self, *names: str) -> dict[tuple[object, ...], Counts]:
        """Return sums over the keys that agree in the fields named."""
        groups: dict[tuple[object, ...], list[Counts]] = {}
        for key, counts in self.counts.items():
            groups.setdefault(tuple(getattr(key, name) for name in names), []).append(counts)
        return {group: total(parts) for group, parts in groups.items()}
