"""Clusters and endpoints, in Envoy's vocabulary (envoy.config.cluster.v3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One upstream host. `hostname` serves autoHostRewrite, `pod` names it for people."""

    address: str
    port: int
    metadata: Subset = ()
    weight: int = 1
    hostname: str = ""
    pod: str = ""
    sni: str = ""


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
class ServiceRef:
    """The Kubernetes Service an EDS cluster follows; `selector` filters its pods further."""

    namespace: str
    name: str
    port: int
    selector: Subset = ()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A named set of endpoints. `endpoints` is empty for EDS: those come as an assignment.

    `connect_timeout` is in seconds; `max_retries` bounds the retries in flight at one time. A
    DIRECT_RESPONSE cluster has no endpoints: what is sent to it is answered with `response`, with
    everything the route does to an answer (Gloo's fallback cluster for invalid routes).
    """

    name: str
    type: ClusterType
    endpoints: tuple[Endpoint, ...] = ()
    service: ServiceRef | None = None
    subsets: SubsetConfig | None = None
    connect_timeout: float = 5.0
    origin: Origin = ()
    tls: UpstreamTls | None = None
    max_retries: int = 3
    response: DirectResponseAction | None = None


FALLBACK_CLUSTER = "fallback_cluster_for_invalid_routes"
"""The DIRECT_RESPONSE cluster that stands in for broken destinations (Gloo's name)."""


Assignments = dict[str, tuple[Endpoint, ...]]
"""The endpoints of each EDS cluster by cluster name (Envoy's ClusterLoadAssignment)."""
