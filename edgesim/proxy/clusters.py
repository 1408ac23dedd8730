"""A cluster as a worker knows it: its endpoints now, whose turn it is, and the pools to them.

Pools and turns are keyed by endpoint and subset and outlive reloads; only the endpoint set is swapped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgesim.balancing import EndpointSet, Rotation, candidates, endpoint_set, pick
from edgesim.model import Cluster, Endpoint, Subset
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.pools import Pool, PoolTls, retire
from edgesim.proxy.tls import upstream_context
from edgesim.proxy.upstream import UpstreamConnection

_MOST_ROTATIONS = 1024
"""Turns of so many subsets are kept from one set of endpoints to the next."""


class ClusterRuntime:
    """The mutable side of one cluster in one worker."""

    __slots__ = ("cluster", "endpoints", "pools", "responses", "retrying", "rotations", "start", "tls")

    def __init__(self, cluster: Cluster, start: Callable[[], int], responses: Memory[Response]) -> None:
        """Begin without endpoints; `start` draws the place where a rotation begins."""
        self.responses = responses
        self.cluster = cluster
        self.start = start
        self.endpoints: EndpointSet = endpoint_set(cluster, ())
        self.tls = upstream_context(cluster.tls) if cluster.tls is not None else None
        self.retrying = 0
        self.rotations: dict[Subset, Rotation] = {}
        self.pools: dict[tuple[str, int], Pool] = {}

    def update(self, cluster: Cluster, endpoints: Sequence[Endpoint]) -> None:
        """Swap in new endpoints; pools to endpoints that are gone close when their exchanges end."""
        if cluster.tls != self.cluster.tls:
            self.tls = upstream_context(cluster.tls) if cluster.tls is not None else None
            self.retire()
        self.cluster = cluster
        for pool in self.pools.values():
            pool.connect_timeout = cluster.connect_timeout
        self.endpoints = endpoint_set(cluster, endpoints)
        if len(self.rotations) > _MOST_ROTATIONS:
            self.rotations = {}  # of subsets that routes no longer ask for, mostly
        kept = {(endpoint.address, endpoint.port) for endpoint in endpoints}
        for key in self.pools.keys() - kept:
            retire(self.pools.pop(key))

    def retire(self) -> None:
        """Close every pool when its exchanges end: the cluster is gone. Exchanges under way go on."""
        for pool in self.pools.values():
            retire(pool)
        self.pools = {}

    def pick(self, subset: Subset) -> Endpoint | None:
        """Return the endpoint whose turn it is in a subset, or None when there is none."""
        rotation = self.rotations.get(subset)
        if rotation is None:
            rotation = self.rotations[subset] = Rotation(self.start())
        return pick(candidates(self.endpoints, subset), rotation)

    def pool(self, endpoint: Endpoint) -> Pool:
        """Return the pool to an endpoint."""
        key = (endpoint.address, endpoint.port)
        pool = self.pools.get(key)
        if pool is None:
            pool = self.pools[key] = self._new_pool(endpoint)
        return pool

    def _new_pool(self, endpoint: Endpoint) -> Pool:
        cluster = self.cluster
        tls = None
        if self.tls is not None and cluster.tls is not None:
            name = endpoint.sni or cluster.tls.sni or None
            tls = PoolTls(self.tls, name, cluster.tls.verify_names)
        return Pool(endpoint.address, endpoint.port, cluster.connect_timeout, self.responses, UpstreamConnection, tls)
