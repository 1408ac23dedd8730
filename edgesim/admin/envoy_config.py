"""Envoy's `/config_dump`: what is served, as an Envoy would hold it or as edgesim's own model; no private keys."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from aiohttp import web

from edgesim.admin.context import CONTEXT, Context
from edgesim.admin.envoy_around import asked_of_envoy, laid_out, matching, served
from edgesim.admin.stats import one_of
from edgesim.config.api_errors import ApiError
from edgesim.dialects.envoy import bootstrap
from edgesim.model import Certificate, Update

REDACTED: Final = "[redacted]"
_ADMIN: Final = "type.googleapis.com/envoy.admin.v3."
_CONFIG: Final = "type.googleapis.com/envoy.config."
_ROUTES: Final = "route_config"
_TYPE: Final = "@type"
Json = dict[str, Any]
_RESOURCES: Final = {
    "static_clusters": ("ClustersConfigDump", "StaticCluster"),
    "static_listeners": ("ListenersConfigDump", "StaticListener"),
    "static_route_configs": ("RoutesConfigDump", "StaticRouteConfig"),
    "static_endpoint_configs": ("EndpointsConfigDump", "StaticEndpointConfig"),
}
_NONE_HERE: Final = (
    *("dynamic_listeners", "dynamic_active_clusters", "dynamic_warming_clusters", "dynamic_route_configs"),
    *("static_secrets", "dynamic_active_secrets", "dynamic_warming_secrets", "dynamic_endpoint_configs"),
)
"""What Envoy knows beside these: nothing comes to edgesim by xDS."""


async def config_dump(request: web.Request) -> web.Response:
    """Answer the whole configuration, one sort of `resource`, or what `name_regex` matches; of each the fields of `mask`."""
    form = one_of(request, "format", ("envoy", "model"))
    context, query = request.app[CONTEXT], request.query
    if form == "model":
        return await laid_out(await asyncio.to_thread(_model, served(context)))
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    name, mask = query.get("resource", ""), query.get("mask", "")
    if name and name not in (*_RESOURCES, *_NONE_HERE):
        raise ApiError("NotFound", f"there is no resource {name!r}; there are {', '.join((*_RESOURCES, *_NONE_HERE))}")
    wanted = matching(query.get("name_regex") or ".*")
    dumps = await asyncio.to_thread(_dumps, context, endpoints="include_eds" in query)
    for each in dumps:
        for key in each.keys() & _RESOURCES.keys():
            each[key] = [part for part in each[key] if wanted.fullmatch(_name(part)) is not None]
    found = dumps if not name else [] if name in _NONE_HERE else _parts(dumps, name)
    return await laid_out({"configs": _masked(found, mask) if mask else found})


def _masked(found: list[Json], mask: str) -> list[Json]:
    """Return the fields that a mask names (`cluster.name,cluster.type`) of what has any. Raises ApiError."""
    paths = [path.split(".") for path in mask.split(",")]
    kept = [part for each in found if (part := _restricted(each, paths)).keys() - {_TYPE}]
    if found and not kept:
        raise ApiError(
            "BadRequest", f"nothing here has the fields of the mask {mask!r}, or a list is on the way to them"
        )
    return kept


def _restricted(node: Json, paths: list[list[str]]) -> Json:
    kept = {_TYPE: node[_TYPE]} if _TYPE in node else {}
    for name in dict.fromkeys(first for first, *_ in paths if first in node):
        inside = [rest for first, *rest in paths if first == name]
        if not all(inside):
            kept[name] = node[name]
        elif isinstance(node[name], dict) and (part := _restricted(node[name], inside)).keys() - {_TYPE}:
            kept[name] = part
    return kept


def _parts(dumps: list[Json], name: str) -> list[Json]:
    kind = "{}.{}".format(*_RESOURCES[name])
    return [{"@type": _ADMIN + kind, **part} for each in dumps for part in each.get(name, ())]


def _name(part: Json) -> str:
    """Return the name of the resource that a part of a dump holds."""
    held = next(value for value in part.values() if isinstance(value, dict))
    name: str = held.get("name") or held["cluster_name"]
    return name


def _dumps(context: Context, *, endpoints: bool) -> list[Json]:
    update = served(context)
    whole: Json = _redacted(bootstrap(update.model, update.assignments))
    static = whole["static_resources"]
    listeners, clusters = static.get("listeners", []), static.get("clusters", [])
    return [
        {"@type": f"{_ADMIN}BootstrapConfigDump", "bootstrap": whole},
        {
            "@type": f"{_ADMIN}ClustersConfigDump",
            "static_clusters": [{"cluster": {"@type": f"{_CONFIG}cluster.v3.Cluster", **each}} for each in clusters],
        },
        {
            "@type": f"{_ADMIN}ListenersConfigDump",
            "static_listeners": [
                {"listener": {"@type": f"{_CONFIG}listener.v3.Listener", **each}} for each in listeners
            ],
        },
        {
            "@type": f"{_ADMIN}RoutesConfigDump",
            "static_route_configs": [
                {_ROUTES: {"@type": f"{_CONFIG}route.v3.RouteConfiguration", **each}} for each in _routes(listeners)
            ],
        },
        {"@type": f"{_ADMIN}SecretsConfigDump"},
        *([_endpoints(clusters)] if endpoints else []),
    ]


def _endpoints(clusters: list[Json]) -> Json:
    kind = {_TYPE: f"{_CONFIG}endpoint.v3.ClusterLoadAssignment"}
    assigned = [each["load_assignment"] for each in clusters if "load_assignment" in each]
    return {
        _TYPE: f"{_ADMIN}EndpointsConfigDump",
        "static_endpoint_configs": [{"endpoint_config": {**kind, **each}} for each in assigned],
    }


def _routes(node: Any) -> Iterator[Json]:
    """Yield the route configurations that listeners hold."""
    if isinstance(node, list):
        for each in node:
            yield from _routes(each)
    elif isinstance(node, dict):
        for key, each in node.items():
            if key == _ROUTES:
                yield {"name": "", **each}
            else:
                yield from _routes(each)


def _redacted(node: Any) -> Any:
    """Return a copy without private keys."""
    if isinstance(node, dict):
        return {key: _hidden(each) if key == "private_key" else _redacted(each) for key, each in node.items()}
    return [_redacted(each) for each in node] if isinstance(node, list | tuple) else node


def _hidden(source: Mapping[str, Any]) -> Json:
    return dict.fromkeys(source, REDACTED)


def _model(update: Update) -> Json:
    """Return the model and the endpoints of its clusters as plain data."""
    return {"model": _plain(update.model), "assignments": _plain(update.assignments)}


def _plain(node: Any) -> Any:
    if isinstance(node, Certificate):
        return {"chain": node.chain, "key": REDACTED}
    if dataclasses.is_dataclass(node):
        return {each.name: _plain(getattr(node, each.name)) for each in dataclasses.fields(node)}
    if isinstance(node, Mapping):
        return {str(key): _plain(each) for key, each in node.items()}
    if isinstance(node, tuple | list | frozenset):
        return [_plain(each) for each in (sorted(node) if isinstance(node, frozenset) else node)]
    return _plain_value(node)


def _plain_value(node: Any) -> Any:
    if isinstance(node, bytes):
        return node.decode("latin-1")
    return node.value if isinstance(node, Enum) else node
