"""A cluster as a worker knows it: its endpoints now, who picks among them, and the pools to them.

Pools and the balancer outlive reloads; only the endpoint set is swapped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgesim.balancing import Balancer, EndpointSet, endpoint_set
from edgesim.model import Cluster, Endpoint, Subset
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.pools import Pool, PoolTls, retire
from edgesim.proxy.tls import upstream_context
from edgesim.proxy.upstream import UpstreamConnection


class ClusterRuntime:
    """The mutable side of one cluster in one worker."""

    __slots__ = ("balancer", "cluster", "pick", "pools", "responses", "retrying", "tls")

    def __init__(
        self,
        cluster: Cluster,
        draw: Callable[[], int],
        clock: Callable[[], float],
        responses: Memory[Response],
    ) -> None:
        """Begin without endpoints; `draw` draws 64 bits, `clock` is monotonic.

        `pick(subset)` returns the endpoint a request is sent to, or None when there is none.
        """
        self.responses = responses
        self.cluster = cluster
        self.balancer = Balancer(endpoint_set(cluster, ()), draw, clock)
        self.pick: Callable[[Subset], Endpoint | None] = self.balancer.pick
        self.tls = upstream_context(cluster.tls) if cluster.tls is not None else None
        self.retrying = 0
        self.pools: dict[tuple[str, int], Pool] = {}

    def update(self, cluster: Cluster, endpoints: Sequence[Endpoint]) -> None:
        """Swap in new endpoints; pools to endpoints that are gone close when their exchanges end."""
        if cluster.tls != self.cluster.tls:
            self.tls = upstream_context(cluster.tls) if cluster.tls is not None else None
            self.retire()
        self.cluster = cluster
        for pool in self.pools.values():
            pool.connect_timeout = cluster.connection.connect_timeout
        self.balancer.update(endpoint_set(cluster, endpoints))
        kept = {(endpoint.address, endpoint.port) for endpoint in endpoints}
        for key in self.pools.keys() - kept:
            retire(self.pools.pop(key))

    def retire(self) -> None:
        """Close every pool when its exchanges end: the cluster is gone. Exchanges under way go on."""
        for pool in self.pools.values():
            retire(pool)
        self.pools = {}

    @property
    def endpoints(self) -> EndpointSet:
        """The endpoints now."""
        return self.balancer.endpoints

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
        timeout = cluster.connection.connect_timeout
        return Pool(endpoint.address, endpoint.port, timeout, self.responses, UpstreamConnection, tls)
