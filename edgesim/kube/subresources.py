"""The parts of objects that have paths of their own: status, scale, finalize, eviction; and what is not to be had.

Kubernetes API: subresources; autoscaling/v1 Scale; policy/v1 Eviction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from edgesim.config.api_errors import ApiError, success
from edgesim.config.patches import merge_patch
from edgesim.config.store import Entry, timestamp
from edgesim.control import Delete, Put
from edgesim.dialects import Kind
from edgesim.kube.answers import Manifest, answer, shown
from edgesim.kube.beside import beside
from edgesim.kube.bodies import object_body
from edgesim.kube.context import context_of
from edgesim.kube.identity import addressed, check_preconditions
from edgesim.kube.managed_fields import updated_managed
from edgesim.kube.objects import existing
from edgesim.kube.patching import APPLY_PATCH, applied_manifest, body_patch, merged, patched
from edgesim.kube.paths import Target, no_method
from edgesim.kube.writing import Desired, Managed, Writing, replace_object, respond, update, with_retries, writing_of

_SCALE: Final = Kind("autoscaling", "v1", "Scale", "scales", "scale")


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an object that is read and written by itself, which a client sees as `kind`, or as the object's own."""

    show: Callable[[Entry], Manifest]
    write: Callable[[Writing, Manifest], Awaitable[Entry]]
    apply: Callable[[Writing, Manifest], Awaitable[Entry]]
    respond: Callable[[Writing, Entry], Awaitable[web.StreamResponse]]
    kind: Kind | None = None


async def serve_status(request: web.Request, target: Target) -> web.StreamResponse:
    """GET, PUT and PATCH of `status`: only that part of the object is written."""
    return await _serve(_Part(shown, _write_status, _apply_status, respond), request, target)


async def serve_scale(request: web.Request, target: Target) -> web.StreamResponse:
    """GET, PUT and PATCH of `scale`: how many replicas there are to be."""
    return await _serve(_Part(scale_of, _rescale, _apply_scale, _respond_scale, _SCALE), request, target)


async def _serve(part: _Part, request: web.Request, target: Target) -> web.StreamResponse:
    writing = writing_of(request, target)
    if request.method in {"GET", "HEAD"}:
        return await part.respond(writing, existing(writing.context, target))
    change = await _change(part, request, writing)
    return await part.respond(writing, await with_retries(target, change))


async def _change(part: _Part, request: web.Request, writing: Writing) -> Callable[[], Awaitable[Entry]]:
    """Read what is asked for; what is returned does it, as often as others write in between. Raises ApiError."""
    target = writing.target
    seen = target if part.kind is None else replace(target, kind=part.kind)
    if request.method == "PUT":
        body = (await object_body(request)).manifest
        return lambda: part.write(writing, body)
    if request.method != "PATCH":
        raise no_method()
    patch = await body_patch(request, target)
    if patch.media == APPLY_PATCH:
        manifest = applied_manifest(request, seen, patch.content)
        return lambda: part.apply(writing, manifest)

    async def write() -> Entry:
        live = part.show(existing(writing.context, target))
        return await part.write(writing, await beside(lambda: patched(seen, live, patch), live, patch.content))

    return write


async def _write_status(writing: Writing, body: Manifest) -> Entry:
    """Write the status a body says, and nothing else of it. Raises ApiError, ConflictError."""
    entry = existing(writing.context, writing.target)
    manifest = addressed(writing.target, body)
    check_preconditions(writing.target, manifest, entry)
    status = _status_in(manifest)
    managed = await beside(lambda: _managed(writing, entry, status), entry.resource.manifest, status)
    return await _put_status(writing, entry, status, managed)


async def _apply_status(writing: Writing, manifest: Manifest) -> Entry:
    """Apply the status a configuration says, and nothing else of it. Raises ApiError, ConflictError."""
    entry = existing(writing.context, writing.target)
    check_preconditions(writing.target, manifest, entry)
    desired = await beside(lambda: merged(writing, manifest, entry), manifest, entry.resource.manifest)
    return await _put_status(writing, entry, _status_in(desired.manifest), desired.managed or ())


def _status_in(manifest: Manifest) -> Manifest:
    status = manifest.get("status") or {}
    if not isinstance(status, dict):
        raise ApiError("BadRequest", "json: cannot unmarshal into Go struct field .status")
    return status


async def _put_status(writing: Writing, entry: Entry, status: Manifest, managed: Managed) -> Entry:
    if writing.options.dry_run:
        return replace(entry, status=status, managed=managed)
    put = Put(entry.resource, entry.writer, entry.version, managed=managed, status=status)
    return (await writing.context.instance.accept([put]))[0].entry


def _managed(writing: Writing, entry: Entry, status: Manifest) -> Managed:
    before = {**entry.resource.manifest, "status": entry.status or {}}
    after = {**entry.resource.manifest, "status": status}
    now, kind = timestamp(writing.context.now()), writing.target.kind
    return updated_managed(before, entry.managed, after, writing.options.manager, now, kind, "status")


async def _respond_scale(writing: Writing, entry: Entry) -> web.Response:
    return answer(scale_of(entry), writing.form, warnings=writing.warnings)


def scale_of(entry: Entry) -> Manifest:
    """Return the Scale of a workload."""
    found = shown(entry)
    metadata = found["metadata"]
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    spec, status = found.get("spec") or {}, found.get("status") or {}
    labels = (spec.get("selector") or {}).get("matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in names},
        "spec": {"replicas": spec.get("replicas", 1)},
        "status": {
            "replicas": status.get("replicas", 0),
            "selector": ",".join(f"{name}={value}" for name, value in labels.items()),
        },
    }


async def _apply_scale(writing: Writing, scale: Manifest) -> Entry:
    """Apply the replicas a Scale says: whoever applies it owns them. Raises ApiError, ConflictError."""
    entry = existing(writing.context, writing.target)
    _wanted(writing.target, scale)
    spec = {name: value for name, value in (scale.get("spec") or {}).items() if name == "replicas"}
    manifest = addressed(writing.target, {"metadata": scale["metadata"], "spec": spec})
    return await update(writing, merged(writing, manifest, entry), entry)


async def _rescale(writing: Writing, scale: Manifest) -> Entry:
    """Write the replicas a Scale asks for. Raises ApiError, ConflictError."""
    entry = existing(writing.context, writing.target)
    wanted = merge_patch(shown(entry), _wanted(writing.target, scale))
    now, kind = timestamp(writing.context.now()), writing.target.kind
    managed = updated_managed(shown(entry), entry.managed, wanted, writing.options.manager, now, kind, "scale")
    return await update(writing, Desired(wanted, managed=managed), entry)


def _wanted(target: Target, scale: Manifest) -> Manifest:
    """Return what a Scale asks of the workload, as a patch of it. Raises ApiError."""
    metadata, spec = scale.get("metadata") or {}, scale.get("spec") or {}
    replicas = spec.get("replicas", 0) if isinstance(spec, dict) else None
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not isinstance(metadata, dict):
        said = "json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32"
        raise ApiError("BadRequest", f'Scale in version "v1" cannot be handled as a Scale: {said}')
    if replicas < 0:
        raise _negative(target, replicas)
    versions = {name: metadata[name] for name in ("uid", "resourceVersion") if metadata.get(name)}
    return {"metadata": versions, "spec": {"replicas": replicas}}


def _negative(target: Target, replicas: int) -> ApiError:
    why = f"Invalid value: {replicas}: must be greater than or equal to 0"
    causes = [{"reason": "FieldValueInvalid", "message": why, "field": "spec.replicas"}]
    details = {"name": target.name, "group": "autoscaling", "kind": "Scale", "causes": causes}
    return ApiError("Invalid", f'Scale.autoscaling "{target.name}" is invalid: spec.replicas: {why}', details)


async def finalize(request: web.Request, target: Target) -> web.StreamResponse:
    """PUT to `finalize` of a namespace, which replaces it."""
    if request.method != "PUT":
        raise no_method()
    return await replace_object(request, target)


async def evict(request: web.Request, target: Target) -> web.StreamResponse:
    """POST to `eviction`: the pod is deleted."""
    if request.method != "POST":
        raise no_method()
    writing = writing_of(request, target)
    await object_body(request)
    entry = existing(writing.context, target)
    if not writing.options.dry_run:
        await writing.context.instance.accept([Delete(target.key, uid=entry.uid)])
    return answer({**success({}), "code": 201}, status=201)


async def refuse_stream(request: web.Request, target: Target) -> web.StreamResponse:
    """Refuse `exec`, `attach` and `portforward`: pods are part of this process, and have their own loopback address."""
    entry = existing(context_of(request), target)
    where = ", ".join(_addresses(shown(entry)))
    reach = f"; reach it at {where}" if where else ""
    what = {"exec": "exec into", "attach": "attach to", "portforward": "port-forward to"}[target.subresource]
    message = f"cannot {what} pod {target.namespace}/{target.name}: edgesim's pods are no containers{reach}"
    raise ApiError("BadRequest", message, target.details())


def _addresses(pod: Manifest) -> list[str]:
    """Return the addresses on which a pod answers."""
    host = (pod.get("status") or {}).get("podIP")
    containers = (pod.get("spec") or {}).get("containers") or []
    ports = [port.get("containerPort") for each in containers for port in each.get("ports") or []]
    return [f"http://{host}:{port}" for port in dict.fromkeys(ports)] if host else []


async def refuse_proxy(_request: web.Request, target: Target) -> web.StreamResponse:
    """Refuse `proxy` of pods and services."""
    raise ApiError("BadRequest", f"{target.qualified}/proxy is not served here: call the address itself")
