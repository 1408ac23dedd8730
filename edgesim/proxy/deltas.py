"""What changed from one update to the next: workers are sent only that."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from edgesim.model import (
    DEFAULT_LISTENER,
    Assignments,
    Cluster,
    ListenerOptions,
    Model,
    Update,
    VirtualHost,
    options_of,
)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

NOTHING = Update(0, Model(), {})


@dataclass(frozen=True, slots=True)
class Delta:
    """The way from one version to another: what is new or changed, and the names of what is gone.

    `tls_port` is 0 while no virtual host asks for TLS.
    """

    version: int
    hosts: tuple[VirtualHost, ...] = ()
    hosts_gone: frozenset[str] = frozenset()
    clusters: tuple[Cluster, ...] = ()
    clusters_gone: frozenset[str] = frozenset()
    assignments: Assignments | None = None
    assignments_gone: frozenset[str] = frozenset()
    listener: ListenerOptions = DEFAULT_LISTENER
    tls_listener: ListenerOptions = DEFAULT_LISTENER
    tls_port: int = 0


def delta(old: Update, new: Update, tls_port: int) -> Delta:
    """Return what a worker that serves `old` needs to serve `new`."""
    hosts, hosts_gone = _changes(_by_name(old.model.virtual_hosts), _by_name(new.model.virtual_hosts))
    clusters, clusters_gone = _changes(_by_name(old.model.clusters), _by_name(new.model.clusters))
    assignments, assignments_gone = _changes(old.assignments, new.assignments)
    return Delta(
        new.version,
        tuple(hosts.values()),
        hosts_gone,
        tuple(clusters.values()),
        clusters_gone,
        assignments,
        assignments_gone,
        options_of(new.model, tls=False),
        options_of(new.model, tls=True),
        tls_port,
    )


N = TypeVar("N", VirtualHost, Cluster)


def _by_name(items: Iterable[N]) -> dict[str, N]:
    return {item.name: item for item in items}


def _changes(old: Mapping[K, V], new: Mapping[K, V]) -> tuple[dict[K, V], frozenset[K]]:
    changed = {key: value for key, value in new.items() if key not in old or _differ(old[key], value)}
    return changed, frozenset(old.keys() - new.keys())


def _differ(old: V, new: V) -> bool:
    return old is not new and old != new
