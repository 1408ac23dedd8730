"""The report of `route`: where one request would go, and why there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from edgesim.model import (
    Cluster,
    Destination,
    DirectResponseAction,
    ForwardAction,
    HostRewriteKind,
    Model,
    Origin,
    OriginStep,
    Position,
    RedirectAction,
    RequestHead,
    WeightedCluster,
)
from edgesim.routing import Decision, RouteTable, decide, host_rewrite, redirect_location
from edgesim.routing.hosts import find_host

Where = Callable[[OriginStep], Position]


@dataclass(frozen=True, slots=True)
class Step:
    """One resource on the way, with its place."""

    kind: str
    namespace: str
    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Arm:
    """One destination with its exact share of the requests, a reduced fraction of 1.

    What goes to a `missing` one is answered 503; `chosen` is where a pinned draw goes.
    """

    cluster: str
    share: str
    percent: float
    weight: int
    upstream: str = ""
    subset: dict[str, str] = field(default_factory=dict)
    chosen: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What the proxy answers itself."""

    status: int
    reason: str
    body: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class RouteReport:
    """Where one request goes: a virtual host and route with destinations, or a reply of the proxy's own.

    `path` and `host` are what the upstream sees, empty where they stay; `timeout` is in seconds.
    """

    method: str
    authority: str
    target: str
    virtual_host: str = ""
    domains: tuple[str, ...] = ()
    route: int = 0
    route_name: str = ""
    origin: tuple[Step, ...] = ()
    destinations: tuple[Arm, ...] = ()
    path: str = ""
    host: str = ""
    timeout: float | None = None
    reply: Reply | None = None
    random: int | None = None


def route_report(
    table: RouteTable, model: Model, head: RequestHead, where: Where, random: int | None = None
) -> RouteReport:
    """Decide one request.

    `where` finds the line of an origin's step; `random` pins the 64-bit draw and marks the destination
    it chooses.
    """
    decision = decide(table, head, random or 0)
    target = _text(head.path) + ("" if head.query is None else "?" + _text(head.query))
    request = (_text(head.method), _text(head.authority), target)
    if decision is None:
        return _unrouted(table, head, request, where, random)
    host, route, action = decision.virtual_host, decision.route, decision.action
    clusters = {cluster.name: cluster for cluster in model.clusters}
    return RouteReport(
        *request,
        virtual_host=host.name,
        domains=host.domains,
        route=route.number,
        route_name=route.name,
        origin=_steps(route.origin, where),
        destinations=_destinations(decision, clusters, random),
        path=_rewritten_path(decision, head),
        host=_rewritten_host(decision, head),
        timeout=action.timeout if isinstance(action, ForwardAction) else None,
        reply=_reply(decision, head, clusters),
        random=random,
    )


def _unrouted(
    table: RouteTable, head: RequestHead, request: tuple[str, str, str], where: Where, random: int | None
) -> RouteReport:
    found = find_host(table.hosts, head.authority)
    if found is None:
        return RouteReport(*request, reply=Reply(404, "no virtual host has this domain"), random=random)
    host = found.virtual_host
    reply = Reply(404, "no route of the virtual host matches")
    return RouteReport(*request, host.name, host.domains, origin=_steps(host.origin, where), reply=reply, random=random)


def _steps(origin: Origin, where: Where) -> tuple[Step, ...]:
    return tuple(Step(step.kind, step.namespace, step.name, step.file, where(step).line) for step in origin)


def _destinations(decision: Decision, clusters: Mapping[str, Cluster], random: int | None) -> tuple[Arm, ...]:
    action = decision.action
    if not isinstance(action, ForwardAction):
        return ()
    if not action.weighted:
        return () if decision.destination is None else (_arm(decision.destination, 1, 1, clusters, chosen=True),)
    total = sum(arm.weight for arm in action.weighted)
    pinned: WeightedCluster | None = decision.arm if random is not None else None
    return tuple(_arm(arm.destination, arm.weight, total, clusters, chosen=arm is pinned) for arm in action.weighted)


def _arm(to: Destination, weight: int, total: int, clusters: Mapping[str, Cluster], *, chosen: bool) -> Arm:
    share = Fraction(weight, total)
    cluster = clusters.get(to.cluster)
    source = cluster.origin[0] if cluster is not None and cluster.origin else None
    upstream = f"{source.kind} {source.namespace}/{source.name}" if source else ""
    percent = round(float(share * 100), 6)
    return Arm(to.cluster, str(share), percent, weight, upstream, dict(to.subset), chosen, missing=cluster is None)


def _rewritten_path(decision: Decision, head: RequestHead) -> str:
    if decision.rewrite is None or not isinstance(decision.action, ForwardAction):
        return ""
    return _text(decision.rewrite(head.path) + (b"" if head.query is None else b"?" + head.query))


def _rewritten_host(decision: Decision, head: RequestHead) -> str:
    action = decision.action
    if not isinstance(action, ForwardAction) or action.host_rewrite is None:
        return ""
    if action.host_rewrite.kind is HostRewriteKind.AUTO:
        return "(the endpoint's own name)"
    rewrite = host_rewrite(action.host_rewrite)
    return _text((rewrite(head) if rewrite else None) or b"")


def _reply(decision: Decision, head: RequestHead, clusters: Mapping[str, Cluster]) -> Reply | None:
    action = decision.action
    if isinstance(action, DirectResponseAction):
        return Reply(action.status, "direct response", action.body)
    if isinstance(action, RedirectAction):
        location = redirect_location(action, decision.rewrite, head, b"http")
        return Reply(action.status, "redirect", location=_text(location))
    if decision.destination is None:
        return Reply(503, f"the request has no header {action.cluster_header!r} to name the cluster")
    if action.cluster_header and decision.destination.cluster not in clusters:
        return Reply(503, f"there is no cluster {decision.destination.cluster!r}")
    return None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
