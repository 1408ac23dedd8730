"""What every controller asks of objects and gives them: owners, labels, the letters of generated names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

from edgesim.config.store import CONTROLLER, Entry
from edgesim.dialects import Resource, find_kind, nowhere
from edgesim.dialects.defaults_pods import pod_spec
from edgesim.model import ResourceKey

HASH_LABEL: Final = "pod-template-hash"
ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own for generated names: no vowels, so no words, and nothing that looks like another."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event a controller tells of an object."""

    about: Entry
    reason: str
    message: str
    component: str
    type: Literal["Normal", "Warning"] = "Normal"


@dataclass(frozen=True, slots=True)
class Owner:
    """The object that controls another (its ownerReference with `controller: true`)."""

    kind: str
    uid: str


def declare(kind: str, manifest: dict[str, Any]) -> Resource:
    """Make a resource of a manifest a controller wrote."""
    found = find_kind(kind)
    assert found is not None
    typed = msgspec.convert(manifest, found.schema)
    namespace = typed.metadata.namespace if found.namespaced else ""
    return Resource(found, namespace, typed.metadata.name, manifest, typed, nowhere(CONTROLLER))


def labels_of(resource: Resource) -> Mapping[str, str]:
    """Return the labels of a resource."""
    labels: Mapping[str, str] = resource.manifest.get("metadata", {}).get("labels") or {}
    return labels


def annotations_of(resource: Resource) -> Mapping[str, str]:
    """Return the annotations of a resource."""
    annotations: Mapping[str, str] = resource.manifest.get("metadata", {}).get("annotations") or {}
    return annotations


def controller_of(resource: Resource) -> Owner | None:
    """Return what controls a resource, None for one of a person's own."""
    for each in resource.typed.metadata.owner_references:
        if each.controller:
            return Owner(each.kind, each.uid)
    return None


def reference_to(owner: Entry) -> dict[str, Any]:
    """Return the ownerReference by which an object says that `owner` controls it."""
    resource = owner.resource
    return {
        "apiVersion": resource.kind.api_version,
        "kind": resource.kind.kind,
        "name": resource.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def adopted(resource: Resource, owner: Entry) -> Resource:
    """Return a resource that nobody controls as one that `owner` controls."""
    listed = [*(resource.manifest["metadata"].get("ownerReferences") or ()), reference_to(owner)]
    return with_metadata(resource, ownerReferences=listed)


def released(resource: Resource, owner: Entry) -> Resource:
    """Return a resource without the reference to its owner."""
    listed = resource.manifest["metadata"].get("ownerReferences") or ()
    return with_metadata(resource, ownerReferences=[each for each in listed if each.get("uid") != owner.uid])


def with_metadata(resource: Resource, **changed: Any) -> Resource:
    """Return a resource with other metadata; what is empty is left out."""
    metadata = {name: value for name, value in (resource.manifest["metadata"] | changed).items() if value}
    return rewritten(resource, {**resource.manifest, "metadata": metadata})


def rewritten(resource: Resource, manifest: dict[str, Any]) -> Resource:
    """Return a resource with another manifest."""
    return replace(resource, manifest=manifest, typed=msgspec.convert(manifest, resource.kind.schema))


def key_of(entry: Entry) -> ResourceKey:
    """Return the identity of what an entry holds."""
    return entry.resource.key


def template_hash(template: Mapping[str, Any]) -> str:
    """Return ten letters that change with what the template means.

    Its label `pod-template-hash` has no part in it, nor has whether a default is written out.
    """
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != HASH_LABEL}
    told = {
        "labels": labels,
        "annotations": metadata.get("annotations") or {},
        "spec": pod_spec(dict(template["spec"])),
    }
    return spell(digest(told), 10)


def digest(value: object) -> int:
    """Return 64 bits that change with plain data."""
    return int.from_bytes(
        blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=8).digest(), "big"
    )


def spell(number: int, length: int) -> str:
    """Write a number with the letters of generated names."""
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[index])
    return "".join(letters)
