"""Clusters and endpoints, in Envoy's vocabulary (envoy.config.cluster.v3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgesim.model.health import NO_BREAKERS, CircuitBreakers, HealthCheck, OutlierDetection
from edgesim.model.listener import UpstreamTls
from edgesim.model.problems import Origin
from edgesim.model.routes import DirectResponseAction, Subset


class ClusterType(StrEnum):
    """Where a cluster's endpoints come from."""

    STATIC = "static"
    STRICT_DNS = "strict_dns"
    EDS = "eds"
    DIRECT_RESPONSE = "direct_response"


class FallbackPolicy(StrEnum):
    """What a subset without endpoints, or a request without a subset, gets."""

    ANY_ENDPOINT = "any_endpoint"
    DEFAULT_SUBSET = "default_subset"
    NO_FALLBACK = "no_fallback"


class BalancerKind(StrEnum):
    """How an endpoint is picked (Envoy's lb_policy)."""

    ROUND_ROBIN = "round_robin"
    LEAST_REQUEST = "least_request"
    RANDOM = "random"
    RING_HASH = "ring_hash"
    MAGLEV = "maglev"


@dataclass(frozen=True, slots=True)
class Locality:
    """Where an endpoint runs."""

    region: str = ""
    zone: str = ""
    sub_zone: str = ""


NO_LOCALITY = Locality()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One upstream host. `hostname` serves autoHostRewrite, `pod` names it for people.

    `priority` 0 is served first. `locality_weight` is the share of the endpoint's locality among those of its
    priority; it acts where the balancer weighs localities, and 0 gives the locality nothing then.
    """

    address: str
    port: int
    metadata: Subset = ()
    weight: int = 1
    hostname: str = ""
    pod: str = ""
    sni: str = ""
    priority: int = 0
    locality: Locality = NO_LOCALITY
    locality_weight: int = 0


@dataclass(frozen=True, slots=True)
class SubsetSelector:
    """A set of metadata keys by which subsets are cut."""

    keys: tuple[str, ...]
    single_host_per_subset: bool = False


@dataclass(frozen=True, slots=True)
class SubsetConfig:
    """Envoy's LbSubsetConfig."""

    selectors: tuple[SubsetSelector, ...]
    fallback: FallbackPolicy = FallbackPolicy.ANY_ENDPOINT
    default_subset: Subset = ()


@dataclass(frozen=True, slots=True)
class SlowStart:
    """How a new endpoint gets its share: over `window` seconds, from `min_weight_percent` of its weight on."""

    window: float
    aggression: float = 1.0
    min_weight_percent: float = 10.0


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """How a cluster's endpoints are picked.

    `choice_count` is how many endpoints a least request balancer compares. `panic_threshold` is in per cent of
    healthy endpoints: below it health is ignored; 0 switches that off.
    """

    kind: BalancerKind = BalancerKind.ROUND_ROBIN
    choice_count: int = 2
    minimum_ring_size: int = 1024
    maximum_ring_size: int = 8_388_608
    slow_start: SlowStart | None = None
    panic_threshold: float = 50.0
    use_hostname_for_hashing: bool = False
    close_connections_on_host_set_change: bool = False
    locality_weighted: bool = False


DEFAULT_BALANCER = LoadBalancer()


@dataclass(frozen=True, slots=True)
class TcpKeepalive:
    """The socket options of idle connections: seconds until the first probe, between probes, and how many fail."""

    probes: int | None = None
    time: int | None = None
    interval: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Connections to a cluster's endpoints.

    Times are in seconds. `max_requests_per_connection` 0 is no limit; an `idle_timeout` of 0 keeps idle
    connections for ever. `buffer_limit` is in bytes: where more wait for an endpoint that is slow to read, no more is
    read from the client until half of them are left; 0 is no limit, None the proxy's own.
    """

    connect_timeout: float = 5.0
    max_requests_per_connection: int = 0
    tcp_keepalive: TcpKeepalive | None = None
    idle_timeout: float = 3600.0
    buffer_limit: int | None = None


DEFAULT_CONNECTION = ConnectionSettings()


@dataclass(frozen=True, slots=True)
class ServiceRef:
    """The Kubernetes Service an EDS cluster follows; `selector` filters its pods further."""

    namespace: str
    name: str
    port: int
    selector: Subset = ()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A named set of endpoints. Those of an EDS cluster come as an assignment; `endpoints` adds what it fails over to.

    `overprovisioning_factor` is in per cent: a priority is left for the next one once fewer than 100 divided by it
    are healthy. `dns_refresh_rate` is in seconds. `http2` is what real Envoy speaks to the endpoints, with prior
    knowledge; edgesim's own proxy does so for health checks by gRPC only. A DIRECT_RESPONSE cluster has no endpoints: what is sent to it is
    answered with `response`, with everything the route does to an answer (Gloo's fallback cluster for invalid
    routes).
    """

    name: str
    type: ClusterType
    endpoints: tuple[Endpoint, ...] = ()
    service: ServiceRef | None = None
    subsets: SubsetConfig | None = None
    connection: ConnectionSettings = DEFAULT_CONNECTION
    origin: Origin = ()
    tls: UpstreamTls | None = None
    breakers: CircuitBreakers = NO_BREAKERS
    balancer: LoadBalancer = DEFAULT_BALANCER
    health_checks: tuple[HealthCheck, ...] = ()
    outlier: OutlierDetection | None = None
    overprovisioning_factor: int = 140
    dns_refresh_rate: float = 5.0
    respect_dns_ttl: bool = False
    ignore_health_on_host_removal: bool = False
    http2: bool = False
    response: DirectResponseAction | None = None


FALLBACK_CLUSTER = "fallback_cluster_for_invalid_routes"
"""The DIRECT_RESPONSE cluster that stands in for broken destinations (Gloo's name)."""


Assignments = dict[str, tuple[Endpoint, ...]]
"""The endpoints of each EDS cluster by cluster name (Envoy's ClusterLoadAssignment)."""


def endpoints_of(cluster: Cluster, assignments: Assignments) -> tuple[Endpoint, ...]:
    """Return all endpoints of a cluster: those assigned to it, then those it names itself (all, or the failover)."""
    return *assignments.get(cluster.name, ()), *cluster.endpoints
