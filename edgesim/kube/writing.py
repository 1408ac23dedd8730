"""Writing objects: create, replace, patch. What is refused leaves nothing behind.

Kubernetes, "API concepts": single resource API, dry run, field validation; "Server-Side Apply".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from aiohttp import web

from edgesim.config.api_errors import ApiError
from edgesim.config.store import CONTROLLER, Entry, declared_part, timestamp
from edgesim.control import ConflictError, Put
from edgesim.control.changes import API_WRITER
from edgesim.dialects import Resource
from edgesim.kube.admission import admitted
from edgesim.kube.answers import Manifest, answer_beside, in_form, shown
from edgesim.kube.beside import beside
from edgesim.kube.bodies import object_body
from edgesim.kube.context import KubeContext, access_of, context_of, user_of, warnings_of
from edgesim.kube.escalation import check_grant
from edgesim.kube.forms import Form, form_of
from edgesim.kube.identity import addressed, check_preconditions, modified, version_in
from edgesim.kube.managed_fields import updated_managed
from edgesim.kube.naming import with_name
from edgesim.kube.objects import existing
from edgesim.kube.options import WriteOptions, write_options
from edgesim.kube.paths import CUSTOM_GROUPS, Target
from edgesim.kube.rbac import Policy
from edgesim.kube.strict_decoding import duplicate_fields
from edgesim.kube.users import User
from edgesim.kube.validation import Validated, validate
from edgesim.model import ResourceKey

ATTEMPTS: Final = 20
"""How often a change is tried again while others write the same object."""

Managed = tuple[dict[str, Any], ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Writing:
    """One request to write one object."""

    context: KubeContext
    target: Target
    options: WriteOptions
    form: Form
    user: User
    policy: Policy
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Desired:
    """What is to be stored; `text` is what the client wrote, `managed` who owns which fields, None to work it out."""

    manifest: Manifest
    text: str = ""
    managed: Managed | None = None


def writing_of(request: web.Request, target: Target) -> Writing:
    """Read what holds for every write. Raises ApiError."""
    user, policy = user_of(request), access_of(request).policy()
    return Writing(
        context_of(request), target, write_options(request), form_of(request), user, policy, warnings_of(request)
    )


async def create_object(request: web.Request, target: Target) -> web.StreamResponse:
    """POST to a plural."""
    writing, body = writing_of(request, target), await object_body(request)
    manifest = with_name(addressed(target, body.manifest), writing.context.random_bytes)
    name = manifest["metadata"].get("name") or ""
    writing = replace(writing, target=replace(target, name=name))
    if manifest["metadata"].get("resourceVersion"):
        raise ApiError("BadRequest", "resourceVersion should not be set on objects to be created")
    return await respond(writing, await create(writing, Desired(manifest, body.text)), status=201)


async def replace_object(request: web.Request, target: Target) -> web.StreamResponse:
    """PUT to a name."""
    writing, body = writing_of(request, target), await object_body(request)
    if target.kind.group in CUSTOM_GROUPS and not version_in(body.manifest):
        raise _unversioned(target)

    async def change() -> Entry:
        return await update(
            writing, Desired(addressed(target, body.manifest), body.text), existing(writing.context, target)
        )

    return await respond(writing, await with_retries(target, change))


def _unversioned(target: Target) -> ApiError:
    """Return what to raise for a custom object that does not say what it replaces."""
    field, why = "metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update"
    causes = [{"reason": "FieldValueInvalid", "message": why, "field": field}]
    details = {**target.details(), "kind": target.kind.kind, "causes": causes}
    return ApiError("Invalid", f'{target.qualified} "{target.name}" is invalid: {field}: {why}', details)


async def with_retries(target: Target, change: Callable[[], Awaitable[T]]) -> T:
    """Read and write again while others write in between. Raises ApiError Conflict where that does not end."""
    for _attempt in range(ATTEMPTS):
        try:
            return await change()
        except ConflictError:
            continue
    raise modified(target)


async def respond(writing: Writing, entry: Entry, *, status: int = 200) -> web.Response:
    """Answer with an object that was written, or would have been."""
    found = in_form(written(entry), writing.target.kind, writing.form, writing.context.now())
    return await answer_beside(found, writing.form, status=status, warnings=writing.warnings)


def written(entry: Entry) -> Manifest:
    """Return an object as the API shows it; one that a dry run made has no version."""
    found = shown(entry)
    if not entry.version:
        found["metadata"].pop("resourceVersion")
    return found


async def create(writing: Writing, desired: Desired) -> Entry:
    """Store an object that is not there yet. Raises ApiError."""
    _room_for(writing)
    found, managed = await beside(lambda: _judged(writing, desired, None), desired.manifest)
    resource = resource_of(found)
    _absent(writing)
    put = Put(resource, API_WRITER, notes=found.notes, managed=managed)
    if await admitted(writing.context.instance, [put], writing.warnings, dry_run=writing.options.dry_run):
        _absent(writing)
        return (await writing.context.instance.accept([put]))[0].entry
    now, resource = writing.context.now(), replace(resource, manifest=declared_part(resource.manifest))
    return Entry(resource, API_WRITER, _uid(writing.context), now, 0, 1, managed=managed)


async def update(writing: Writing, desired: Desired, entry: Entry) -> Entry:
    """Store an object in place of one. Raises ApiError; ConflictError where somebody else wrote it meanwhile."""
    version = check_preconditions(writing.target, desired.manifest, entry)
    live = entry.resource.manifest
    found, managed = await beside(lambda: _judged(writing, desired, entry), desired.manifest, live)
    resource = resource_of(found)
    writer = CONTROLLER if entry.writer == CONTROLLER else API_WRITER
    put = Put(resource, writer, entry.version, found.notes, managed)
    try:
        if await admitted(writing.context.instance, [put], writing.warnings, dry_run=writing.options.dry_run):
            return (await writing.context.instance.accept([put]))[0].entry
    except ConflictError:
        if version is not None:
            raise modified(writing.target) from None
        raise
    respecified = entry.resource.manifest.get("spec") != resource.manifest.get("spec")
    resource = replace(resource, manifest=declared_part(resource.manifest))
    return replace(entry, resource=resource, managed=managed, generation=entry.generation + respecified)


def _judged(writing: Writing, desired: Desired, entry: Entry | None) -> tuple[Validated, Managed]:
    """Return what a manifest means, and who owns what of it then. Raises ApiError."""
    found = checked(writing, desired, entry)
    if desired.managed is not None:
        return found, desired.managed
    manifest = resource_of(found).manifest
    after = manifest if entry is None else _with_managed(manifest, desired.manifest)
    return found, managed_after(writing, entry, after)


def checked(writing: Writing, desired: Desired, entry: Entry | None) -> Validated:
    """Return what a manifest means as its kind, pruned and with defaults. Raises ApiError."""
    validation = writing.options.validation
    duplicates = duplicate_fields(desired.text) if desired.text and validation != "Ignore" else ()
    before = None if entry is None else shown(entry)
    found = validate(
        writing.target.kind, desired.manifest, field_validation=validation, old=before, duplicates=duplicates
    )
    writing.warnings.extend(found.warnings)
    if found.status is not None:
        raise found.status
    check_grant(writing.policy, writing.user, found.manifest, before)
    return found


def resource_of(found: Validated) -> Resource:
    """Return the resource of what passed."""
    assert found.resource is not None  # nothing is returned without one but with a refusal, which was raised
    return found.resource


def managed_after(writing: Writing, entry: Entry | None, manifest: Manifest) -> Managed:
    """Return who owns which fields after a write that is no apply."""
    before, managed = (None, ()) if entry is None else (entry.resource.manifest, entry.managed)
    now = timestamp(writing.context.now())
    target, manager = writing.target, writing.options.manager
    through = "scale" if target.subresource == "scale" else ""
    return updated_managed(before, managed, manifest, manager, now, target.kind, through)


def _with_managed(manifest: Manifest, sent: Manifest) -> Manifest:
    """Return a manifest with the managedFields a client sent, where it sent any."""
    managed = sent["metadata"].get("managedFields")
    if managed is None:
        return manifest
    return {**manifest, "metadata": {**manifest["metadata"], "managedFields": managed}}


def _room_for(writing: Writing) -> None:
    """Refuse to create in a namespace that is not there, or on its way out. Raises ApiError."""
    target = writing.target
    if not target.kind.namespaced:
        return
    entry = writing.context.instance.store.get(ResourceKey("Namespace", "", target.namespace))
    if entry is None:
        missing = {"name": target.namespace, "kind": "namespaces"}
        raise ApiError("NotFound", f'namespaces "{target.namespace}" not found', missing)
    if entry.deleting is not None:
        why = f"unable to create new content in namespace {target.namespace} because it is being terminated"
        said = f"namespace {target.namespace} is being terminated"
        causes: list[Manifest] = [{"reason": "NamespaceTerminating", "message": said, "field": "metadata.namespace"}]
        details: Manifest = {**target.details(), "causes": causes}
        raise ApiError("Forbidden", f'{target.qualified} "{target.name}" is forbidden: {why}', details)


def _absent(writing: Writing) -> None:
    """Refuse to create what is there, or has not gone yet. Raises ApiError."""
    target = writing.target
    entry = writing.context.instance.store.get(target.key)
    if entry is not None:
        leaving = "object is being deleted: " if entry.deleting is not None else ""
        raise ApiError("AlreadyExists", f'{leaving}{target.qualified} "{target.name}" already exists', target.details())


def _uid(context: KubeContext) -> str:
    """Return a uid for an object that is never stored."""
    text = context.random_bytes(16).hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
