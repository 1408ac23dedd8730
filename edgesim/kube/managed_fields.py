"""Who owns which field: `metadata.managedFields`, and how a write other than an apply changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from edgesim.config.patches import PatchError
from edgesim.dialects.kinds import Kind
from edgesim.kube.field_sets import (
    Difference,
    Fields,
    Path,
    decode_fields,
    difference,
    encode_fields,
    values_of,
)
from edgesim.kube.merge_keys import has_status_endpoint

Operation = Literal["Apply", "Update"]
Owner = tuple[str, Operation, str, str]

_MOST_UPDATERS = 10
_ANCIENT = "ancient-changes"


@dataclass(frozen=True, slots=True)
class Ownership:
    """What one manager owns: an entry of `metadata.managedFields`."""

    manager: str
    operation: Operation
    api_version: str
    fields: Fields
    time: str = ""
    subresource: str = ""

    @property
    def owner(self) -> Owner:
        """Return what tells entries apart; of an apply the version is no part."""
        version = self.api_version if self.operation == "Update" else ""
        return self.manager, self.operation, version, self.subresource

    def without(self, fields: Fields) -> Ownership:
        """Return what is left when others took these fields."""
        return replace(self, fields=self.fields - fields)


def decode_managed(managed: Sequence[Mapping[str, Any]]) -> tuple[Ownership, ...]:
    """Read `metadata.managedFields`. Raises PatchError where an entry is none."""
    return tuple(_decode(entry) for entry in managed)


def _decode(entry: Any) -> Ownership:
    if not isinstance(entry, dict):
        raise PatchError("metadata.managedFields: an entry must be an object")
    if entry.get("fieldsType", "FieldsV1") != "FieldsV1":
        raise PatchError('metadata.managedFields: fieldsType must be "FieldsV1"')
    return Ownership(
        _text(entry, "manager"),
        _operation(entry),
        _text(entry, "apiVersion"),
        decode_fields(entry.get("fieldsV1", {})),
        _text(entry, "time"),
        _text(entry, "subresource"),
    )


def _operation(entry: Mapping[str, Any]) -> Operation:
    match entry.get("operation"):
        case "Apply":
            return "Apply"
        case "Update":
            return "Update"
        case other:
            raise PatchError(f'metadata.managedFields: operation must be "Apply" or "Update", not {other!r}')


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name) or ""
    if not isinstance(value, str):
        raise PatchError(f"metadata.managedFields: {name} must be a string")
    return value


def encode_managed(owned: Iterable[Ownership]) -> tuple[dict[str, Any], ...]:
    """Write `metadata.managedFields`; who owns nothing has no entry."""
    entries = [entry for entry in owned if entry.fields]
    entries.sort(key=lambda entry: (entry.operation, entry.time, *entry.owner))
    return tuple(_encode(entry) for entry in entries)


def _encode(entry: Ownership) -> dict[str, Any]:
    encoded = {
        "manager": entry.manager,
        "operation": entry.operation,
        "apiVersion": entry.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": encode_fields(entry.fields),
        "subresource": entry.subresource,
    }
    return {name: value for name, value in encoded.items() if value != "" or name == "manager"}


def updated_managed(
    before: Mapping[str, Any] | None,
    managed: Sequence[Mapping[str, Any]],
    after: Mapping[str, Any],
    manager: str,
    now: str,
    kind: Kind,
    subresource: str = "",
) -> tuple[dict[str, Any], ...]:
    """Return `managedFields` after a create, a put or a patch: what the write changed is its manager's.

    `managed` is what was there; one that `after` brings itself replaces it, an empty one forgets it. `now` is written
    as Kubernetes writes times (`2026-01-02T03:04:05Z`), and only where the manager took something.
    """
    before_it = decode_managed(managed)
    owned = before_it if subresource else _honoured(before_it, after)
    changes = confined(difference(values_of(before or {}, kind), values_of(after, kind)), kind, subresource)
    fresh = Ownership(manager, "Update", kind.api_version, changes.touched, now, subresource)
    result = _capped(_handed_over(owned, fresh, changes))
    return tuple(dict(entry) for entry in managed) if set(result) == set(before_it) else encode_managed(result)


def _honoured(owned: tuple[Ownership, ...], after: Mapping[str, Any]) -> tuple[Ownership, ...]:
    """Take the entries a client wrote itself, unless they say nothing (managedfields/fieldmanager.go)."""
    metadata = after.get("metadata")
    given = metadata.get("managedFields") if isinstance(metadata, dict) else None
    if given in ([], [{}]):
        return ()
    try:
        return decode_managed(given) if isinstance(given, list) else owned
    except PatchError:
        return owned


def confined(changes: Difference, kind: Kind, subresource: str) -> Difference:
    """Leave out what an endpoint does not write: the status at the main one, all but the status at `.../status`."""
    if not has_status_endpoint(kind) or subresource not in {"", "status"}:
        return changes

    def kept(fields: Fields) -> Fields:
        return frozenset(path for path in fields if _written(path, subresource))

    return Difference(kept(changes.added), kept(changes.modified), kept(changes.removed))


def _written(path: Path, subresource: str) -> bool:
    return path[0] in {"f:status", "f:metadata"} if subresource else path[0] != "f:status"


def _handed_over(owned: Iterable[Ownership], fresh: Ownership, changes: Difference) -> list[Ownership]:
    entries = {entry.owner: entry.without(changes.touched | changes.removed) for entry in owned}
    if fresh.fields:
        earlier = entries.get(fresh.owner)
        entries[fresh.owner] = replace(fresh, fields=fresh.fields | (earlier.fields if earlier else frozenset()))
    return list(entries.values())


def _capped(owned: list[Ownership]) -> list[Ownership]:
    """Put the oldest updates of too many managers into one entry, as Kubernetes does."""
    updates = sorted(
        (entry for entry in owned if entry.operation == "Update" and not entry.subresource and entry.fields),
        key=lambda entry: (entry.time, entry.manager),
    )
    surplus = updates[: len(updates) - _MOST_UPDATERS + 1] if len(updates) > _MOST_UPDATERS else []
    if not surplus:
        return owned
    ancient = replace(
        surplus[-1], manager=_ANCIENT, fields=frozenset[Path]().union(*(entry.fields for entry in surplus))
    )
    return [ancient, *(entry for entry in owned if entry not in surplus)]
