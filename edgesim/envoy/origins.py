"""Where in a user's resources that lies which Envoy refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from edgesim.dialects.envoy import Json, Kind, Part, Resources
from edgesim.envoy.refusals import brief, culprit, is_cut, virtual_hosts
from edgesim.model import Origin

_PLACE = re.compile(r"Error\.(VirtualHosts|Routes)\[(\d+)\]")
_WORD = re.compile(r"[^\s'\"`,;:()]{3,}")


def origin_at_fault(reason: str, kind: Kind, before: Resources | None, after: Resources) -> Origin:
    """Return where the resource at fault comes from, of a route configuration the route; empty where none is found."""
    said = "" if is_cut(reason) else brief(reason)
    found = culprit(said, kind, before, after)
    if kind is Kind.SECRET:
        return _user_of(found, after)
    if kind is not Kind.ROUTES:
        return _origin(after.of(kind).get(found))
    route = _placed(reason, after) or _route_at_fault(said, found, before, after)
    if route is not None:
        return route.origin
    hosts = {each["name"]: each for each in virtual_hosts(after)}
    return _origin(hosts.get(found) or after.listeners.get(found))


def _origin(part: Json | None) -> Origin:
    return part.origin if isinstance(part, Part) else ()


def _user_of(secret: str, after: Resources) -> Origin:
    """Return where what uses a certificate comes from."""
    users = (_naming(each, secret, ()) for each in (*after.listeners.values(), *after.clusters.values()))
    return next((origin for origin in users if origin), ())


def _naming(node: Any, text: str, origin: Origin) -> Origin:
    """Return the origin of the innermost part that holds a text."""
    if isinstance(node, Part):
        origin = node.origin or origin
    if isinstance(node, dict):
        node = [*node.values()]
    if isinstance(node, list):
        return next((found for each in node if (found := _naming(each, text, origin))), ())
    return origin if node == text else ()


def _route_at_fault(reason: str, host: str, before: Resources | None, after: Resources) -> Part | None:
    """Return the only route of a virtual host that is not as before, or of several the one that a reason is about."""
    known = set() if before is None else {json.dumps(each) for each in _routes_of(host, before)}
    written = ((json.dumps(each), each) for each in _routes_of(host, after))
    changed = [(text, each) for text, each in written if text not in known]
    return changed[0][1] if len(changed) == 1 else _mentioned(reason, changed)


def _placed(reason: str, after: Resources) -> Part | None:
    """Return the route, or the virtual host, at the indices of a reason, which begins with a configuration's name."""
    places = {name: int(index) for name, index in _PLACE.findall(reason)}
    meant = [each for name, each in after.routes.items() if f'name: "{name}"' in reason or len(after.routes) == 1]
    if "VirtualHosts" not in places or not meant:
        return None
    try:
        host: Part = meant[0]["virtual_hosts"][places["VirtualHosts"]]
        route: Part = host["routes"][places["Routes"]] if "Routes" in places else host
    except LookupError:
        return None
    return route


def _routes_of(host: str, resources: Resources) -> list[Part]:
    return [route for each in virtual_hosts(resources) if each["name"] == host for route in each.get("routes", ())]


def _mentioned(reason: str, routes: Sequence[tuple[str, Part]]) -> Part | None:
    """Return the first of the routes that have the most of a reason's words in them, None where none has any."""
    words = frozenset(word for word in _WORD.findall(reason) if not word.isalpha())
    scores = [sum(word in text for word in words) for text, _route in routes]
    best = max(scores, default=0)
    return routes[scores.index(best)][1] if best else None
