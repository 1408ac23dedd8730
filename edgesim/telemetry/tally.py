"""What workers counted, added up.

A worker counts by the finest key there is; every coarser scope is a sum. It tells its parent only what came
since it was last asked (`ledger`), and the parent keeps the sums, also of workers that are gone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from itertools import repeat
from typing import Any, NamedTuple

from edgesim.model import Subset
from edgesim.telemetry.histogram import Counts, add, answers, grow, total
from edgesim.telemetry.states import Scope, State, added


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
    """What is counted by no route: connections of clients, what is active now, log lines that were lost.

    `no_route` are requests that no route took, `no_cluster` those whose route leads to a cluster that is not there.
    """

    connections: int = 0
    connections_active: int = 0
    requests_active: int = 0
    log_lines_dropped: int = 0
    no_route: int = 0
    no_cluster: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def lasting(self) -> Totals:
        """What stays when the worker is gone."""
        return replace(self, connections_active=0, requests_active=0)


NO_TOTALS = Totals()


Place = tuple[str, str]
"""A cluster, and one of its endpoints."""
Column = int | bytes
"""64-bit integers; where all are the same, that one."""
Plain = dict[int, int]
"""`Counts` while they are added to: the garbage collector never looks into a dictionary that holds only numbers."""


class Growth(NamedTuple):
    """A piece of what a worker counted since it told last, by columns: thus it is made and sent at little cost.

    `columns` of so many rows are the numbers of the two parts of keys and what `histogram.grow` counts. Parts
    are told once, and all again where they begin `anew`: columns of scopes (their numbers, and all of a `StatKey` but
    its endpoint) and endpoints, which are numbered in the order in which they are told.
    """

    anew: bool
    scopes: tuple[tuple[Any, ...], ...]
    endpoints: tuple[str, ...]
    length: int
    columns: tuple[Column, ...]

    def values(self) -> list[Iterable[int]]:
        """Return the values of each column."""
        return [_values(column, self.length) for column in self.columns]


def as_column(values: Sequence[int]) -> Column:
    """Return a column of one value or more."""
    first = values[0]
    if values[-1] == first and values.count(first) == len(values):
        return first
    return array("q", values).tobytes()


def _values(column: Column, length: int) -> Iterable[int]:
    if isinstance(column, int):
        return repeat(column, length)
    values = array("q")
    values.frombytes(column)
    return values


class _Found(dict[int, Plain]):
    """The counts of one endpoint in a tally, by the numbers of scopes; looked up by their keys once."""

    def __init__(self, endpoint: str, scopes: Mapping[int, tuple[Any, ...]], counts: dict[StatKey, Plain]) -> None:
        super().__init__()
        self._endpoint, self._scopes, self._counts = endpoint, scopes, counts

    def __missing__(self, scope: int) -> Plain:
        key = StatKey._make((*self._scopes[scope], self._endpoint))
        counts = self[scope] = self._counts.setdefault(key, {})
        return counts


@dataclass(slots=True)
class Named:
    """The parts of keys that a worker has told, by number, and where those of one tally are counted."""

    scopes: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    endpoints: list[str] = field(default_factory=list)
    found: list[_Found] = field(default_factory=list)
    """The counts of `tally`, by the numbers of endpoints."""
    tally: Tally | None = None

    def take(self, growth: Growth, tally: Tally) -> None:
        """Take what is new, to be counted in a tally."""
        if growth.anew:
            self.scopes.clear()
            self.endpoints.clear()
        if growth.anew or tally is not self.tally:
            self.tally, self.found = tally, []
        if growth.scopes:
            numbers, *parts = growth.scopes
            self.scopes.update(zip(numbers, zip(*parts, strict=True), strict=True))
        self.endpoints += growth.endpoints
        new = self.endpoints[len(self.found) :]
        self.found += [_Found(endpoint, self.scopes, tally.counts) for endpoint in new]


@dataclass(slots=True)
class Tally:
    """The parent's side: the sums of one worker, or of many."""

    totals: Totals = NO_TOTALS
    counts: dict[StatKey, Plain] = field(default_factory=dict)
    states: dict[Scope, State] = field(default_factory=dict)
    forgotten: Mapping[Place, Mapping[int, int]] = field(default_factory=dict)
    """Answers of endpoints from before counters began anew."""

    def take(self, growth: Growth, named: Named) -> None:
        """Take what a worker tells; `named` is what it has named so far, to which new parts are added."""
        named.take(growth, self)
        if growth.length:
            scopes, endpoints, *counted = growth.values()
            found = named.found
            counts = [found[endpoint][scope] for scope, endpoint in zip(scopes, endpoints, strict=True)]
            grow(zip(counts, *counted, strict=True))

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.totals += other.totals
        for key, counts in other.counts.items():
            own = self.counts.get(key)
            if own is None:
                self.counts[key] = counts.copy()
            else:
                add(own, counts)
        for scope, state in other.states.items():
            mine = self.states.get(scope)
            self.states[scope] = state if mine is None else added((mine, state))

    def gone(self) -> Tally:
        """Return what stays of a worker that is gone."""
        lasting = {scope: state.lasting for scope, state in self.states.items()}
        return Tally(self.totals.lasting, self.counts, lasting)

    def by(self, *names: str) -> dict[tuple[object, ...], Counts]:
        """Return sums over the keys that agree in the fields named."""
        groups: dict[tuple[object, ...], list[Plain]] = {}
        for key, counts in self.counts.items():
            groups.setdefault(tuple(getattr(key, name) for name in names), []).append(counts)
        return {group: total(parts) for group, parts in groups.items()}

    def answers_by_place(self) -> dict[Place, Counts]:
        """Return the answers of endpoints, by status, for as long as anything was counted.

        Envoy's counters of a host are none of those that `/reset_counters` resets.
        """
        found = {place: total([counts]) for place, counts in self.forgotten.items()}
        for (cluster, endpoint), counts in self.by("cluster", "endpoint").items():
            place = str(cluster), str(endpoint)
            now = {-status: many for status, many in answers(counts).items()}
            found[place] = total((found.get(place, {}), now))
        return found
