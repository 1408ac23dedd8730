"""The HTTP filters of a listener, in Gloo's order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from edgesim.dialects.envoy.form import Form, Json, typed, used
from edgesim.dialects.envoy.jwt import authentication, claim_headers
from edgesim.dialects.envoy.per_filter import BUFFER, CORS, CSRF, FAULT, JWT, RATE, csrf, rate_limit
from edgesim.model import ForwardAction, ListenerOptions, Policies, VirtualHost
from edgesim.model.policies import Csrf

ROUTER = "envoy.filters.http.router"

_SAYS: dict[str, Callable[[Policies], bool]] = {
    FAULT: lambda level: level.fault is not None or level.faults_by_header,
    CORS: lambda level: level.cors is not None,
    JWT: lambda level: level.jwt is not None,
    CSRF: lambda level: level.csrf is not None,
    RATE: lambda level: level.local_rate_limit is not None,
}
"""Whether a level says something to a filter."""


def http_filters(options: ListenerOptions, hosts: Sequence[VirtualHost], form: Form) -> list[Json]:
    """Return the filters that are used, or all of them where routes are fetched: those may use them later."""
    by_levels = frozenset(_SAYS) if form.source is not None else _used(hosts)
    by_listener = {CSRF: options.csrf is not None, RATE: options.local_rate_limit is not None}
    made: dict[str, Callable[[], Json]] = {
        FAULT: lambda: typed("filters.http.fault.v3.HTTPFault"),
        CORS: lambda: typed("filters.http.cors.v3.Cors"),
        JWT: lambda: authentication(hosts),
        CSRF: lambda: csrf(options.csrf or Csrf()),
        RATE: lambda: _rate_limit(options),
    }
    chain = [_filter(name, make()) for name, make in made.items() if name in by_levels or by_listener.get(name)]
    return [*chain, *_buffer(options), router(options)]


def _used(hosts: Iterable[VirtualHost]) -> frozenset[str]:
    levels = {id(level): level for host in hosts for level in _levels(host)}.values()
    return frozenset(name for name, says in _SAYS.items() if any(map(says, levels)))


def _levels(host: VirtualHost) -> Iterable[Policies]:
    yield host.policies
    for route in host.routes:
        yield route.policies
        if isinstance(route.action, ForwardAction):
            yield from (arm.policies for arm in route.action.weighted)


def _filter(name: str, config: Json) -> Json:
    return {"name": name, "typed_config": config}


def _rate_limit(options: ListenerOptions) -> Json:
    if options.local_rate_limit is None:
        return typed("filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="limit")
    return rate_limit(options.local_rate_limit)


def _buffer(options: ListenerOptions) -> list[Json]:
    """Only where the listener has it: routes alone limit nothing, as in Gloo."""
    if options.buffer_bytes is None:
        return []
    return [_filter(BUFFER, typed("filters.http.buffer.v3.Buffer", max_request_bytes=options.buffer_bytes))]


def router(options: ListenerOptions) -> Json:
    """Return the last filter, which forwards."""
    quiet = used(suppress_envoy_headers=options.suppress_envoy_headers)
    return _filter(ROUTER, typed("filters.http.router.v3.Router", **quiet))


def headers_taken_early(hosts: Sequence[VirtualHost]) -> list[str]:
    """Return the headers to take from requests before a route is chosen: those that every virtual host takes.

    A token's claims choose the route, so a client must not set their headers itself. Envoy can take them away early
    for a whole listener only.
    """
    taken = [frozenset(claim_headers(host)) for host in hosts]
    return sorted(frozenset.intersection(*taken)) if taken else []


def headers_taken_late(host: VirtualHost, hosts: Sequence[VirtualHost]) -> list[str]:
    """Return the headers of claims of a virtual host by which Envoy has chosen a route when it takes them; `hosts` are all of the listener."""
    early = frozenset(headers_taken_early(hosts))
    return [name for name in claim_headers(host) if name not in early]
