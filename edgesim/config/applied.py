"""The annotation in which `apply` remembers what it applied, as kubectl does. Pure."""

from __future__ import annotations

from typing import Any

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def without_last_applied(manifest: dict[str, Any]) -> dict[str, Any]:
    """Leave out the annotation in which `apply` remembers what it applied."""
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(annotations, dict) or LAST_APPLIED not in annotations:
        return manifest
    rest = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    kept = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**manifest, "metadata": {**kept, "annotations": rest} if rest else kept}


def same_but_for_apply(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two manifests say the same, whether or not `apply` wrote them."""
    return one is other or one == other or without_last_applied(one) == without_last_applied(other)
