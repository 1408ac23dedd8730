"""What workers counted, added up.

A worker counts by the finest key there is; every coarser scope is a sum. It tells its parent only what
grew since it was last asked, and the parent keeps the sums, also of workers that are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import NamedTuple

from edgesim.model import Subset
from edgesim.telemetry.histogram import TOTAL, Counts, add, new_counts, total


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


@dataclass(frozen=True, slots=True)
class News:
    """What one worker has to tell: its totals, and the counts (whole, not the growth) of keys that grew."""

    totals: Totals
    grown: Mapping[StatKey, Counts]


class Teller:
    """The worker's side: remembers what it told."""

    def __init__(self, counts: Mapping[StatKey, Counts]) -> None:
        """Take the counts, which grow under its eyes."""
        self._counts = counts
        self._told: dict[StatKey, int] = {}

    def news(self, totals: Totals) -> News:
        """Return what grew since the last time."""
        grown = {key: counts for key, counts in self._counts.items() if counts[TOTAL] != self._told.get(key, 0)}
        self._told |= {key: counts[TOTAL] for key, counts in grown.items()}
        return News(totals, grown)

    def reset(self) -> None:
        """Begin at zero, in place: whoever counts holds them."""
        for counts in self._counts.values():
            counts.clear()
        self._told.clear()


@dataclass(slots=True)
class Tally:
    """The parent's side: the sums of one worker, or of many."""

    totals: Totals = NO_TOTALS
    counts: dict[StatKey, Counts] = field(default_factory=dict)

    def take(self, news: News) -> None:
        """Take what a worker tells."""
        self.totals = news.totals
        self.counts |= news.grown

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
