"""What a request comes to, facet by facet: cluster, shares, what the upstream and the client see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from edgesim.http1.fields import Fields
from edgesim.http1.mutations import Step as HeaderStep
from edgesim.http1.mutations import mutate, request_steps, response_steps
from edgesim.http1.replies import local_fields
from edgesim.inspect.arms import shares
from edgesim.model import (
    Cluster,
    DirectResponseAction,
    ForwardAction,
    HostRewriteKind,
    Listener,
    RedirectAction,
    RequestHead,
    Subset,
)
from edgesim.model.route_tests import Facet
from edgesim.policies.formatter import compile_header
from edgesim.policies.record import Record
from edgesim.routing import Decision, header_levels, host_rewrite, redirect_location
from edgesim.routing.rewrite import forwarded_scheme

DEFAULT_TIMEOUT = 15.0
"""Envoy's route timeout in seconds."""
NO_ROUTE = 404
UNKNOWN_CLUSTER = 503
_CLIENT = b"127.0.0.1:0"
_BEGUN = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is decided: its head as the listener reads it, and what the upstream would answer with."""

    listener: Listener
    head: RequestHead
    response: tuple[tuple[str, str], ...]
    host: str

    @property
    def scheme(self) -> bytes:
        """Return the scheme the client used, as far as the proxy can tell."""
        return forwarded_scheme(self.head, b"https" if self.listener.tls else b"http")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision about a request, None where no route takes it; `share` is what part of such requests comes to it."""

    asked: Asked
    decision: Decision | None
    clusters: Mapping[str, Cluster]
    share: Fraction = Fraction(1)

    @property
    def forwards(self) -> bool:
        """Tell whether the request goes to a cluster."""
        return self.decision is not None and isinstance(self.decision.action, ForwardAction)

    @property
    def cluster(self) -> str:
        """Return the cluster's name, empty where nothing is forwarded or the request names none."""
        destination = None if self.decision is None else self.decision.destination
        return "" if destination is None else destination.cluster

    @property
    def subset(self) -> Subset:
        """Return the subset that is asked for."""
        destination = None if self.decision is None else self.decision.destination
        return () if destination is None else destination.subset


Actual = str | float | None


def actual(facet: Facet, outcome: Outcome) -> Actual:
    """Return what a facet of text or number is; None where there is no such thing."""
    return _ACTUAL[facet](outcome)


def _virtual_host(outcome: Outcome) -> str:
    return outcome.decision.virtual_host.name if outcome.decision is not None else outcome.asked.host


def _router_virtual_host(outcome: Outcome) -> str:
    return outcome.decision.virtual_host.name if outcome.decision is not None and outcome.forwards else ""


def _path(outcome: Outcome) -> str:
    if outcome.decision is None or not outcome.forwards:
        return ""
    return _text(sent_target(outcome.decision, outcome.asked.head))


def sent_target(decision: Decision, head: RequestHead) -> bytes:
    """Return path and query as the upstream sees them."""
    path = head.path if decision.rewrite is None else decision.rewrite(head.path)
    return path if head.query is None else path + b"?" + head.query


def _host(outcome: Outcome) -> str:
    if outcome.decision is None or not outcome.forwards:
        return ""
    return _text(sent_host(outcome.decision, outcome.asked.head))


def sent_host(decision: Decision, head: RequestHead) -> bytes:
    """Return the Host the upstream sees; an endpoint's own name is not known here, and keeps it."""
    action = decision.action
    rewrite = host_rewrite(action.host_rewrite) if isinstance(action, ForwardAction) else None
    return (rewrite(head) if rewrite is not None else None) or head.authority


def _location(outcome: Outcome) -> str:
    decision = outcome.decision
    if decision is None or not isinstance(decision.action, RedirectAction):
        return ""
    return _text(redirect_location(decision.action, decision.rewrite, outcome.asked.head, outcome.asked.scheme))


def _router_location(outcome: Outcome) -> str:
    decision = outcome.decision
    if decision is not None and isinstance(decision.action, DirectResponseAction):
        return _text(redirect_location(RedirectAction(), None, outcome.asked.head, outcome.asked.scheme))
    return _location(outcome)


def _status(outcome: Outcome) -> int | None:
    """Return the status of what the proxy answers itself; an upstream's is not known."""
    decision = outcome.decision
    if decision is None:
        return NO_ROUTE
    if isinstance(decision.action, DirectResponseAction | RedirectAction):
        return decision.action.status
    cluster = outcome.clusters.get(outcome.cluster)
    if cluster is None:
        return UNKNOWN_CLUSTER
    return None if cluster.response is None else cluster.response.status


def _router_status(outcome: Outcome) -> int:
    action = None if outcome.decision is None else outcome.decision.action
    return action.status if isinstance(action, DirectResponseAction | RedirectAction) else 0


def _body(outcome: Outcome) -> str | None:
    action = None if outcome.decision is None else outcome.decision.action
    if isinstance(action, DirectResponseAction):
        return action.body
    cluster = outcome.clusters.get(outcome.cluster)
    return None if cluster is None or cluster.response is None else cluster.response.body


def _timeout(outcome: Outcome) -> float | None:
    decision = outcome.decision
    if decision is None or not isinstance(decision.action, ForwardAction):
        return None
    if decision.route.policies.max_stream_duration is not None:
        return 0.0  # a route with a longest duration has no other timeout, as in Envoy
    return DEFAULT_TIMEOUT if decision.action.timeout is None else decision.action.timeout


def _table(outcome: Outcome) -> str:
    origin = () if outcome.decision is None else outcome.decision.route.origin
    return f"{origin[-1].namespace}/{origin[-1].name}" if origin else ""


def _cluster(outcome: Outcome) -> str:
    return outcome.cluster


_ACTUAL: Mapping[Facet, Callable[[Outcome], Actual]] = {
    Facet.CLUSTER: _cluster,
    Facet.VIRTUAL_HOST: _virtual_host,
    Facet.TABLE: _table,
    Facet.STATUS: _status,
    Facet.BODY: _body,
    Facet.LOCATION: _location,
    Facet.PATH: _path,
    Facet.HOST: _host,
    Facet.TIMEOUT: _timeout,
    Facet.ROUTER_VIRTUAL_HOST: _router_virtual_host,
    Facet.ROUTER_LOCATION: _router_location,
    Facet.ROUTER_STATUS: _router_status,
}


# --- headers -------------------------------------------------------------------------------------------


def request_fields(outcome: Outcome) -> Fields:
    """Return what the upstream sees of the request's own headers after every change, with the pseudo headers.

    As Envoy's `finalizeRequestHeaders`: what the connection manager and the router set (ids, timeouts) is not there.
    """
    head, decision = outcome.asked.head, outcome.decision
    fields = _given(head)
    target, host = _whole_target(head), head.authority
    if decision is not None and outcome.forwards:
        record = _record(outcome)
        fields = mutate(fields, _request_steps(decision, outcome.asked.listener), record, _show_request)
        quiet = outcome.asked.listener.options.suppress_envoy_headers
        if decision.rewrite is not None and not quiet:
            fields = _with(fields, b"x-envoy-original-path", target)
        target, new_host = sent_target(decision, head), sent_host(decision, head)
        if new_host != host and not quiet:
            fields = _with(fields, b"x-envoy-original-host", host)
        host = new_host
    pseudo = [(b":authority", host), (b":path", target), (b":method", head.method), (b":scheme", outcome.asked.scheme)]
    return [*pseudo, *_with(fields, b"host", host)]


def response_fields(outcome: Outcome) -> Fields:
    """Return the answer's headers after every change: the upstream's as given, or those of the proxy's own answer."""
    decision = outcome.decision
    fields: Fields = [(name.encode(), value.encode()) for name, value in outcome.asked.response]
    if decision is None:
        return fields
    if isinstance(decision.action, RedirectAction):
        fields.append((b"location", _location(outcome).encode()))
    described = local_fields((_body(outcome) or "").encode())
    fields = mutate(fields, _response_steps(decision, outcome.asked.listener), _record(outcome), _show_response)
    typed = any(name == b"content-type" for name, _ in fields)
    return [*(field for field in described if not (typed and field[0] == b"content-type")), *fields]


def _given(head: RequestHead) -> Fields:
    repeated = head.repeated or {}
    return [(name, value) for name, last in head.headers.items() for value in repeated.get(name, [last])]


def _whole_target(head: RequestHead) -> bytes:
    return head.path if head.query is None else head.path + b"?" + head.query


def _with(fields: Fields, name: bytes, value: bytes) -> Fields:
    return [*(field for field in fields if field[0] != name), (name, value)]


def _request_steps(decision: Decision, listener: Listener) -> tuple[HeaderStep, ...]:
    levels = header_levels(decision, most_specific_wins=listener.options.most_specific_mutations_win)
    return request_steps(levels, compile_header)


def _response_steps(decision: Decision, listener: Listener) -> tuple[HeaderStep, ...]:
    levels = header_levels(decision, most_specific_wins=listener.options.most_specific_mutations_win)
    return response_steps(levels, compile_header)


def _record(outcome: Outcome) -> Record:
    """Return what formats are made from; the client is on this machine, as in Envoy's tool."""
    record = Record(_BEGUN)
    record.head = outcome.asked.head
    record.scheme = outcome.asked.scheme
    record.downstream_remote = record.downstream_direct_remote = _CLIENT
    if outcome.decision is not None:
        record.route_name = outcome.decision.route.name.encode() or None
    if outcome.cluster:
        record.upstream_cluster = outcome.cluster.encode()
    return record


def _show_request(record: Record, fields: Fields) -> None:
    record.sent = dict(reversed(fields))


def _show_response(record: Record, fields: Fields) -> None:
    record.response = dict(reversed(fields))


# --- every destination ---------------------------------------------------------------------------------


def auto_host(outcome: Outcome) -> bool:
    """Tell whether the Host is the endpoint's own name, which only a running instance knows."""
    action = None if outcome.decision is None else outcome.decision.action
    rewrite = action.host_rewrite if isinstance(action, ForwardAction) else None
    return rewrite is not None and rewrite.kind is HostRewriteKind.AUTO


def share_list(outcome: Outcome) -> list[tuple[str, Subset, Fraction]]:
    """Return cluster, subset and share of every destination of the route that gets any request."""
    found = [] if outcome.decision is None else shares(outcome.decision)
    return [(to.cluster, to.subset, share) for to, share in found if share]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
