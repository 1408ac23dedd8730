"""How Gloo's reporter words a problem: by which step found it, and at which level.

The gateway step reads VirtualServices, RouteTables and Gateways and reports texts as they are; the gloo step reads the
Proxy made of them and reports `<Level> Error: <Type>. Reason: ...` (reference, sections 9.1 to 9.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from edgesim.model import Problem, ResourceKey, Severity

GATEWAY_STEP: Final = frozenset({
    "ES0200", "ES0203", "ES0204", "ES0208", "ES0209", "ES0250", "ES0251", "ES0252", "ES0253", "ES0254", "ES0255",
    "ES0256", "ES0257", "ES0258", "ES0259", "ES0260", "ES0520", "ES0522", "ES0523", "ES0526",
})  # fmt: skip
"""Codes of the gateway step: their virtual host never reaches the Proxy, or reaches it without the route."""

_TYPES: Final = {
    "ES0201": "EmptyDomainError",
    "ES0205": "InvalidMatcherError",
    "ES0214": "InvalidDestinationWarning",
    "ES0215": "InvalidDestinationWarning",
    "ES0217": "InvalidDestinationWarning",
    "ES0218": "InvalidDestinationWarning",
    "ES0500": "SSLConfigWarning",
    "ES0501": "SSLConfigError",
    "ES0505": "SSLConfigError",
    "ES0524": "BindPortNotUniqueError",
}
_PROXIED: Final = frozenset({"VirtualService", "RouteTable", "Gateway"})
_WORDED: Final = re.compile(r"(Listener|HttpListener|VirtualHost|Route) (Error|Warning): ")
_ROUTE: Final = re.compile(r"spec\.(?:virtualHost\.)?routes\[(\d+)\](?:\.matchers\[(\d+)\])?")


def on_proxy(problem: Problem) -> bool:
    """Tell whether the Proxy itself has this problem: the gloo step finds it, on what a Proxy is made of."""
    owner = problem.resource
    return owner is not None and owner.kind in _PROXIED and problem.code not in GATEWAY_STEP


def wording(problem: Problem, sufferer: ResourceKey, manifest: Mapping[str, Any] | None = None) -> str:
    """Return the text in the status of a resource that has the problem, or suffers from it.

    `manifest` is that of the resource that has it: a route's name is part of the text.
    """
    owner = problem.resource
    if on_proxy(problem):
        return _shaped(problem, manifest)
    if owner is not None and owner != sufferer and owner.kind == "RouteTable":
        return f"on sub route table {owner.namespace}.{owner.name}: {problem.message}"
    return problem.message


def _shaped(problem: Problem, manifest: Mapping[str, Any] | None) -> str:
    word = "Error" if problem.severity is Severity.ERROR else "Warning"
    kind = _TYPES.get(problem.code, "ProcessingError" if word == "Error" else "")
    if not kind or _WORDED.match(problem.message):
        return problem.message
    route = _ROUTE.match(problem.field)
    text = f"{_level(problem, route)} {word}: {kind}. Reason: {problem.message}"
    if word == "Warning" or route is None or problem.resource is None or problem.resource.kind != "VirtualService":
        return text
    return f"{text}. Route Name: {_route_name(problem.resource, route, manifest)}"


def _level(problem: Problem, route: re.Match[str] | None) -> str:
    if problem.resource is not None and problem.resource.kind == "Gateway":
        return "HttpListener" if problem.field.startswith("spec.httpGateway") else "Listener"
    if problem.field.startswith("spec.sslConfig"):
        return "Listener"
    return "VirtualHost" if route is None else "Route"


def _route_name(owner: ResourceKey, route: re.Match[str], manifest: Mapping[str, Any] | None) -> str:
    """Name a route as Envoy knows it: virtual host, number from 0, its own name, matcher."""
    host = f"{owner.namespace}.{owner.name}".replace(".", "_")
    routes = ((manifest or {}).get("spec") or {}).get("virtualHost", {}).get("routes") or []
    number = int(route[1])
    own = routes[number].get("name", "") if number < len(routes) else ""
    return f"{host}-route-{number}{f'-{own}' if own else ''}-matcher-{route[2] or 0}"
