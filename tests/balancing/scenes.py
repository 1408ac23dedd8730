"""A balancer with a clock and draws of its own."""

from __future__ import annotations

from collections import Counter
from random import Random

from edgesim.balancing import Balancer, endpoint_set
from edgesim.model import BalancerKind, Cluster, ClusterType, Endpoint, LoadBalancer, Subset

A, B, C, D = (Endpoint("127.0.0.1", port) for port in (1, 2, 3, 4))


class Scene:
    """A balancer with a clock that stands still until it is moved."""

    def __init__(self, cluster: Cluster, *endpoints: Endpoint, seed: int = 1) -> None:
        self.now = 100.0
        self.looked = 0
        self.cluster = cluster
        self.draws, self.drawn = Random(seed), 0
        self.balancer = Balancer(endpoint_set(cluster, endpoints), self._draw, self._clock)

    def _draw(self) -> int:
        self.drawn += 1
        return self.draws.getrandbits(64)

    def _clock(self) -> float:
        self.looked += 1
        return self.now

    def update(self, *endpoints: Endpoint) -> None:
        self.balancer.update(endpoint_set(self.cluster, endpoints))

    def fail(self, *endpoints: Endpoint, active: bool = True) -> None:
        for endpoint in endpoints:
            record = self.balancer.health[endpoint.address, endpoint.port]
            if active:
                record.active_failed = True
            else:
                record.ejected_until = self.now + 30
        self.balancer.health_changed()

    def heal(self, *endpoints: Endpoint) -> None:
        for endpoint in endpoints:
            record = self.balancer.health[endpoint.address, endpoint.port]
            record.active_failed, record.ejected_until, record.healthy_since = False, None, self.now
        self.balancer.health_changed()

    def picks(self, many: int, subset: Subset = ()) -> Counter[Endpoint | None]:
        return Counter(self.balancer.pick(subset) for _ in range(many))

    def under_way(self, endpoint: Endpoint, requests: int) -> None:
        self.balancer.health[endpoint.address, endpoint.port].active = requests


def plain(kind: BalancerKind = BalancerKind.ROUND_ROBIN, **options: object) -> Cluster:
    config = LoadBalancer(kind, **options)  # type: ignore[arg-type]
    return Cluster("echo", ClusterType.STATIC, balancer=config)
