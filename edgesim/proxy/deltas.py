"""What changed from one update to the next: workers are sent only that."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import is_
from typing import NamedTuple, TypeVar

from edgesim.model import Assignments, Cluster, Listener, Model, Route, Update, VirtualHost
from edgesim.proxy.ports import Place

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

NOTHING = Update(0, Model(), {})


LARGE = 64
"""From so many routes on, a virtual host is not sent as a whole."""


class Kept(NamedTuple):
    """Routes that the worker has already, by their numbers in the virtual host before."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class HostChange:
    """A virtual host without its routes, and where these come from: kept ones, or so many new ones."""

    host: VirtualHost
    pieces: tuple[Kept | int, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """The way from one version to another: what is new or changed, and the names of what is gone.

    A worker begins with the listeners of an empty model. `opened` names those that take connections, with the
    place each is bound to. Of a virtual host in `changed` only the new routes are sent: `routes` holds those of
    all of them, in order.
    """

    version: int
    hosts: tuple[VirtualHost, ...] = ()
    hosts_gone: frozenset[str] = frozenset()
    clusters: tuple[Cluster, ...] = ()
    clusters_gone: frozenset[str] = frozenset()
    assignments: Assignments | None = None
    assignments_gone: frozenset[str] = frozenset()
    listeners: tuple[Listener, ...] = ()
    listeners_gone: frozenset[str] = frozenset()
    opened: tuple[tuple[str, Place], ...] = ()
    changed: tuple[HostChange, ...] = ()
    routes: tuple[Route, ...] = ()


def delta(old: Update, new: Update, opened: Mapping[str, Place] | None = None) -> Delta:
    """Return what a worker that serves `old` needs to serve `new`; `opened` is where listeners are bound, by name."""
    hosts_before, hosts_now = _unlike(old.model.virtual_hosts, new.model.virtual_hosts)
    hosts, hosts_gone = _changes(hosts_before, hosts_now)
    clusters, clusters_gone = _changes(*_unlike(old.model.clusters, new.model.clusters))
    assignments, assignments_gone = _changes(old.assignments, new.assignments)
    listeners, listeners_gone = _changes(*_unlike(old.model.listeners, new.model.listeners))
    small, changed, routes = _by_size(hosts.values(), hosts_before)
    return Delta(
        new.version,
        small,
        hosts_gone,
        tuple(clusters.values()),
        clusters_gone,
        assignments,
        assignments_gone,
        tuple(listeners.values()),
        listeners_gone,
        tuple((opened or {}).items()),
        changed,
        routes,
    )


def _by_size(
    hosts: Iterable[VirtualHost], before: Mapping[str, VirtualHost]
) -> tuple[tuple[VirtualHost, ...], tuple[HostChange, ...], tuple[Route, ...]]:
    """Tell small virtual hosts, which are sent whole, from large ones, of which new routes are."""
    small: list[VirtualHost] = []
    changed: list[HostChange] = []
    routes: list[Route] = []
    for host in hosts:
        if len(host.routes) < LARGE:
            small.append(host)
            continue
        old = before.get(host.name)
        pieces, new = pieces_of(() if old is None else old.routes, host.routes)
        changed.append(HostChange(dataclasses.replace(host, routes=()), pieces))
        routes += new
    return tuple(small), tuple(changed), tuple(routes)


def pieces_of(old: Sequence[Route], new: Sequence[Route]) -> tuple[tuple[Kept | int, ...], list[Route]]:
    """Return new routes as pieces of the old ones and the others, which are returned as well."""
    first = _alike(old, new)
    last = min(_alike(old[::-1], new[::-1]), min(len(old), len(new)) - first)
    places = {id(route): number for number, route in enumerate(old[first : len(old) - last], first)}
    middle = [places.get(id(route), -1) for route in new[first : len(new) - last]]
    runs = [Kept(0, first), *_runs(middle), Kept(len(old) - last, len(old))]
    pieces = tuple(run for run in runs if isinstance(run, int) or run.stop > run.start)
    return pieces, [route for route, place in zip(new[first:], middle, strict=False) if place < 0]


def _runs(places: Iterable[int]) -> Iterator[Kept | int]:
    """Join old places that follow each other, and count the new ones (-1) between."""
    start = stop = new = 0
    for place in places:
        if stop not in {start, place}:
            yield Kept(start, stop)
            start = stop = 0
        if place < 0:
            new += 1
            continue
        if new:
            yield new
            new = 0
        if start == stop:
            start = place
        stop = place + 1
    yield new or Kept(start, stop)


def put_together(change: HostChange, old: Sequence[Route], new: Iterator[Route]) -> VirtualHost:
    """Return the virtual host a change leads to; takes its new routes from `new`."""
    routes: list[Route] = []
    for piece in change.pieces:
        routes += islice(new, piece) if isinstance(piece, int) else old[piece.start : piece.stop]
    return dataclasses.replace(change.host, routes=tuple(routes))


N = TypeVar("N", VirtualHost, Cluster, Listener)


def _alike(old: Sequence[object], new: Sequence[object]) -> int:
    """Return how many things at the beginning are the same. Most are the identical objects: so far no code runs for each."""
    identical = bytes(map(is_, old, new))
    place = identical.find(0)
    while place >= 0 and old[place] == new[place]:
        place = identical.find(0, place + 1)
    return len(identical) if place < 0 else place


def _unlike(old: Sequence[N], new: Sequence[N]) -> tuple[dict[str, N], dict[str, N]]:
    """Return by name what there was and what there is now, without what is the same at the beginning and the end."""
    first = _alike(old, new)
    last = min(_alike(old[::-1], new[::-1]), min(len(old), len(new)) - first)
    return _by_name(old[first : len(old) - last]), _by_name(new[first : len(new) - last])


def _by_name(items: Iterable[N]) -> dict[str, N]:
    return {item.name: item for item in items}


def _changes(old: Mapping[K, V], new: Mapping[K, V]) -> tuple[dict[K, V], frozenset[K]]:
    if old is new:
        return {}, frozenset()
    changed = {key: value for key, value in new.items() if key not in old or _differ(old[key], value)}
    return changed, frozenset(old.keys() - new.keys())


def _differ(old: V, new: V) -> bool:
    return old is not new and old != new
