"""The report of `route`: where one request would go, and why there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgesim.inspect.arms import Arm, arms
from edgesim.inspect.explain import NEAREST, Explanation, explain
from edgesim.inspect.listeners import Tables, choose_listener, served_hosts
from edgesim.inspect.requests import read_url, request_head
from edgesim.inspect.steps import Step, Where, step_of, steps
from edgesim.model import (
    Assignments,
    Cluster,
    DirectResponseAction,
    ForwardAction,
    HostRewriteKind,
    RedirectAction,
    RequestHead,
)
from edgesim.routing import Decision, RouteTable, decide, find_host, host_rewrite, redirect_location


@dataclass(frozen=True, slots=True)
class Reply:
    """What the proxy answers itself."""

    status: int
    reason: str
    body: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Inherited:
    """An option the route did not write itself, and the resource that did."""

    field: str
    step: Step


@dataclass(frozen=True, slots=True)
class RouteReport:
    """Where one request goes: a virtual host and route with destinations, or a reply of the proxy's own.

    `origin` is the delegation path, outermost first. `path` and `host` are what the upstream sees, empty
    where they stay; `timeout` is in seconds. `explanation` is there where it was asked for.
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
    listener: str = ""
    inherited: tuple[Inherited, ...] = ()
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A request to decide, as people ask about it.

    `random` pins the 64-bit draw and marks the destination it chooses; `explained` asks for the whole
    decision, with `everything` not only the nearest misses.
    """

    url: str
    method: str = "GET"
    headers: tuple[str, ...] = ()
    random: int | None = None
    listener: str = ""
    explained: bool = False
    everything: bool = False


def route_report(
    tables: Tables, question: Question, where: Where, assignments: Assignments | None = None
) -> RouteReport:
    """Decide one request.

    `where` finds the line of an origin's step; `assignments` are the endpoints, where they are known.
    Raises RequestError for what is no request, or a listener that is not there.
    """
    model = tables.model
    url = read_url(question.url)
    listener = choose_listener(model, url, question.listener)
    head = request_head(url, question.method, question.headers, listener.options)
    table = tables.of(listener)
    decision = decide(table, head, question.random or 0)
    found = find_host(table.hosts, head.authority)
    host = None if found is None else found.virtual_host
    explanation = None
    if question.explained:
        most = None if question.everything else NEAREST
        explanation = explain(listener, served_hosts(model, listener), host, head, where, most)
    asked = RouteReport(
        _text(head.method),
        _text(head.authority),
        _target(head),
        random=question.random,
        listener=listener.name,
        explanation=explanation,
    )
    if decision is not None:
        return _decided(asked, decision, head, tables, table, where, assignments)
    if host is None:
        return replace(asked, reply=Reply(404, "no virtual host has this domain"))
    unrouted = Reply(404, "no route of the virtual host matches")
    origin = steps(host.origin, where)
    return replace(asked, virtual_host=host.name, domains=host.domains, origin=origin, reply=unrouted)


def _decided(
    asked: RouteReport,
    decision: Decision,
    head: RequestHead,
    tables: Tables,
    table: RouteTable,
    where: Where,
    assignments: Assignments | None,
) -> RouteReport:
    route, action = decision.route, decision.action
    return replace(
        asked,
        virtual_host=decision.virtual_host.name,
        domains=decision.virtual_host.domains,
        route=route.number,
        route_name=route.name,
        origin=steps(route.origin, where),
        destinations=arms(decision, tables.clusters, assignments, pinned=asked.random is not None),
        path=_rewritten_path(decision, head),
        host=_rewritten_host(decision, head),
        timeout=action.timeout if isinstance(action, ForwardAction) else None,
        reply=reply(decision, head, tables.clusters, table),
        inherited=tuple(Inherited(each.field, step_of(each.step, where)) for each in route.inherited),
    )


def _target(head: RequestHead) -> str:
    return _text(head.path) + ("" if head.query is None else "?" + _text(head.query))


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


def reply(decision: Decision, head: RequestHead, clusters: Mapping[str, Cluster], table: RouteTable) -> Reply | None:
    """Return what the proxy answers a request itself; None where it forwards it, or a share of such requests."""
    action = decision.action
    if isinstance(action, DirectResponseAction):
        return Reply(action.status, "direct response", action.body)
    if isinstance(action, RedirectAction):
        location = redirect_location(action, decision.rewrite, head, table.scheme)
        return Reply(action.status, "redirect", location=_text(location))
    if decision.destination is None:
        return Reply(503, f"the request has no header {action.cluster_header!r} to name the cluster")
    if action.cluster_header and decision.destination.cluster not in clusters:
        return Reply(503, f"there is no cluster {decision.destination.cluster!r}")
    return None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
