"""A model and a request for each known difference, which show that it is still there."""

from __future__ import annotations

from edgesim.model import (
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    Endpoint,
    ForwardAction,
    Model,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    VirtualHost,
)
from edgesim.model.policies import RetryPolicy
from edgesim.model.routes import HostRewrite, HostRewriteKind
from edgesim.verify import Asked
from edgesim.verify.known import KNOWN, Known


def _direct(status: int, body: str) -> Model:
    route = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), DirectResponseAction(status, body))
    return Model((VirtualHost("any", ("*",), (route,)),))


def _retried(*, append: bool) -> Model:
    action = ForwardAction(Destination("failing"), host_rewrite=HostRewrite(HostRewriteKind.AUTO))
    policies = Policies(retries=RetryPolicy(("5xx",), 1, base_interval=0.001), append_x_forwarded_host=append)
    route = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), action, policies=policies)
    cluster = Cluster("failing", ClusterType.STATIC, (Endpoint("192.0.2.1", 80, hostname="failing.test"),))
    return Model((VirtualHost("any", ("*",), (route,)),), (cluster,))


_ASKED = Asked("", "GET", "any.example", "/")
EXAMPLES: tuple[tuple[Known, Model, Asked], ...] = (
    (KNOWN[0], _direct(204, "no"), _ASKED),
    (KNOWN[0], _direct(304, "no"), _ASKED),
    (KNOWN[1], _retried(append=True), _ASKED),
    (KNOWN[1], _retried(append=False), _ASKED),
)
