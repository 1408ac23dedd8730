"""Manifests on their way in: what the server owns is taken off, and what `apply` remembers put on."""

from __future__ import annotations

import json
from typing import Any

from edgesim.config.applied import LAST_APPLIED, without_last_applied
from edgesim.config.patches import three_way
from edgesim.config.store import SERVER_METADATA, Entry
from edgesim.control.changes import API_WRITER
from edgesim.dialects import Document, Source
from edgesim.dialects.resource import FieldPath
from edgesim.model import Position


def without_server_fields(manifest: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only a server writes: status, uid, resourceVersion and their like."""
    kept = {key: value for key, value in manifest.items() if key != "status"}
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        kept["metadata"] = {key: value for key, value in metadata.items() if key not in SERVER_METADATA}
    return kept


def applied(wanted: dict[str, Any], entry: Entry | None) -> dict[str, Any]:
    """Return what `apply` of `wanted` stores: the three-way merge with what is there, and the annotation."""
    wanted = without_last_applied(without_server_fields(wanted))
    if entry is None:
        return _remembering(wanted, wanted)
    current = without_server_fields(entry.resource.manifest)
    return _remembering(three_way(_last_applied(entry), without_last_applied(current), wanted), wanted)


def _last_applied(entry: Entry) -> dict[str, Any]:
    """Return what was applied last. What a file wrote counts as applied: the file says all there is."""
    manifest = entry.resource.manifest
    annotations = manifest.get("metadata", {}).get("annotations") or {}
    try:
        remembered = json.loads(annotations[LAST_APPLIED])
    except (KeyError, TypeError, ValueError):
        remembered = None
    if isinstance(remembered, dict):
        return remembered
    return {} if entry.writer == API_WRITER else manifest


def _remembering(manifest: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("annotations") or {}, dict):
        return manifest  # decode will say what is wrong
    text = json.dumps(wanted, sort_keys=True, separators=(",", ":"), default=str)
    return {
        **manifest,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), LAST_APPLIED: text}},
    }


def patched_source(old: Source, patch: Document) -> Source:
    """Return the source of a patched object: a field the patch wrote is in the patch, the rest where it was."""

    def locate(path: FieldPath) -> Position:
        return patch.source.locate(path) if _writes(patch.manifest, path) else old.locate(path)

    return Source(old.file, old.line, locate, old.text)


def _writes(patch: Any, path: FieldPath) -> bool:
    """Tell whether a merge patch writes the value at `path`: it has the path, or replaces what holds it."""
    for part in path:
        if not isinstance(patch, dict):
            return True
        if part not in patch:
            return False
        patch = patch[part]
    return not isinstance(patch, dict)
