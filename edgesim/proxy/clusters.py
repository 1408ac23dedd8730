"""A cluster as a worker knows it: its endpoints now, who picks among them, how they are, and the pools to them.

Pools, the balancer and all that is known of health outlive reloads; only the endpoint set is swapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from edgesim.balancing import Address, Balancer, EndpointSet, address_of, build_at_once, endpoint_set
from edgesim.balancing.hashing import Build
from edgesim.model import BalancerKind, Cluster, Endpoint
from edgesim.policies.health_checks import check_of
from edgesim.policies.outlier import Ejections
from edgesim.proxy.breakages import Breakages, Broken, breakage_of
from edgesim.proxy.breakers import Load
from edgesim.proxy.dialing import EndpointTls
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.outliers import Outliers
from edgesim.proxy.pools import Pool, close_idle, retire
from edgesim.proxy.tls import upstream_context
from edgesim.proxy.upstream import UpstreamConnection
from edgesim.telemetry.sources import NEVER


class ClusterRuntime:
    """The mutable side of one cluster in one worker."""

    __slots__ = (
        "_clock",
        "_draw",
        "balancer",
        "breakages",
        "cluster",
        "ejections",
        "load",
        "outliers",
        "pick",
        "pools",
        "responses",
        "tls",
        "told_used",
    )

    def __init__(
        self,
        cluster: Cluster,
        draw: Callable[[], int],
        clock: Callable[[], float],
        responses: Memory[Response],
        build: Build = build_at_once,
    ) -> None:
        """Begin without endpoints; `draw` draws 64 bits, `clock` is monotonic, `build` makes hash tables.

        `pick(subset, hash)` returns the endpoint a request is sent to, or None when there is none.
        """
        self._draw, self._clock = draw, clock
        self.responses = responses
        self.cluster = cluster
        self.balancer = Balancer(endpoint_set(cluster, ()), draw, clock, build)
        self.pick = self.balancer.pick
        self.tls = upstream_context(cluster.tls) if cluster.tls is not None else None
        self.pools: dict[Address, Pool] = {}
        self.load = Load(cluster.breakers, self._requests, clock)
        self.ejections = Ejections()
        self.outliers = self._new_outliers(cluster)
        self.breakages: Breakages = {}
        """All that is broken on purpose, here or elsewhere."""
        self.told_used = False
        """Whether the parent knows that the cluster is used: checks of one that is not are far apart."""

    def _requests(self) -> int:
        return sum(len(pool.busy) for pool in self.pools.values())

    def _new_outliers(self, cluster: Cluster) -> Outliers | None:
        if cluster.outlier is None:
            return None
        return Outliers(cluster.outlier, self.balancer, self._draw, self._clock, self.ejections)

    def update(
        self, cluster: Cluster, endpoints: Sequence[Endpoint], passing: Mapping[Address, bool] | None = None
    ) -> None:
        """Swap in new endpoints; pools to endpoints that are gone close when their exchanges end.

        `passing` is what active health checks say. Endpoints that are checked count as ill until they say something.
        """
        before, self.cluster = self.cluster, cluster
        self.load.limits = cluster.breakers
        if cluster.tls != before.tls:
            self.tls = upstream_context(cluster.tls) if cluster.tls is not None else None
            self.retire()
        changes = set(endpoints) != set(self.endpoints.every)
        if cluster.connection.tcp_keepalive != before.connection.tcp_keepalive or (
            changes and self.pools and cluster.balancer.close_connections_on_host_set_change
        ):
            self.retire()
        self.balancer.update(endpoint_set(cluster, endpoints))
        self._drop(self.pools.keys() - self.balancer.health.keys())
        self._follow_outliers(before)
        self._renew_pools()
        if cluster.health_checks or before.health_checks:
            self._mark(passing or {}, self.balancer.health)
        self.balancer.prepare()

    def _follow_outliers(self, before: Cluster) -> None:
        if self.cluster.outlier != before.outlier:
            self.outliers = self._new_outliers(self.cluster)
            for record in self.balancer.health.values():
                record.ejected_until = None
        if self.outliers is not None:
            self.outliers.follow(self.balancer.health)

    def _renew_pools(self) -> None:
        for address, pool in self.pools.items():
            pool.settings = self.cluster.connection
            self._observe(pool, address)

    def _observe(self, pool: Pool, address: Address) -> None:
        breakage = breakage_of(self.breakages, self.cluster.name, address)
        pool.broken = None if breakage is None else Broken(breakage)
        counts = self.cluster.balancer.kind is BalancerKind.LEAST_REQUEST
        pool.record = self.balancer.health.get(address) if counts else None
        pool.watch = None if self.outliers is None else self.outliers.watch(address)

    def break_(self, breakages: Breakages) -> None:
        """Let requests fail as they say, and all others not any more."""
        self.breakages = breakages
        self._renew_pools()

    def take_health(self, passing: Mapping[Address, bool | None]) -> None:
        """Take what active health checks found anew; a pass ends an ejection as well, as in Envoy."""
        self._mark(passing, passing)
        if self.outliers is not None:
            for address, passes in passing.items():
                if passes:
                    self.outliers.passed_check(address)

    def _mark(self, passing: Mapping[Address, bool | None], addresses: Iterable[Address]) -> None:
        now, checked = self._clock(), check_of(self.cluster) is not None
        for address in addresses:
            record = self.balancer.health.get(address)
            if record is None:
                continue
            failed = checked and not passing.get(address)
            if record.active_failed and not failed:
                record.healthy_since = now
            record.active_failed = failed
        self.balancer.health_changed()

    def look(self, now: float) -> float:
        """Do what is due from time to time: intervals of outlier detection, idle connections; return when it is next."""
        for pool in self.pools.values():
            if pool.idle:
                close_idle(pool, now)
        idle = self.cluster.connection.idle_timeout
        due = now + idle / 8 if idle else NEVER
        return due if self.outliers is None else min(due, self.outliers.look(now))

    def retire(self) -> None:
        """Close every pool when its exchanges end: the cluster is gone. Exchanges under way go on."""
        self._drop(tuple(self.pools))

    def _drop(self, addresses: Iterable[Address]) -> None:
        for address in addresses:
            pool = self.pools.pop(address)
            pool.watch = pool.record = None
            retire(pool)

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
            tls = EndpointTls(self.tls, name, cluster.tls.verify_names)
        made = Pool(
            endpoint.address, endpoint.port, cluster.connection, self.load, self.responses, UpstreamConnection, tls
        )
        self._observe(made, address_of(endpoint))
        return made
