"""What is no resource: versions, discovery, OpenAPI, health."""

from __future__ import annotations

import asyncio
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
from edgesim.kube.openapi import CONTENT_TYPE_V2, document_v2, document_v2_json, document_v3, index_v3
from edgesim.kube.paths import no_resource

_PATHS: Final = ("/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version")
_HEALTH: Final = frozenset({"/healthz", "/livez", "/readyz", "/healthz/ping", "/livez/ping", "/readyz/ping"})
_FIXED: Final[dict[str, dict[str, Any]]] = {"/": {"paths": [*_PATHS]}, "/version": {**VERSION}}


async def serve_discovery(request: web.Request) -> web.StreamResponse:
    """Answer a path that names no resource. Raises ApiError NotFound."""
    path = request.path.rstrip("/") or "/"
    if path in _HEALTH:
        return web.Response(text="ok")
    if path.startswith("/openapi/"):
        return await _openapi(request, path)
    if path in {"/api", "/apis"}:
        content_type = aggregated_type(",".join(request.headers.getall("Accept", ())))
        if content_type:
            found = aggregated(core=path == "/api", content_type=content_type)
            response = answer(found)
            response.headers["Content-Type"] = content_type
            return response
    document = _FIXED.get(path) or _document(request, path)
    if document is None:
        raise no_resource()
    return answer(document, form_of(request))


def _document(request: web.Request, path: str) -> dict[str, Any] | None:
    match path.strip("/").split("/"):
        case ["api" | "apis" as root]:
            return core_versions(request.host) if root == "api" else group_list()
        case ["apis", group]:
            return group_of(group)
        case ["api", version]:
            return resource_list("", version)
        case ["apis", group, version] if group:
            return resource_list(group, version)
        case _:
            return None


async def _openapi(request: web.Request, path: str) -> web.StreamResponse:
    """Answer with an OpenAPI document; a large one is made, once, beside whatever else goes on. Raises ApiError NotFound."""
    protobuf = "protobuf" in request.headers.get("Accept", "")
    if path == "/openapi/v2":
        body = await asyncio.to_thread(document_v2 if protobuf else document_v2_json)
        return web.Response(body=body, content_type=CONTENT_TYPE_V2 if protobuf else "application/json")
    if path == "/openapi/v3":
        return web.Response(body=await asyncio.to_thread(index_v3), content_type="application/json")
    found = await asyncio.to_thread(document_v3, path.removeprefix("/openapi/v3/"))
    if found is None:
        raise no_resource()
    return web.Response(body=found, content_type="application/json")
