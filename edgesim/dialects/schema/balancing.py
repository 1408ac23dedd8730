"""How an Upstream's endpoints are picked, and which come after them.

Source: Gloo's load_balancer.proto and failover.proto; reference sections 7.4 and 7.5.
"""

from __future__ import annotations

from typing import ClassVar

from edgesim.dialects.schema.common import Duration, NotSimulated, OneOf, Strict, UInt32


class Empty(Strict, frozen=True):
    """A message without fields: that it is there says everything."""


class RingHashConfig(Strict, frozen=True):
    """The size of a hash ring."""

    minimum_ring_size: int | None = None
    maximum_ring_size: int | None = None


class RingHash(Strict, frozen=True):
    """Ring hash load balancing."""

    ring_hash_config: RingHashConfig | None = None


class SlowStart(Strict, frozen=True):
    """How fast a new endpoint gets its share."""

    slow_start_window: Duration | None = None
    aggression: float | None = None
    min_weight_percent: float | None = None


class RoundRobin(Strict, frozen=True):
    """Round robin load balancing."""

    slow_start_config: SlowStart | None = None


class LeastRequest(Strict, frozen=True):
    """Least request load balancing."""

    choice_count: UInt32 = 0
    slow_start_config: SlowStart | None = None


class LoadBalancerConfig(Strict, frozen=True):
    """How an endpoint is picked (section 7.4)."""

    ONE_OF: ClassVar[OneOf] = (("roundRobin", "leastRequest", "random", "ringHash", "maglev"),)

    round_robin: RoundRobin | None = None
    least_request: LeastRequest | None = None
    random: Empty | None = None
    ring_hash: RingHash | None = None
    maglev: Empty | None = None
    healthy_panic_threshold: float | None = None
    update_merge_window: NotSimulated = None
    locality_weighted_lb_config: Empty | None = None
    use_hostname_for_hashing: bool | None = None
    close_connections_on_host_set_change: bool | None = None


class Locality(Strict, frozen=True):
    """Where endpoints run."""

    region: str = ""
    zone: str = ""
    sub_zone: str = ""


class LbEndpoint(Strict, frozen=True):
    """One endpoint to fail over to."""

    address: str = ""
    port: UInt32 = 0
    health_check_config: NotSimulated = None
    upstream_ssl_config: NotSimulated = None
    load_balancing_weight: UInt32 | None = None
    metadata: NotSimulated = None


class LocalityLbEndpoints(Strict, frozen=True):
    """Endpoints of one locality."""

    locality: Locality | None = None
    lb_endpoints: tuple[LbEndpoint, ...] = ()
    load_balancing_weight: UInt32 | None = None


class PrioritizedLocality(Strict, frozen=True):
    """The localities of one priority."""

    locality_endpoints: tuple[LocalityLbEndpoints, ...] = ()


class FailoverPolicy(Strict, frozen=True):
    """When requests go on to the next priority."""

    overprovisioning_factor: UInt32 | None = None


class Failover(Strict, frozen=True):
    """The endpoints that come after an Upstream's own, by priority."""

    prioritized_localities: tuple[PrioritizedLocality, ...] = ()
    policy: FailoverPolicy | None = None
