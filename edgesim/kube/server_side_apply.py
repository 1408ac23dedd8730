"""Server-side apply (Kubernetes documentation, "Server-Side Apply"; structured-merge-diff). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgesim.config.patches import PatchError
from edgesim.dialects.kinds import Kind
from edgesim.kube.field_sets import (
    UNOWNED_METADATA,
    Fields,
    Path,
    applied_fields,
    difference,
    encode_fields,
    parents,
    path_text,
    same,
    values_of,
)
from edgesim.kube.managed_fields import Ownership, confined, decode_managed, encode_managed, updated_managed
from edgesim.kube.merge_keys import has_status_endpoint, shape_of
from edgesim.kube.object_merge import check_items, laid_over, without, without_nulls

Manifest = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_IDENTITY = frozenset({"name", "namespace", "uid", "resourceVersion"})
"""What an apply may say though the server keeps it: which object, of which version, is meant."""
_KUBECTL = "kubectl"
_BEFORE = "before-first-apply"


@dataclass(frozen=True, slots=True)
class Applied:
    """An object after an apply, and its `managedFields`."""

    manifest: Manifest
    managed: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that another manager owns with another value."""

    owner: Ownership
    path: Path

    @property
    def with_whom(self) -> str:
        """Return the other manager as Kubernetes prints it."""
        text = json.dumps(self.owner.manager, ensure_ascii=False)
        if self.owner.subresource:
            text += f' with subresource "{self.owner.subresource}"'
        return f"{text} using {self.owner.api_version}" if self.owner.operation == "Update" else text

    @property
    def cause(self) -> dict[str, str]:
        """Return the cause for a Status (meta/v1 StatusCause)."""
        return {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {self.with_whom}",
            "field": path_text(self.path),
        }


class FieldConflictError(Exception):
    """An apply of what others own, without force: 409 Conflict, in Kubernetes' words."""

    def __init__(self, conflicts: Sequence[FieldConflict]) -> None:
        self.conflicts = tuple(sorted(conflicts, key=lambda conflict: (conflict.with_whom, conflict.path)))
        super().__init__(_message(self.conflicts))


def _message(conflicts: Sequence[FieldConflict]) -> str:
    if len(conflicts) == 1:
        only = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {only.with_whom}: {path_text(only.path)}"
    lines: list[str] = []
    for conflict in conflicts:
        heading = f"conflicts with {conflict.with_whom}:"
        lines += [] if heading in lines else [heading]
        lines.append(f"- {path_text(conflict.path)}")
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def apply_patch(
    live: Mapping[str, Any] | None,
    live_managed: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    manager: str,
    kind: Kind,
    *,
    force: bool,
    now: str,
    subresource: str = "",
) -> Applied:
    """Apply a configuration: what it says is set and owned, what it said last time and no longer says goes.

    `live` is None for an object that does not exist, `now` a time as Kubernetes writes it. A repeated apply returns
    the same object and the same `managedFields`.

    Raises FieldConflictError where others own what it would change (never with `force`, which takes it from them), and
    PatchError for a configuration that cannot be applied.
    """
    wanted = _configuration(config, kind, subresource)
    owned = decode_managed(live_managed or _unmanaged(live, now, kind))
    mine, others = _split(owned, manager, subresource)
    merged = _merged(live or {}, wanted, mine, others, kind)
    changes = confined(difference(values_of(live or {}, kind), values_of(merged, kind)), kind, subresource)
    conflicts = [FieldConflict(owner, path) for owner in others for path in owner.fields & changes.touched]
    if conflicts and not force:
        _refuse(conflicts, live or {}, manager, kind)
    fields = applied_fields(values_of(wanted, kind))
    fresh = Ownership(manager, "Apply", kind.api_version, fields, now, subresource)
    synced = _synced(merged, wanted, manager)
    if same(synced, live) and mine is not None and mine.fields == fields:
        return Applied(synced, tuple(dict(entry) for entry in live_managed))
    left = (owner.without(changes.touched | changes.removed) for owner in others)
    return Applied(synced, encode_managed([fresh, *left]))


def _configuration(config: Mapping[str, Any], kind: Kind, subresource: str) -> Manifest:
    """Return what of a configuration is applied at this endpoint."""
    try:
        wanted: Manifest = without_nulls(config)
        check_items(wanted, shape_of(kind))
    except PatchError as error:
        raise PatchError(f"failed to create typed patch object ({_named(config, kind)}): {error}") from None
    except RecursionError:
        raise PatchError("the applied configuration is nested too deeply") from None
    metadata = wanted.get("metadata", {})
    if not isinstance(metadata, dict):
        raise PatchError("metadata must be an object")
    if metadata.get("managedFields"):
        raise PatchError("metadata.managedFields must be nil")
    wanted["metadata"] = {
        name: value for name, value in metadata.items() if name in _IDENTITY or name not in UNOWNED_METADATA
    }
    if has_status_endpoint(kind) and subresource == "status":
        return {name: value for name, value in wanted.items() if name != "spec"}
    return {name: value for name, value in wanted.items() if name != "status" or not has_status_endpoint(kind)}


def _named(config: Mapping[str, Any], kind: Kind) -> str:
    metadata = config.get("metadata")
    found = metadata if isinstance(metadata, dict) else {}
    return f"{found.get('namespace', '')}/{found.get('name', '')}; {kind.api_version}, Kind={kind.kind}"


def _unmanaged(live: Mapping[str, Any] | None, now: str, kind: Kind) -> tuple[dict[str, Any], ...]:
    """Say who owns an object that nobody owned until now, as Kubernetes says it."""
    return updated_managed(None, (), live, _BEFORE, now, kind) if live else ()


def _split(
    owned: Iterable[Ownership], manager: str, subresource: str
) -> tuple[Ownership | None, tuple[Ownership, ...]]:
    me = (manager, "Apply", "", subresource)
    mine = [entry for entry in owned if entry.owner == me]
    return mine[0] if mine else None, tuple(entry for entry in owned if entry.owner != me)


def _merged(
    live: Mapping[str, Any], wanted: Manifest, mine: Ownership | None, others: Iterable[Ownership], kind: Kind
) -> Manifest:
    shape = shape_of(kind)
    merged = laid_over(dict(live), wanted, shape)
    pruned: Manifest = without(merged, encode_fields(_doomed(merged, wanted, mine, others, kind)), shape)
    return pruned


def _doomed(
    merged: Manifest, wanted: Manifest, mine: Ownership | None, others: Iterable[Ownership], kind: Kind
) -> Fields:
    """Return what this manager applied last, applies no longer, and nobody else owns."""
    if mine is None:
        return frozenset()
    held = frozenset(values_of(wanted, kind)).union(*(owner.fields for owner in others))
    held |= parents(held)
    there = values_of(merged, kind)
    gone = {path for path in mine.fields if path not in held}
    return frozenset(gone | {path for path in parents(gone) if path not in held and _goes_too(path, gone, there)})


def _goes_too(path: Path, gone: set[Path], there: Iterable[Path]) -> bool:
    """Tell whether a map goes with what stood in it: with it go the defaults that nobody owns.

    Labels and annotations stay while anything is in them: controllers write there and own nothing.
    """
    if not path[-1].startswith("f:") or path == ("f:metadata",):
        return False
    inside = [other for other in there if len(other) > len(path) and other[: len(path)] == path]
    return "f:metadata" not in path or gone.issuperset(inside)


def _refuse(conflicts: Sequence[FieldConflict], live: Mapping[str, Any], manager: str, kind: Kind) -> None:
    """Raise the conflicts, but for those that kubectl has with its own client-side applies (lastapplied.go)."""
    allowed = _last_applied(live, kind) if manager == _KUBECTL else frozenset()
    left = [conflict for conflict in conflicts if conflict.path not in allowed]
    if left:
        raise FieldConflictError(left)


def _last_applied(live: Mapping[str, Any], kind: Kind) -> Fields:
    """Return what was applied last on the client's side and still stands so."""
    try:
        last = json.loads(_annotations(live).get(LAST_APPLIED, "{}"))
    except (ValueError, TypeError, RecursionError):
        return frozenset()
    if not isinstance(last, dict):
        return frozenset()
    values = values_of(last, kind)
    changes = difference(values, values_of(live, kind))
    return applied_fields(values) - changes.touched - changes.removed


def _annotations(manifest: Mapping[str, Any]) -> dict[str, Any]:
    metadata = manifest.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _synced(merged: Manifest, wanted: Manifest, manager: str) -> Manifest:
    """Keep the annotation of client-side apply true, so that people may go back to it (lastapplied.go)."""
    if manager != _KUBECTL or LAST_APPLIED not in _annotations(merged) or LAST_APPLIED in _annotations(wanted):
        return merged
    text = json.dumps(wanted, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    annotations = {**_annotations(merged), LAST_APPLIED: text}
    return {**merged, "metadata": {**merged["metadata"], "annotations": annotations}}
