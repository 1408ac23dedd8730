"""What changed from one update to the next: workers are sent only that."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from edgesim.model import Assignments, Cluster, Listener, Model, Update, VirtualHost
from edgesim.proxy.ports import Place

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

NOTHING = Update(0, Model(), {})


@dataclass(frozen=True, slots=True)
class Delta:
    """The way from one version to another: what is new or changed, and the names of what is gone.

    A worker begins with the listeners of an empty model. `opened` names those that take connections, with the
    place each is bound to; `handed` are the places whose sockets were sent ahead of this, in order.
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
    handed: tuple[Place, ...] = ()


def delta(old: Update, new: Update, opened: Mapping[str, Place] | None = None) -> Delta:
    """Return what a worker that serves `old` needs to serve `new`; `opened` is where listeners are bound, by name."""
    hosts, hosts_gone = _changes(_by_name(old.model.virtual_hosts), _by_name(new.model.virtual_hosts))
    clusters, clusters_gone = _changes(_by_name(old.model.clusters), _by_name(new.model.clusters))
    assignments, assignments_gone = _changes(old.assignments, new.assignments)
    listeners, listeners_gone = _changes(_by_name(old.model.listeners), _by_name(new.model.listeners))
    return Delta(
        new.version,
        tuple(hosts.values()),
        hosts_gone,
        tuple(clusters.values()),
        clusters_gone,
        assignments,
        assignments_gone,
        tuple(listeners.values()),
        listeners_gone,
        tuple((opened or {}).items()),
    )


N = TypeVar("N", VirtualHost, Cluster, Listener)


def _by_name(items: Iterable[N]) -> dict[str, N]:
    return {item.name: item for item in items}


def _changes(old: Mapping[K, V], new: Mapping[K, V]) -> tuple[dict[K, V], frozenset[K]]:
    changed = {key: value for key, value in new.items() if key not in old or _differ(old[key], value)}
    return changed, frozenset(old.keys() - new.keys())


def _differ(old: V, new: V) -> bool:
    return old is not new and old != new
