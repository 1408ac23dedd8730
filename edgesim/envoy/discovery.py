"""What any number of Envoys are served, each by its node id, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from edgesim.dialects.envoy import Kind
from edgesim.dialects.envoy.clusters import service_endpoint
from edgesim.envoy.discovery_messages import Request
from edgesim.envoy.discovery_stream import Refused, Stream
from edgesim.envoy.served import Packed, Served
from edgesim.model import Cluster, ClusterType, Model

_MOST_NODES: Final = 10_000
"""Nodes that are remembered after they went: names are what clients say."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A part of a snapshot that a node does not take."""

    node: str
    what: Refused


@dataclass(slots=True)
class Node:
    """One Envoy, or several that give the same name."""

    base: Served | None = None
    """What it took as a whole the last time."""
    kept: Mapping[str, Packed] = field(default_factory=dict)
    """The clusters that it may still use."""
    told: frozenset[tuple[Served, Kind]] = frozenset()
    """The refusals that were told of what is served now."""


class Connection:
    """A node's stream, and when there is news for it."""

    def __init__(self, name: str, stream: Stream) -> None:
        """Begin with what its node is known to have."""
        self.name = name
        self.stream = stream
        self.news = asyncio.Event()
        self.over = False


class Discovery:
    """The latest snapshot, and the nodes that follow it."""

    def __init__(self, told: Callable[[Refusal], None]) -> None:
        """Take who is told of refusals, of each once."""
        self.latest: Served | None = None
        self.connections: set[Connection] = set()
        self._good: Served | None = None
        """What a node took as a whole last: a new one that refuses the latest gets that."""
        self._nodes: dict[str, Node] = {}
        self._told = told

    def serve(self, served: Served) -> None:
        """Serve this from now on."""
        self.latest = served
        for each in self.connections:
            each.stream.serve(served)
            each.news.set()

    def taken(self, name: str) -> bool:
        """Tell whether a node is here and has all of the latest snapshot."""
        streams = [each.stream for each in self.connections if each.name == name]
        return bool(streams) and all(each.settled for each in streams)

    def connect(self, name: str) -> Connection:
        """Begin a stream of a node."""
        known = self._nodes.get(name)
        base = self._good if known is None or known.base is None else known.base
        kept = {} if known is None else known.kept
        made = Connection(name, Stream(self.latest, base, kept))
        self.connections.add(made)
        return made

    def hear(self, connection: Connection, request: Request) -> None:
        """Take a request of a stream."""
        refused = connection.stream.hear(request)
        if refused is not None:
            self._tell(connection.name, refused)
        connection.news.set()

    def _tell(self, name: str, refused: Refused) -> None:
        """Tell of a refusal, unless that node was told of with it: it may have connected again."""
        node, this = self._node(name), (refused.served, refused.kind)
        if this not in node.told:
            now = {each for each in node.told if each[0] in {self.latest, node.base}}
            node.told = frozenset({*now, this})
            self._told(Refusal(name, refused))

    def due(self, connection: Connection) -> Iterator[bytes]:
        """Yield the responses that are to be sent now, and note what the node has by then."""
        stream, node = connection.stream, self._node(connection.name)
        yield from stream.due()
        node.base, node.kept = stream.base, stream.kept
        if stream.base is self.latest:
            self._good = stream.base

    def _node(self, name: str) -> Node:
        known = self._nodes.setdefault(name, Node())
        while len(self._nodes) > _MOST_NODES:
            del self._nodes[next(iter(self._nodes))]
        return known

    def disconnect(self, connection: Connection) -> None:
        """End a stream."""
        self.connections.discard(connection)


def without_pods(model: Model) -> Model:
    """Return a model whose Services are found by their names, as in a Kubernetes cluster."""
    return replace(model, clusters=tuple(map(_by_name, model.clusters)))


def _by_name(cluster: Cluster) -> Cluster:
    if cluster.type is not ClusterType.EDS or cluster.service is None:
        return cluster
    return replace(cluster, type=ClusterType.STRICT_DNS, endpoints=(service_endpoint(cluster.service),))
