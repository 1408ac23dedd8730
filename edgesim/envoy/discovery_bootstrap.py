"""The bootstrap of an Envoy that is served by `edgesim xds`."""

from __future__ import annotations

from typing import Final

from edgesim.dialects.envoy import Json, Kind, fetching_bootstrap
from edgesim.dialects.envoy.form import address, typed

CLUSTER: Final = "edgesim-xds"
_AGAIN: Final = {"retry_back_off": {"base_interval": "0.25s", "max_interval": "5s"}}
"""When an Envoy connects again; by its own rule it may wait for half a minute."""
_ALIVE: Final = {"interval": "30s", "timeout": "10s"}
"""A connection that died without a word is noticed within this time."""


def ads(_kind: Kind, _name: str) -> Json:
    """Return the ConfigSource of everything: the one stream of the bootstrap's `ads_config`."""
    return {"ads": {}, "resource_api_version": "V3"}


def bootstrap(node: str, host: str, port: int, admin: tuple[str, int], token: str | None) -> Json:
    """Return the bootstrap of an Envoy that is served at an address, and shows a token there."""
    written = fetching_bootstrap(node, ads, (_management(host, port),), admin)
    service: Json = {"envoy_grpc": {"cluster_name": CLUSTER, "retry_policy": _AGAIN}}
    if token is not None:
        service["initial_metadata"] = [{"key": "authorization", "value": f"Bearer {token}"}]
    written["dynamic_resources"]["ads_config"] = {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [service],
    }
    return written


def _management(host: str, port: int) -> Json:
    protocol = {"explicit_http_config": {"http2_protocol_options": {"connection_keepalive": _ALIVE}}}
    end = {"endpoint": {"address": address(host, port)}}
    return {
        "name": CLUSTER,
        "type": "STRICT_DNS",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "upstreams.http.v3.HttpProtocolOptions", **protocol
            )
        },
        "load_assignment": {"cluster_name": CLUSTER, "endpoints": [{"lb_endpoints": [end]}]},
    }
