"""The management server: Envoy's REST xDS and the bootstrap of an Envoy that uses it (aiohttp)."""

from __future__ import annotations

import hmac
import json
from typing import Any, Final

from aiohttp import web

from edgesim.dialects.envoy import Json, Kind, fetching_bootstrap
from edgesim.envoy.discovery import Discovery

CLUSTER: Final = "edgesim-xds"
_TOKEN: Final = "edgesim.io/token"  # noqa: S105 - the name of one
_PATHS: Final = {
    "listeners": Kind.LISTENER,
    "routes": Kind.ROUTES,
    "clusters": Kind.CLUSTER,
    "endpoints": Kind.ENDPOINTS,
    "secrets": Kind.SECRET,
}
_HOLD: Final = 50.0
"""Seconds a request waits for news (`request_timeout` of the source is longer)."""
_MOST: Final = 100_000
"""Requests that wait at once: one for each set of endpoints of each Envoy."""


def source(_kind: Kind, _name: str) -> Json:
    """Return the ConfigSource of everything: polled, and answered when there is news."""
    api = {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": [CLUSTER],
        "refresh_delay": "0.1s",
        "request_timeout": "60s",
    }
    return {"api_config_source": api, "resource_api_version": "V3"}


def bootstrap(node: str, host: str, port: int, admin: tuple[str, int], token: str | None) -> Json:
    """Return the bootstrap of an Envoy that is served here, with the token in its node's metadata."""
    written = fetching_bootstrap(node, source, (_management(host, port),), admin)
    if token is not None:
        written["node"]["metadata"] = {_TOKEN: token}
    return written


def _management(host: str, port: int) -> Json:
    end = {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}
    limits = {"max_connections": _MOST, "max_pending_requests": _MOST, "max_requests": _MOST}
    return {
        "name": CLUSTER,
        "type": "STRICT_DNS",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [limits]},
        "load_assignment": {"cluster_name": CLUSTER, "endpoints": [{"lb_endpoints": [end]}]},
    }


def app(discovery: Discovery, token: str | None) -> web.Application:
    """Return the server; with a token each request must show it in its node's metadata."""

    async def discover(request: web.Request) -> web.Response:
        kind = _PATHS.get(request.match_info["kind"])
        if kind is None:
            return web.Response(status=404)
        asked = await _read(request)
        if asked is None:
            return web.Response(status=400, text="no DiscoveryRequest with a node id")
        node, names, had, shown = asked
        if token is not None and not hmac.compare_digest(shown.encode(), token.encode()):
            return web.Response(status=401, text=f"the node's metadata lacks the token ({_TOKEN})")
        offer = await discovery.fetch(node, kind, names, had, _HOLD)
        if offer is None:
            return web.Response(status=304)
        resources = [{"@type": kind.type_url, **each} for each in offer.resources]
        return web.json_response({"version_info": offer.version, "type_url": kind.type_url, "resources": resources})

    made = web.Application(client_max_size=1 << 20)
    made.router.add_post("/v3/discovery:{kind}", discover)
    return made


async def _read(request: web.Request) -> tuple[str, tuple[str, ...], str, str] | None:
    """Return node id, names, version and token of a DiscoveryRequest, None where it is none."""
    try:
        asked: Any = json.loads(await request.read())
        node = asked["node"]["id"]
        names = tuple(asked.get("resource_names") or asked.get("resourceNames") or ())
        had = asked.get("version_info") or asked.get("versionInfo") or ""
        shown = (asked["node"].get("metadata") or {}).get(_TOKEN, "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    if not all(isinstance(each, str) for each in (node, had, shown, *names)) or not node:
        return None
    return node, names, had, shown
