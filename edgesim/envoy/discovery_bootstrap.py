"""The bootstrap of an Envoy that is served by `edgesim xds`."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
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


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where Envoys find the server, what they show it, and by what they know it (a PEM; empty for plain text)."""

    host: str
    port: int
    token: str | None = None
    authority: str = ""


def bootstrap(node: str, server: ServerAddress, admin: tuple[str, int]) -> Json:
    """Return the bootstrap of an Envoy that is served by a management server."""
    written = fetching_bootstrap(node, ads, (_management(server),), admin)
    service: Json = {"envoy_grpc": {"cluster_name": CLUSTER, "retry_policy": _AGAIN}}
    if server.token is not None:
        service["initial_metadata"] = [{"key": "authorization", "value": f"Bearer {server.token}"}]
    written["dynamic_resources"]["ads_config"] = {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [service],
    }
    return written


def _management(server: ServerAddress) -> Json:
    keepalive = {"http2_protocol_options": {"connection_keepalive": _ALIVE}}
    protocol = typed("upstreams.http.v3.HttpProtocolOptions", explicit_http_config=keepalive)
    end = {"endpoint": {"address": address(server.host, server.port)}}
    return {
        "name": CLUSTER,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol},
        **({"transport_socket": _socket(server)} if server.authority else {}),
        "load_assignment": {"cluster_name": CLUSTER, "endpoints": [{"lb_endpoints": [end]}]},
    }


def _socket(server: ServerAddress) -> Json:
    """Return TLS towards a server whose certificate is of the authority and has its name or address."""
    by_address = _is_address(server.host)
    name = {"san_type": "IP_ADDRESS" if by_address else "DNS", "matcher": {"exact": server.host}}
    known = {"trusted_ca": {"inline_string": server.authority}, "match_typed_subject_alt_names": [name]}
    sni = {} if by_address else {"sni": server.host}
    config = typed(
        "transport_sockets.tls.v3.UpstreamTlsContext", common_tls_context={"validation_context": known}, **sni
    )
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
