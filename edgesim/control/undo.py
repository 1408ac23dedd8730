"""What brings back the resources of a revision, as writes like any other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgesim.config.applied import same_but_for_apply
from edgesim.config.encoding import StoredResource
from edgesim.config.store import Entry
from edgesim.control.builtin import IMPLIED, built_in
from edgesim.control.changes import API_WRITER, Delete, Put, Write
from edgesim.control.recorder import NOT_DECLARED
from edgesim.dialects import Decoded, Document, Resource, Source, decode
from edgesim.model import Position, ResourceKey


@dataclass(frozen=True, slots=True)
class Undo:
    """The writes that bring a revision's resources back, and the files that declare what they change."""

    writes: tuple[Write, ...]
    lost: tuple[ResourceKey, ...]
    """Resources that this version of edgesim does not take any more."""
    files: tuple[str, ...]


def plan_undo(entries: Iterable[Entry], wanted: Iterable[StoredResource], files: Iterable[str]) -> Undo:
    """Compare a revision's resources with those there are; `files` are those the instance follows."""
    resources = {each.key: each for each in wanted}
    present = {entry.resource.key: entry for entry in entries if entry.writer not in NOT_DECLARED}
    puts: list[Put] = []
    lost: list[ResourceKey] = []
    for key, stored in resources.items():
        entry = present.get(key)
        if entry is not None and same_but_for_apply(entry.resource.manifest, stored.manifest):
            continue
        decoded = revived(stored)
        if decoded.resource is None:
            lost.append(key)
        else:
            puts.append(Put(decoded.resource, API_WRITER, entry.version if entry else None, decoded.problems))
    # Deleting a namespace takes along what is in it.
    filled = {ResourceKey("Namespace", "", key.namespace) for key in resources}
    gone = [key for key in present if key not in resources and key not in filled]
    gone.sort(key=lambda key: key.kind == "Namespace")
    # What is always there becomes again what it was before somebody declared it.
    puts += [Put(built_in()[key], IMPLIED, present[key].version) for key in gone if key in built_in()]
    deletes = [Delete(key, expected=present[key].version) for key in gone if key not in built_in()]
    followed = {*files}
    touched = [*(put.resource for put in puts), *(present[key].resource for key in gone)]
    return Undo((*puts, *deletes), tuple(lost), tuple(sorted(_files(touched, present) & followed)))


def _files(touched: Iterable[Resource], present: dict[ResourceKey, Entry]) -> set[str]:
    """Return the files that resources were written in, now or in the revision."""
    found = set()
    for resource in touched:
        found.add(resource.source.file)
        if resource.key in present:
            found.add(present[resource.key].resource.source.file)
    return found


def revived(stored: StoredResource) -> Decoded:
    """Read a stored resource as its kind. Its text is gone: every position is its first line."""
    place = Position(stored.file, stored.line, 1)
    manifest = {"apiVersion": stored.api_version, "kind": stored.kind, **stored.manifest}
    return decode(Document(manifest, Source(stored.file, stored.line, lambda _path: place)))
