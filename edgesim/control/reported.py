"""How Gloo's reporter words a problem: by which step found it, and at which level.

The gateway step reads VirtualServices, RouteTables and Gateways and reports texts as they are; the gloo step reads the
Proxy made of them and reports `<Level> Error: <Type>. Reason: ...` (reference, sections 9.1 to 9.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from edgesim.inspect.proxies import on_proxy
from edgesim.model import Problem, ResourceKey, Severity

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
_WORDED: Final = re.compile(r"(Listener|HttpListener|VirtualHost|Route) (Error|Warning): ")
_ROUTE: Final = re.compile(r"spec\.(?:virtualHost\.)?routes\[(\d+)\](?:\.matchers\[(\d+)\])?")


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
