"""PATCH: JSON patches, merge patches, strategic merge patches, and server-side apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from edgesim.config.api_errors import ApiError
from edgesim.config.patches import PatchError, json_patch, merge_patch
from edgesim.config.store import Entry, timestamp
from edgesim.kube.answers import Manifest, shown
from edgesim.kube.beside import beside, read_beside
from edgesim.kube.bodies import media_of, raw_body, read_json, read_yaml, unsupported
from edgesim.kube.context import access_of, user_of
from edgesim.kube.identity import addressed
from edgesim.kube.objects import existing
from edgesim.kube.paths import CUSTOM_GROUPS, Target
from edgesim.kube.rbac import Attributes
from edgesim.kube.server_side_apply import FieldConflictError, apply_patch
from edgesim.kube.strategic_merge import strategic_merge
from edgesim.kube.writing import Desired, Writing, create, respond, update, with_retries, writing_of

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"

MOST_OPERATIONS: Final = 10_000
"""Operations of one JSON patch, as an API server takes them."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch, and of which kind it is."""

    media: str
    content: Any


async def patch_object(request: web.Request, target: Target) -> web.StreamResponse:
    """PATCH of a name."""
    writing = writing_of(request, target)
    patch = await body_patch(request, target)
    if patch.media == APPLY_PATCH:
        return await _apply(request, writing, patch)
    if writing.options.force is not None:
        raise _bad_options("force: Forbidden: may not be specified for non-apply patch", "force", "FieldValueForbidden")

    async def change() -> Entry:
        entry = existing(writing.context, target)
        live = shown(entry)
        wanted = await beside(lambda: patched(target, live, patch), live, patch.content)
        return await update(writing, Desired(addressed(target, wanted)), entry)

    return await respond(writing, await with_retries(target, change))


async def body_patch(request: web.Request, target: Target) -> Patch:
    """Read a patch; custom kinds know no strategic ones. Raises ApiError."""
    media = media_of(request)
    known = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
    if target.kind.group not in CUSTOM_GROUPS:
        known.insert(2, STRATEGIC_PATCH)
    if media not in known:
        raise unsupported(tuple(known))
    data = await raw_body(request)
    content = await read_beside(data, read_yaml if media == APPLY_PATCH else read_json)
    if not isinstance(content, list if media == JSON_PATCH else dict):
        raise ApiError(
            "BadRequest", f"error decoding patch: the body is no {'list' if media == JSON_PATCH else 'object'}"
        )
    if media == JSON_PATCH and len(content) > MOST_OPERATIONS:
        message = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(content)}"
        raise ApiError("RequestEntityTooLarge", message)
    return Patch(media, content)


def patched(target: Target, current: Manifest, patch: Patch) -> Manifest:
    """Return a shown object with a patch applied. Raises ApiError."""
    try:
        if patch.media == JSON_PATCH:
            found = json_patch(current, patch.content)
        elif patch.media == MERGE_PATCH:
            found = merge_patch(current, patch.content)
        else:
            found = strategic_merge(current, patch.content, target.kind)
    except PatchError as error:
        reason = "Invalid" if patch.media == JSON_PATCH else "BadRequest"
        raise ApiError(reason, _refusal(patch, str(error)), target.details()) from None
    if not isinstance(found, dict):
        raise ApiError("BadRequest", "the patch leaves no object")
    return found


def _refusal(patch: Patch, why: str) -> str:
    return (
        f"the server rejected our request due to an error in our request: {why}" if patch.media == JSON_PATCH else why
    )


async def _apply(request: web.Request, writing: Writing, patch: Patch) -> web.Response:
    """Server-side apply: create what is not there, else merge what this manager wants."""
    target = writing.target
    manifest = applied_manifest(request, target, patch.content)
    made = False

    async def change() -> Entry:
        nonlocal made
        entry = writing.context.instance.store.get(target.key)
        live = None if entry is None else entry.resource.manifest
        desired = await beside(lambda: merged(writing, manifest, entry), manifest, live or {})
        made = entry is None
        if made:
            access_of(request).require(user_of(request), _creation(target))
        return await (create(writing, desired) if entry is None else update(writing, desired, entry))

    entry = await with_retries(target, change)
    return await respond(writing, entry, status=201 if made else 200)


def _creation(target: Target) -> Attributes:
    """Return what an apply of something new needs besides the right to patch."""
    return Attributes("create", target.kind.group, target.kind.plural, "", target.namespace, target.key.name)


def applied_manifest(request: web.Request, target: Target, content: Manifest) -> Manifest:
    """Return the object an apply patch says. Raises ApiError."""
    if not request.query.get("fieldManager"):
        raise _bad_options(
            "fieldManager: Required value: is required for apply patch", "fieldManager", "FieldValueRequired"
        )
    for name in ("apiVersion", "kind"):
        if not content.get(name):
            raise ApiError("BadRequest", f"{name} is required in an apply patch")
    manifest = addressed(target, content)
    if manifest["metadata"].get("managedFields"):
        raise ApiError("BadRequest", "metadata.managedFields must be nil")
    return manifest


def merged(writing: Writing, manifest: Manifest, entry: Entry | None) -> Desired:
    """Return what an apply makes of an object. Raises ApiError Conflict where others own what it changes."""
    options, target = writing.options, writing.target
    live, managed = (None, ()) if entry is None else (shown(entry), entry.managed)
    now, force, through = timestamp(writing.context.now()), bool(options.force), target.subresource
    try:
        applied = apply_patch(
            live, managed, manifest, options.manager, target.kind, force=force, now=now, subresource=through
        )
    except FieldConflictError as error:
        raise _conflict(error) from None
    except PatchError as error:
        raise ApiError("BadRequest", str(error), writing.target.details()) from None
    return Desired(applied.manifest, managed=applied.managed)


def _conflict(error: FieldConflictError) -> ApiError:
    return ApiError("Conflict", str(error), {"causes": [each.cause for each in error.conflicts]})


def _bad_options(why: str, field: str, reason: str) -> ApiError:
    causes = [{"reason": reason, "message": why.partition(": ")[2], "field": field}]
    details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": causes}
    return ApiError("Invalid", f'PatchOptions.meta.k8s.io "" is invalid: {why}', details)
