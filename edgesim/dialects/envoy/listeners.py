"""Listeners with their filter chains, by server name where they have TLS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from edgesim.dialects.envoy.connection_manager import connection_manager
from edgesim.dialects.envoy.form import Form, Json, Part, address, seconds, typed, used
from edgesim.dialects.envoy.routes import route_configuration
from edgesim.dialects.envoy.tls import downstream_socket
from edgesim.model import DownstreamTls, Listener, Model, VirtualHost, is_served

_HANDSHAKE = 15.0
"""Seconds a client has for its handshake (`transport_socket_connect_timeout`, as Gloo sends it)."""


def served_listeners(model: Model) -> list[tuple[Listener, list[VirtualHost]]]:
    """Return the listeners that are opened, each with its virtual hosts: one with TLS needs any."""
    found = [(each, [host for host in model.virtual_hosts if is_served(host, each)]) for each in model.listeners]
    return [(listener, hosts) for listener, hosts in found if hosts or not listener.tls]


def listener_and_routes(listener: Listener, hosts: Sequence[VirtualHost], form: Form) -> tuple[Part, Part]:
    """Return a Listener, and the RouteConfiguration that it holds or fetches."""
    routes = route_configuration(listener, hosts, form)
    manager = connection_manager(listener, hosts, routes, form)
    filters = [*_connection_limit(listener), manager]
    made: Json = {
        "name": listener.name,
        "address": address(listener.address, listener.port),
        **used(listener_filters=[_inspector()] if listener.tls else None),
        "filter_chains": _chains(hosts, filters, form) if listener.tls else [{"filters": filters}],
    }
    return Part(made, listener.origin), routes


def _connection_limit(listener: Listener) -> list[Json]:
    most = listener.options.max_connections
    if not most:
        return []
    config = typed(
        "filters.network.connection_limit.v3.ConnectionLimit", stat_prefix=listener.name, max_connections=most
    )
    return [{"name": "envoy.filters.network.connection_limit", "typed_config": config}]


def _inspector() -> Json:
    config = typed("filters.listener.tls_inspector.v3.TlsInspector")
    return {"name": "envoy.filters.listener.tls_inspector", "typed_config": config}


def _chains(hosts: Iterable[VirtualHost], filters: list[Json], form: Form) -> list[Part]:
    """Return a chain for each TLS context; the server name chooses the context, the Host the virtual host."""
    return [
        Part(
            {
                **used(filter_chain_match=used(server_names=[*tls.sni])),
                "filters": filters,
                "transport_socket": downstream_socket(tls, form),
                "transport_socket_connect_timeout": seconds(_HANDSHAKE),
            },
            first.origin,
        )
        for tls, first in merged_contexts(hosts)
    ]


def merged_contexts(hosts: Iterable[VirtualHost]) -> list[tuple[DownstreamTls, VirtualHost]]:
    """Return the TLS contexts with the first virtual host of each: those that differ in their names only are one.

    Without names a context serves any server, and so does what it is merged with (reference section 2.3).
    """
    found: dict[DownstreamTls, tuple[VirtualHost, list[tuple[str, ...]]]] = {}
    for host in hosts:
        if host.tls is not None:
            found.setdefault(replace(host.tls, sni=()), (host, []))[1].append(_names(host.tls))
    return [(replace(tls, sni=_union(names)), first) for tls, (first, names) in found.items()]


def _union(lists: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in lists for name in names)) if all(lists) else ()


def _names(tls: DownstreamTls) -> tuple[str, ...]:
    """Return the names of a context, none where one of them is any."""
    return () if "*" in tls.sni else tls.sni
