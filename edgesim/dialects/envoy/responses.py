"""DIRECT_RESPONSE clusters: an internal listener of Envoy's that answers, and an endpoint that leads to it.

Gloo does the same over an abstract socket; an internal listener is one process's own, so that several Envoys can run
on one machine.
"""

from __future__ import annotations

from edgesim.dialects.envoy.actions import direct_response
from edgesim.dialects.envoy.form import Json, Part, typed
from edgesim.dialects.envoy.http_filters import router
from edgesim.model import DEFAULT_LISTENER, Cluster, DirectResponseAction

_SHORT_BODY = 4096

INTERNAL_LISTENERS: Json = {
    "name": "envoy.bootstrap.internal_listener",
    "typed_config": typed("bootstrap.internal_listener.v3.InternalListener"),
}
"""The bootstrap extension that internal listeners need."""


def response_listener_name(config: Cluster) -> str:
    """Return the name of the listener that answers for a cluster."""
    return f"{config.name}-response"


def response_endpoint(config: Cluster) -> Json:
    """Return the load assignment of a cluster whose requests are answered here."""
    internal = {"envoy_internal_address": {"server_listener_name": response_listener_name(config)}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": internal}}]}]
    return {"cluster_name": config.name, "endpoints": endpoints}


def response_listener(config: Cluster) -> Part:
    """Return the internal listener that answers every request of a cluster alike."""
    name, answer = response_listener_name(config), config.response or DirectResponseAction(503)
    route = {"match": {"prefix": "/"}, "direct_response": direct_response(answer)}
    host = {"name": "all", "domains": ["*"], "routes": [route]}
    length = len(answer.body.encode())
    longer = {"max_direct_response_body_size_bytes": length} if length > _SHORT_BODY else {}
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={"name": name, "virtual_hosts": [host], **longer},
        http_filters=[router(DEFAULT_LISTENER)],
    )
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return Part({"name": name, "internal_listener": {}, "filter_chains": [{"filters": filters}]}, config.origin)
