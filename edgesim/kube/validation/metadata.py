"""The metadata of every object: names, labels, annotations, owners (`ValidateObjectMeta`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from edgesim.dialects import Kind
from edgesim.kube.validation import names
from edgesim.kube.validation.faults import Fault, forbidden, go_list, invalid, required, too_long

MAX_ANNOTATIONS: Final = 256 * 1024
"""Bytes of all annotations of an object together."""
_RBAC: Final = "rbac.authorization.k8s.io"
_NAMES: Final[dict[str, names.NameRule]] = {"Service": names.label_1035, "Namespace": names.label}
_FINALIZERS: Final = {"kubernetes", "orphan", "foregroundDeletion"}


def metadata_faults(kind: Kind, metadata: Mapping[str, Any]) -> Iterator[Fault]:
    """Iterate over what is wrong with an object's metadata."""
    rule = names.path_segment if kind.group == _RBAC else _NAMES.get(kind.kind, names.subdomain)
    name = metadata.get("name") or ""
    if not name:
        yield required("metadata.name", "name or generateName is required")
    for said in rule(name) if name else ():
        yield invalid("metadata.name", name, said)
    yield from _namespace(kind, metadata.get("namespace") or "")
    yield from label_faults(metadata.get("labels"), "metadata.labels")
    yield from annotation_faults(metadata.get("annotations"), "metadata.annotations")
    yield from _owners(metadata.get("ownerReferences") or ())
    for finalizer in metadata.get("finalizers") or ():
        yield from _finalizer(finalizer)


def metadata_changes(metadata: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Fault]:
    """Iterate over what may not change in an object's metadata, and did."""
    uid = metadata.get("uid")
    if uid and old.get("uid") and uid != old["uid"]:
        yield invalid("metadata.uid", uid, "field is immutable")
    if old.get("deletionTimestamp"):
        fresh = [each for each in metadata.get("finalizers") or () if each not in (old.get("finalizers") or ())]
        if fresh:
            detail = f"no new finalizers can be added if the object is being deleted, found new finalizers {go_list(fresh).text}"
            yield forbidden("metadata.finalizers", detail)


def label_faults(labels: Mapping[str, str] | None, at: str) -> Iterator[Fault]:
    """Iterate over what is wrong with labels."""
    for key, value in (labels or {}).items():
        for said in names.qualified(key):
            yield invalid(at, key, said)
        for said in names.label_value(value or ""):
            yield invalid(at, value, said)


def annotation_faults(annotations: Mapping[str, str] | None, at: str) -> Iterator[Fault]:
    """Iterate over what is wrong with annotations."""
    given = annotations or {}
    for key in given:
        for said in names.qualified(key.lower()):
            yield invalid(at, key, said)
    if sum(len(key.encode()) + len((value or "").encode()) for key, value in given.items()) > MAX_ANNOTATIONS:
        yield too_long(at, MAX_ANNOTATIONS)


def _namespace(kind: Kind, namespace: str) -> Iterator[Fault]:
    if not kind.namespaced:
        if namespace:
            yield forbidden("metadata.namespace", "not allowed on this type")
        return
    for said in names.label(namespace) if namespace else ():
        yield invalid("metadata.namespace", namespace, said)


def _owners(given: Any) -> Iterator[Fault]:
    owners = [each or {} for each in given]  # null is an object without fields
    controllers: list[str] = []
    for owner in owners:
        for field, word in (("apiVersion", "version"), ("kind", "kind"), ("name", "name"), ("uid", "uid")):
            if not owner.get(field):
                yield invalid(f"metadata.ownerReferences.{field}", owner.get(field) or "", f"{word} must not be empty")
        if owner.get("controller"):
            controllers.append(str(owner.get("name")))
    if len(controllers) > 1:
        found = f'Found "true" in references for {" and ".join(controllers)}'
        detail = f"Only one reference can have Controller set to true. {found}"
        yield invalid("metadata.ownerReferences", [dict(each) for each in owners], detail)


def _finalizer(finalizer: str) -> Iterator[Fault]:
    wrong = names.qualified(finalizer)
    for said in wrong:
        yield invalid("metadata.finalizers", finalizer, said)
    if not wrong and "/" not in finalizer and finalizer not in _FINALIZERS:
        detail = "name is neither a standard finalizer name nor is it fully qualified"
        yield invalid("metadata.finalizers", finalizer, detail)
