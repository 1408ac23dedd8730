"""The one model in the middle: frozen dataclasses in Envoy's vocabulary."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.model.clusters import (
    DEFAULT_BALANCER,
    DEFAULT_CONNECTION,
    FALLBACK_CLUSTER,
    NO_LOCALITY,
    Assignments,
    BalancerKind,
    Cluster,
    ClusterType,
    ConnectionSettings,
    Endpoint,
    FallbackPolicy,
    LoadBalancer,
    Locality,
    ServiceRef,
    SlowStart,
    SubsetConfig,
    SubsetSelector,
    TcpKeepalive,
    endpoints_of,
)
from edgesim.model.head import JOINED, JOINED_IN_REQUESTS, RequestHead
from edgesim.model.health import (
    NO_BREAKERS,
    CircuitBreakers,
    GrpcCheck,
    HealthCheck,
    HttpCheck,
    OutlierDetection,
    TcpCheck,
)
from edgesim.model.listener import (
    DEFAULT_LISTENER,
    DEFAULT_LISTENERS,
    PLAIN_LISTENER,
    TLS_LISTENER,
    Certificate,
    DownstreamTls,
    Listener,
    ListenerOptions,
    UpstreamTls,
)
from edgesim.model.policies import NO_POLICIES, OnEmpty, Policies
from edgesim.model.problems import EdgesimError, Origin, OriginStep, Position, Problem, ResourceKey, Severity
from edgesim.model.routes import (
    NO_MUTATIONS,
    Action,
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    InheritedOption,
    PathKind,
    PathMatcher,
    QueryMatcher,
    RedirectAction,
    RegexRewrite,
    Route,
    RouteMatch,
    Subset,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.update import Update, UpdateRefusedError


@dataclass(frozen=True, slots=True)
class Model:
    """Everything an engine needs to serve, but for the endpoints of EDS clusters.

    A virtual host may be served by several listeners; each names those it serves.
    """

    virtual_hosts: tuple[VirtualHost, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    listeners: tuple[Listener, ...] = DEFAULT_LISTENERS


def options_of(model: Model, *, tls: bool) -> ListenerOptions:
    """Return the options of the first listener with TLS, or without."""
    return next((each.options for each in model.listeners if each.tls is tls), DEFAULT_LISTENER)


def is_served(host: VirtualHost, listener: Listener) -> bool:
    """Tell whether a listener serves a virtual host."""
    if listener.virtual_hosts is not None:
        return host.name in listener.virtual_hosts
    return (host.tls is not None) is listener.tls


__all__ = [
    "DEFAULT_BALANCER",
    "DEFAULT_CONNECTION",
    "DEFAULT_LISTENER",
    "DEFAULT_LISTENERS",
    "FALLBACK_CLUSTER",
    "JOINED",
    "JOINED_IN_REQUESTS",
    "NO_BREAKERS",
    "NO_LOCALITY",
    "NO_MUTATIONS",
    "NO_POLICIES",
    "PLAIN_LISTENER",
    "TLS_LISTENER",
    "Action",
    "Assignments",
    "BalancerKind",
    "Certificate",
    "CircuitBreakers",
    "Cluster",
    "ClusterType",
    "ConnectionSettings",
    "Destination",
    "DirectResponseAction",
    "DownstreamTls",
    "EdgesimError",
    "Endpoint",
    "FallbackPolicy",
    "ForwardAction",
    "GrpcCheck",
    "HeaderMatcher",
    "HeaderMutations",
    "HeaderValue",
    "HealthCheck",
    "HostRewrite",
    "HostRewriteKind",
    "HttpCheck",
    "InheritedOption",
    "Listener",
    "ListenerOptions",
    "LoadBalancer",
    "Locality",
    "Model",
    "OnEmpty",
    "Origin",
    "OriginStep",
    "OutlierDetection",
    "PathKind",
    "PathMatcher",
    "Policies",
    "Position",
    "Problem",
    "QueryMatcher",
    "RedirectAction",
    "RegexRewrite",
    "RequestHead",
    "ResourceKey",
    "Route",
    "RouteMatch",
    "ServiceRef",
    "Severity",
    "SlowStart",
    "Subset",
    "SubsetConfig",
    "SubsetSelector",
    "TcpCheck",
    "TcpKeepalive",
    "Update",
    "UpdateRefusedError",
    "UpstreamTls",
    "ValueKind",
    "VirtualHost",
    "WeightedCluster",
    "endpoints_of",
    "is_served",
    "options_of",
]
