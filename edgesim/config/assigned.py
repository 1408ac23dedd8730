"""What controllers put into an object that somebody else declares: it stays when that one declares it anew.

An API server does the same: a Service keeps its address though no manifest names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from edgesim.dialects import Resource

Manifest = dict[str, Any]
REVISION: Final = "deployment.kubernetes.io/revision"
_ADDRESSES: Final = ("clusterIP", "clusterIPs")


def keep_assigned(old: Resource, new: Resource) -> Resource:
    """Return a resource with what was assigned to it before; itself where that is nothing, or is told again."""
    match new.kind.kind:
        case "Service":
            return _with(new, "spec", _addresses(old.manifest.get("spec", {}), new.manifest.get("spec", {})))
        case "Pod":
            return _with(new, "spec", _node(old.manifest.get("spec", {}), new.manifest.get("spec", {})))
        case "Deployment":
            return _with(new, "metadata", _revision(old.manifest["metadata"], new.manifest["metadata"]))
        case _:
            return new


def without_assigned(kind: str, manifest: Manifest) -> Manifest:
    """Return a manifest without what a controller may have put in, since nothing tells who did; itself without any."""
    match kind:
        case "Service" if manifest.get("spec", {}).get("clusterIP") != "None":
            return _without(manifest, "spec", _ADDRESSES)
        case "Pod":
            return _without(manifest, "spec", ("nodeName",))
        case "Deployment":
            metadata = _without(manifest["metadata"], "annotations", (REVISION,))
            return {**manifest, "metadata": metadata} if metadata is not manifest["metadata"] else manifest
        case _:
            return manifest


def _without(owner: Manifest, part: str, names: tuple[str, ...]) -> Manifest:
    found = owner.get(part)
    if not found or not any(name in found for name in names):
        return owner
    return {**owner, part: {name: value for name, value in found.items() if name not in names}}


def _addresses(before: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    if spec.get("type") == "ExternalName":
        return {}
    if spec.get("clusterIP") not in {None, "", before.get("clusterIP")}:
        return {}
    return {name: before[name] for name in _ADDRESSES if before.get(name) and not spec.get(name)}


def _node(before: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"nodeName": before["nodeName"]} if before.get("nodeName") and not spec.get("nodeName") else {}


def _revision(before: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    revision = (before.get("annotations") or {}).get(REVISION)
    annotations = metadata.get("annotations") or {}
    return {} if revision is None or REVISION in annotations else {"annotations": {**annotations, REVISION: revision}}


def _with(resource: Resource, part: str, kept: dict[str, Any]) -> Resource:
    if not kept:
        return resource
    return replace(resource, manifest={**resource.manifest, part: {**resource.manifest[part], **kept}})
