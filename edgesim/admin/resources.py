"""Kubernetes' resource API for every kind of the registry: list, read, create, replace, patch, delete.

Paths, bodies and Status answers are those of the Kubernetes API ("API concepts" in its reference).
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from edgesim.admin.bodies import Target, body_document, body_patch, expected_version, target_of
from edgesim.admin.context import CONTEXT, instance_of
from edgesim.admin.writes import change_object, existing, patched, with_retries
from edgesim.config.api_errors import ApiError, success
from edgesim.config.store import Entry
from edgesim.control import Delete
from edgesim.dialects import Document

Manifest = dict[str, Any]


async def list_objects(request: web.Request) -> web.Response:
    """GET of a plural: the kind's List, of one namespace or of all."""
    target, instance = target_of(request), instance_of(request)
    store = instance.store
    items = [_shown(request, entry) for entry in store.entries(target.kind.kind, target.namespace)]
    return web.json_response(
        {
            "kind": f"{target.kind.kind}List",
            "apiVersion": target.kind.api_version,
            "metadata": {"resourceVersion": str(store.version)},
            "items": items,
        }
    )


async def read_object(request: web.Request) -> web.Response:
    """GET of a name: the object."""
    instance = instance_of(request)
    return web.json_response(_shown(request, existing(instance, target_of(request))))


async def create_object(request: web.Request) -> web.Response:
    """POST to a plural: a new object; 409 AlreadyExists if it is there."""
    collection, instance = target_of(request), instance_of(request)
    document = _addressed(collection, await body_document(request))
    name = document.manifest["metadata"].get("name")
    target = Target(collection.kind, collection.namespace, name if isinstance(name, str) else "")
    if expected_version(document.manifest, target) is not None:
        raise ApiError("BadRequest", "resourceVersion should not be set on objects to be created", target.details())
    if instance.store.get(target.key) is not None:
        raise ApiError("AlreadyExists", f'{target.qualified} "{target.name}" already exists', target.details())
    entry = await change_object(instance, target, document, None)
    return web.json_response(_shown(request, entry), status=201)


async def replace_object(request: web.Request) -> web.Response:
    """PUT to a name: the object as the body says; 409 Conflict if its resourceVersion is not the present one."""
    target, instance = target_of(request), instance_of(request)
    document = _addressed(target, await body_document(request))
    expected = expected_version(document.manifest, target)

    async def replace() -> Entry:
        return await change_object(instance, target, document, expected or existing(instance, target).version)

    return web.json_response(_shown(request, await with_retries(replace, target, pinned=expected is not None)))


async def patch_object(request: web.Request) -> web.Response:
    """PATCH of a name: a merge patch (RFC 7386) or a JSON patch (RFC 6902)."""
    target, instance = target_of(request), instance_of(request)
    entry = await patched(instance, target, await body_patch(request))
    return web.json_response(_shown(request, entry))


async def delete_object(request: web.Request) -> web.Response:
    """DELETE of a name; a namespace takes what is in it along."""
    target, instance = target_of(request), instance_of(request)
    entry = existing(instance, target)
    await instance.write([Delete(target.key)])
    return web.json_response(success({**target.details(), "uid": entry.uid}))


def _shown(request: web.Request, entry: Entry) -> Manifest:
    context = request.app[CONTEXT]
    return context.statuses.shown(context.instance, entry)


def _addressed(target: Target, document: Document) -> Document:
    """Fill kind, apiVersion, namespace and name in from the path; refuse a body that says another."""
    manifest = document.manifest
    metadata = manifest.get("metadata", {})
    if not isinstance(metadata, dict):
        raise ApiError("BadRequest", "metadata must be an object")
    wanted = {"apiVersion": target.kind.api_version, "kind": target.kind.kind}
    for name, value in wanted.items():
        if manifest.get(name, value) != value:
            raise ApiError("BadRequest", f"the body's {name} is {manifest[name]!r}, the path's {value!r}")
    placed = ({"namespace": target.namespace} if target.namespace else {}) | (
        {"name": target.name} if target.name else {}
    )
    for name, value in placed.items():
        if metadata.get(name, value) != value:
            raise ApiError(
                "BadRequest", f"the {name} of the provided object does not match the {name} sent on the request"
            )
    return Document({**wanted, **manifest, "metadata": {**metadata, **placed}}, document.source)
