"""The one model in the middle: frozen dataclasses in Envoy's vocabulary."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.model.clusters import (
    Assignments,
    Cluster,
    ClusterType,
    Endpoint,
    FallbackPolicy,
    ServiceRef,
    SubsetConfig,
    SubsetSelector,
)
from edgesim.model.head import RequestHead
from edgesim.model.listener import DEFAULT_LISTENER, Certificate, DownstreamTls, ListenerOptions, UpstreamTls
from edgesim.model.policies import NO_POLICIES, Policies
from edgesim.model.problems import Origin, OriginStep, Position, Problem, ResourceKey, Severity
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

    Virtual hosts with `tls` are the TLS listener's, the others the plain listener's.
    """

    virtual_hosts: tuple[VirtualHost, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    listener: ListenerOptions = DEFAULT_LISTENER
    tls_listener: ListenerOptions = DEFAULT_LISTENER


__all__ = [
    "DEFAULT_LISTENER",
    "NO_MUTATIONS",
    "NO_POLICIES",
    "Action",
    "Assignments",
    "Certificate",
    "Cluster",
    "ClusterType",
    "Destination",
    "DirectResponseAction",
    "DownstreamTls",
    "Endpoint",
    "FallbackPolicy",
    "ForwardAction",
    "HeaderMatcher",
    "HeaderMutations",
    "HeaderValue",
    "HostRewrite",
    "HostRewriteKind",
    "ListenerOptions",
    "Model",
    "Origin",
    "OriginStep",
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
    "Subset",
    "SubsetConfig",
    "SubsetSelector",
    "Update",
    "UpdateRefusedError",
    "UpstreamTls",
    "ValueKind",
    "VirtualHost",
    "WeightedCluster",
]
