"""What a file declares counts as applied: `kubectl apply` then takes out what the next file no longer says."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from edgesim.config.applied import LAST_APPLIED
from edgesim.config.assigned import without_assigned
from edgesim.config.store import CONTROLLER, Entry
from edgesim.control.builtin import IMPLIED
from edgesim.control.changes import API_WRITER

_NOT_FILES: Final = frozenset({API_WRITER, CONTROLLER, IMPLIED})
_SORTED: Final = msgspec.json.Encoder(order="sorted")
_ESCAPED: Final = ((b"&", b"\\u0026"), (b"<", b"\\u003c"), (b">", b"\\u003e"))
"""What Go's encoder escapes in JSON."""


def with_last_applied(entry: Entry, shown: dict[str, Any]) -> dict[str, Any]:
    """Give an object that a file declares the annotation that `kubectl apply` of that file would have written.

    Without it kubectl warns, and keeps fields that the next version of the file has no more ("Declarative
    Management of Kubernetes Objects", merge patch calculation).
    """
    if entry.writer in _NOT_FILES:
        return shown
    metadata = shown["metadata"]
    annotations = metadata.get("annotations") or {}
    if LAST_APPLIED in annotations:
        return shown
    text = _applied(without_assigned(entry.resource.kind.kind, entry.resource.manifest), metadata)
    return {**shown, "metadata": {**metadata, "annotations": {**annotations, LAST_APPLIED: text}}}


def _applied(manifest: dict[str, Any], metadata: dict[str, Any]) -> str:
    """Write a manifest as kubectl does: sorted, with a namespace and annotations, and a line break behind it."""
    placed = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}
    said = manifest.get("metadata", {})
    declared = {**manifest, "metadata": {**said, **placed, "annotations": said.get("annotations") or {}}}
    text = _SORTED.encode(declared)
    for raw, escaped in _ESCAPED:
        text = text.replace(raw, escaped)
    return text.decode() + "\n"
