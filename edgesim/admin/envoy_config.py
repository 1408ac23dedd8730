"""Envoy's `/config_dump`: what is served, as an Envoy would hold it or as edgesim's own model; no private keys."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from aiohttp import web

from edgesim.admin.context import CONTEXT, Context
from edgesim.admin.envoy_around import asked_of_envoy, matching, served
from edgesim.admin.stats import one_of
from edgesim.config.api_errors import ApiError
from edgesim.dialects.envoy import bootstrap
from edgesim.model import Certificate, Update

REDACTED: Final = "[redacted]"
_ADMIN: Final = "type.googleapis.com/envoy.admin.v3."
_CONFIG: Final = "type.googleapis.com/envoy.config."
_ROUTES: Final = "route_config"
Json = dict[str, Any]
_RESOURCES: Final = {
    "static_clusters": ("ClustersConfigDump", "StaticCluster"),
    "static_listeners": ("ListenersConfigDump", "StaticListener"),
    "static_route_configs": ("RoutesConfigDump", "StaticRouteConfig"),
}


async def config_dump(request: web.Request) -> web.Response:
    """Answer the whole configuration, one sort of `resource`, or what `name_regex` matches."""
    form = one_of(request, "format", ("envoy", "model"))
    context, name = request.app[CONTEXT], request.query.get("resource", "")
    if form == "model":
        return web.json_response(await asyncio.to_thread(_model, served(context)))
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    if name and name not in _RESOURCES:
        raise ApiError("BadRequest", f"there is no resource {name!r}; there are {', '.join(_RESOURCES)}")
    wanted = matching(request.query.get("name_regex", ""))
    dumps = await asyncio.to_thread(_dumps, context)
    for each in dumps:
        for key in each.keys() & _RESOURCES.keys():
            each[key] = [part for part in each[key] if wanted.search(_name(part)) is not None]
    return web.json_response({"configs": _parts(dumps, name) if name else dumps})


def _parts(dumps: list[Json], name: str) -> list[Json]:
    kind = "{}.{}".format(*_RESOURCES[name])
    return [{"@type": _ADMIN + kind, **part} for each in dumps for part in each.get(name, ())]


def _name(part: Json) -> str:
    """Return the name of the resource that a part of a dump holds."""
    held = next(value for value in part.values() if isinstance(value, dict))
    name: str = held["name"]
    return name


def _dumps(context: Context) -> list[Json]:
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
    ]


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
