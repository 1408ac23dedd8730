"""The resource store: one write path, one rising version number.

The store holds immutable entries; a write replaces an entry and gives it the next version. It knows
who wrote an object last (a file, or the API), because removing a file deletes only what that file
wrote last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from edgesim.dialects import Resource
from edgesim.model import ResourceKey

Verb = Literal["created", "configured", "unchanged", "deleted"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored resource with what the store itself knows of it."""

    resource: Resource
    writer: str
    uid: str
    created: datetime
    version: int
    generation: int


@dataclass(frozen=True, slots=True)
class Change:
    """What one write did; `entry` is the entry afterwards, or the deleted one."""

    verb: Verb
    entry: Entry

    @property
    def key(self) -> ResourceKey:
        """Return the identity of the changed resource."""
        return self.entry.resource.key


class Store:
    """All resources of an instance, by key."""

    def __init__(self, clock: Callable[[], datetime], new_uid: Callable[[], str]) -> None:
        """Take the clock (UTC) and the source of unique ids, so that tests can repeat a run."""
        self._clock = clock
        self._new_uid = new_uid
        self._entries: dict[ResourceKey, Entry] = {}
        self.version = 0

    def put(self, resource: Resource, writer: str) -> Change:
        """Create or replace a resource; the same manifest again is `unchanged` and keeps its version."""
        old = self._entries.get(resource.key)
        if old is None:
            self.version += 1
            entry = Entry(resource, writer, self._new_uid(), self._clock(), self.version, 1)
            return self._keep("created", entry)
        if old.resource.manifest == resource.manifest:
            return self._keep("unchanged", replace(old, resource=resource, writer=writer))
        self.version += 1
        respecified = old.resource.manifest.get("spec") != resource.manifest.get("spec")
        generation = old.generation + respecified
        entry = replace(old, resource=resource, writer=writer, version=self.version, generation=generation)
        return self._keep("configured", entry)

    def delete(self, key: ResourceKey, writer: str | None = None) -> Change | None:
        """Delete a resource if it exists and, where a writer is given, if that one wrote it last."""
        entry = self._entries.get(key)
        if entry is None or (writer is not None and entry.writer != writer):
            return None
        del self._entries[key]
        self.version += 1
        return Change("deleted", entry)

    def get(self, key: ResourceKey) -> Entry | None:
        """Return one entry, or None."""
        return self._entries.get(key)

    def entries(self, kind: str | None = None, namespace: str | None = None) -> Iterator[Entry]:
        """Iterate over entries in the order they were created, of one kind or namespace if given."""
        for key, entry in self._entries.items():
            if kind in (None, key.kind) and namespace in (None, key.namespace):
                yield entry

    def resources(self) -> list[Resource]:
        """Return every resource, in the order they were created."""
        return [entry.resource for entry in self._entries.values()]

    def _keep(self, verb: Verb, entry: Entry) -> Change:
        self._entries[entry.resource.key] = entry
        return Change(verb, entry)


def published(entry: Entry, status: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the object as the API shows it: the manifest with the server's metadata and a status."""
    manifest = entry.resource.manifest
    metadata = dict(manifest.get("metadata", {}))
    metadata["name"] = entry.resource.name
    if entry.resource.kind.namespaced:
        metadata["namespace"] = entry.resource.namespace
    metadata |= {
        "uid": entry.uid,
        "creationTimestamp": entry.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resourceVersion": str(entry.version),
        "generation": entry.generation,
    }
    shown = {"apiVersion": entry.resource.kind.api_version, "kind": entry.resource.kind.kind, **manifest}
    return {**shown, "metadata": metadata, "status": status if status is not None else manifest.get("status", {})}
