"""What is no resource: versions, discovery, OpenAPI, health."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from edgesim.kube.answers import answer
from edgesim.kube.discovery import (
    VERSION,
    aggregated,
    aggregated_type,
    core_versions,
    group_list,
    group_of,
    resource_list,
)
from edgesim.kube.forms import form_of
from edgesim.kube.paths import no_resource

_HEALTH: Final = frozenset({"/healthz", "/livez", "/readyz", "/healthz/ping", "/livez/ping", "/readyz/ping"})


def serve_discovery(request: web.Request) -> web.StreamResponse:
    """Answer a path that names no resource. Raises ApiError NotFound."""
    path = request.path.rstrip("/") or "/"
    if path in _HEALTH:
        return web.Response(text="ok")
    if path.startswith("/openapi/"):
        return _openapi(request, path)
    if path in {"/api", "/apis"}:
        content_type = aggregated_type(",".join(request.headers.getall("Accept", ())))
        if content_type:
            found = aggregated(core=path == "/api", content_type=content_type)
            response = answer(found)
            response.headers["Content-Type"] = content_type
            return response
    found_there = _document(request, path)
    if found_there is None:
        raise no_resource()
    return answer(found_there, form_of(request))


def _document(request: web.Request, path: str) -> dict[str, Any] | None:
    parts = path.strip("/").split("/")
    match parts:
        case ["version"]:
            return dict(VERSION)
        case ["api"]:
            return core_versions(request.host)
        case ["apis"]:
            return group_list()
        case ["api", version]:
            return resource_list("", version)
        case ["apis", group]:
            return group_of(group)
        case ["apis", group, version]:
            return resource_list(group, version)
        case [""]:
            return {
                "paths": [
                    "/api",
                    "/api/v1",
                    "/apis",
                    "/healthz",
                    "/livez",
                    "/openapi/v2",
                    "/openapi/v3",
                    "/readyz",
                    "/version",
                ]
            }
        case _:
            return None


def _openapi(request: web.Request, path: str) -> web.StreamResponse:
    raise no_resource()
