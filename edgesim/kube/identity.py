"""Whether a body is what the path names: its kind, name, namespace, version and uid."""

from __future__ import annotations

from typing import Any

from edgesim.config.api_errors import ApiError
from edgesim.config.store import Entry
from edgesim.kube.options import version_of
from edgesim.kube.paths import Target

Manifest = dict[str, Any]


def addressed(target: Target, manifest: Manifest) -> Manifest:
    """Return a body with the kind, namespace and name of its path filled in. Raises ApiError BadRequest."""
    kind = target.kind
    _same_type(target, manifest)
    metadata = manifest.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise _unreadable(
            target, "json: cannot unmarshal metadata into Go struct field .metadata of type v1.ObjectMeta"
        )
    for name in ("name", "namespace"):
        if not isinstance(metadata.get(name, ""), str | None):
            raise _unreadable(
                target,
                f"json: cannot unmarshal metadata.{name} into Go struct field ObjectMeta.metadata.{name} of type string",
            )
    placed = {**metadata, **_placed(target, metadata)}
    return {**manifest, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": placed}


def _same_type(target: Target, manifest: Manifest) -> None:
    kind = target.kind
    version, word = manifest.get("apiVersion") or kind.api_version, manifest.get("kind") or kind.kind
    if version != kind.api_version:
        said, wanted = str(version)[:200], kind.api_version
        message = f"the API version in the data ({said}) does not match the expected API version ({wanted})"
        raise ApiError("BadRequest", message)
    if word != kind.kind:
        said = str(word)[:200]
        raise ApiError(
            "BadRequest",
            f'{said} in version "{kind.version}" cannot be handled as a {kind.kind}: no kind "{kind.kind}" in the body',
        )


def _unreadable(target: Target, why: str) -> ApiError:
    kind = target.kind
    return ApiError("BadRequest", f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')


def _placed(target: Target, metadata: Manifest) -> dict[str, str]:
    name, namespace = metadata.get("name") or "", metadata.get("namespace") or ""
    if target.name and name not in {"", target.name}:
        raise ApiError(
            "BadRequest", f"the name of the object ({name[:253]}) does not match the name on the URL ({target.name})"
        )
    if namespace and namespace != target.namespace and target.kind.namespaced:
        raise ApiError("BadRequest", _other_namespace(target, namespace))
    found = {"namespace": target.namespace} if target.kind.namespaced else {}
    return {**found, "name": target.name} if target.name else found


def _other_namespace(target: Target, namespace: str) -> str:
    return (
        f"the namespace of the provided object does not match the namespace sent on the request "
        f"({namespace[:253]} and {target.namespace})"
    )


def version_in(manifest: Manifest) -> bool:
    """Tell whether a body names the version it is about."""
    metadata = manifest.get("metadata")
    return isinstance(metadata, dict) and bool(metadata.get("resourceVersion"))


def check_preconditions(target: Target, manifest: Manifest, entry: Entry) -> int | None:
    """Return the version a body insists on, None for none.

    Raises:
        ApiError: BadRequest; Conflict where the version or the uid is another one's.
    """
    metadata = manifest["metadata"]
    uid, version = metadata.get("uid"), version_of(metadata.get("resourceVersion"), "metadata.resourceVersion")
    if uid and uid != entry.uid:
        raise other_uid(target, str(uid)[:100], entry)
    if version is not None and version != entry.version:
        raise modified(target)
    return version


def other_uid(target: Target, uid: str, entry: Entry) -> ApiError:
    """Return what to raise where another object has the name."""
    why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {entry.uid}"
    return ApiError(
        "Conflict", f'Operation cannot be fulfilled on {target.qualified} "{target.name}": {why}', target.details()
    )


def modified(target: Target) -> ApiError:
    """Return what to raise where somebody else wrote the object since."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return ApiError(
        "Conflict", f'Operation cannot be fulfilled on {target.qualified} "{target.name}": {why}', target.details()
    )
