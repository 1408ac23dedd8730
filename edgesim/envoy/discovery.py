"""What any number of Envoys are served, each by its node id, and what became of it.

Envoys poll (REST xDS): a request names the version its node has, and is answered when there is another one. A node
that asks again for what it had before was sent a version it does not take. As in the engine everything is made before
it is broken: a node gets routes and listeners when it has the clusters they name, and keeps clusters until it has
the routes that name them no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from edgesim.dialects.envoy import Kind, Part, Resources, version
from edgesim.dialects.envoy.clusters import service_endpoint
from edgesim.envoy.refusals import culprit
from edgesim.model import Cluster, ClusterType, Model

NOTHING: Final = Resources({}, {}, {}, {}, {})
_SOON: Final = 2.0
"""Seconds within which a node that asks anew is one that refused its first version, not one that was started again."""
_AGAIN: Final = 5.0
"""Seconds before a version that was refused is sent again to a node that has none: it may have been started again."""

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A version that a node does not take, and the virtual host, listener or cluster it is probably about."""

    node: str
    kind: Kind
    version: str
    culprit: str


@dataclass(slots=True)
class Node:
    """One Envoy: what it was sent, has, and refused, by kind and names."""

    name: str
    base: Resources = NOTHING
    """What it took as a whole the last time."""
    sent: dict[tuple[Kind, Names], tuple[str, float]] = field(default_factory=dict)
    has: dict[tuple[Kind, Names], str] = field(default_factory=dict)
    refused: dict[tuple[Kind, Names], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """A version and the resources of it."""

    version: str
    resources: Sequence[Part]


class Discovery:
    """The latest snapshot, and the nodes that ask for it."""

    def __init__(self, now: Callable[[], float], told: Callable[[Refusal], None]) -> None:
        """Take the monotonic clock, and who is told of refusals, each once."""
        self.nodes: dict[str, Node] = {}
        self.latest: Resources | None = None
        self._now = now
        self._told = told
        self._changed = asyncio.Event()

    def serve(self, resources: Resources) -> None:
        """Serve this from now on."""
        self.latest = resources
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def taken(self, node: Node) -> bool:
        """Tell whether a node has all of the latest snapshot."""
        return self.latest is not None and node.base is self.latest

    async def fetch(self, name: str, kind: Kind, names: Names, had: str, patience: float) -> Offer | None:
        """Return what a node is to have in place of the version it has; None after so many seconds without any."""
        node = self.nodes.setdefault(name, Node(name))
        self._take(node, kind, names, had)
        until = self._now() + patience
        while (left := until - self._now()) > 0:
            changed = self._changed
            offer = self._offer(node, kind, names)
            if offer is not None and offer.version == had and node.has.get((kind, names)) != had:
                node.sent[kind, names] = had, self._now()  # of a server before this one
                self._take(node, kind, names, had)
                continue
            if offer is not None and self._is_news(node, (kind, names), offer.version, had):
                node.sent[kind, names] = offer.version, self._now()
                return offer
            try:
                await asyncio.wait_for(changed.wait(), min(left, _AGAIN))
            except TimeoutError:
                continue
        return None

    def _take(self, node: Node, kind: Kind, names: Names, had: str) -> None:
        """Note what a node has, and whether it refuses what it was sent."""
        key = kind, names
        sent, when = node.sent.get(key, ("", 0.0))
        if had == sent:
            node.has[key] = had
        elif sent and node.refused.get(key) != sent and (had or self._now() - when < _SOON):
            node.refused[key] = sent
            at_fault = culprit("", kind, node.base, self.latest or NOTHING)
            self._told(Refusal(node.name, kind, sent, at_fault))
        if not had and not sent:
            node.has.pop(key, None)
        if self.latest is not None and self._has_all(node, self.latest):
            node.base = self.latest
        self._wake()

    def _is_news(self, node: Node, key: tuple[Kind, Names], offered: str, had: str) -> bool:
        if offered == had:
            return False
        sent, when = node.sent.get(key, ("", 0.0))
        return sent != offered or (not had and self._now() - when >= (_AGAIN if node.refused.get(key) == sent else 0))

    def _offer(self, node: Node, kind: Kind, names: Names) -> Offer | None:
        """Return what a node should have now, None while that is not there, or must wait for something else."""
        latest = self.latest
        if latest is None:
            return None
        if kind is Kind.CLUSTER:
            return _offer(self._clusters(node, latest).values())
        source = latest
        if kind in {Kind.LISTENER, Kind.ROUTES} and not self._has_clusters(node, latest):
            source = node.base
            if source is NOTHING:
                return None
        found = source.of(kind)
        if not names:
            return _offer(found.values())
        known = [found.get(name) or node.base.of(kind).get(name) for name in names]
        return _offer(part for part in known if part is not None) if all(known) else None

    def _clusters(self, node: Node, latest: Resources) -> Mapping[str, Part]:
        """Return the clusters a node must know: those of before, too, until it has the routes of now."""
        return latest.clusters if node.base is latest else {**node.base.clusters, **latest.clusters}

    def _has_clusters(self, node: Node, latest: Resources) -> bool:
        has = node.has.get((Kind.CLUSTER, ()))
        return has in {_version(latest.clusters.values()), _version(self._clusters(node, latest).values())}

    def _has_all(self, node: Node, latest: Resources) -> bool:
        """Tell whether a node has the listeners and every route of a snapshot, and the clusters they name."""
        listeners = node.has.get((Kind.LISTENER, ())) == _version(latest.listeners.values())
        routes = (node.has.get((Kind.ROUTES, (name,))) == _version([part]) for name, part in latest.routes.items())
        return listeners and all(routes) and self._has_clusters(node, latest)


def _offer(parts: Iterable[Part]) -> Offer:
    listed = [*parts]
    return Offer(_version(listed), listed)


def _version(parts: Iterable[Part]) -> str:
    return version({str(each.get("name") or each.get("cluster_name")): each for each in parts})


def without_pods(model: Model) -> Model:
    """Return a model whose Services are found by their names, as in a Kubernetes cluster."""
    return replace(model, clusters=tuple(map(_by_name, model.clusters)))


def _by_name(cluster: Cluster) -> Cluster:
    if cluster.type is not ClusterType.EDS or cluster.service is None:
        return cluster
    return replace(cluster, type=ClusterType.STRICT_DNS, endpoints=(service_endpoint(cluster.service),))
