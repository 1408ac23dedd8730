"""The resource store: one write path, one rising version number.

The store holds immutable entries; a write replaces an entry and gives it the next version. It knows
who wrote an object last (a file, or the API), because removing a file deletes only what that file
wrote last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from edgesim.dialects import Resource
from edgesim.model import ResourceKey

Verb = Literal["created", "configured", "unchanged", "deleted"]

SERVER_METADATA: Final = frozenset({
    "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "managedFields", "selfLink", "clusterName",
})  # fmt: skip
"""What only the server writes into metadata: a dump carries it, the store keeps its own."""

CONTROLLER: Final = "edgesim controllers"
"""The writer of the objects controllers make."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored resource with what the store itself knows of it."""

    resource: Resource
    writer: str
    uid: str
    created: datetime
    version: int
    generation: int
    status: dict[str, Any] | None = None


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
        self._by_kind: dict[str, dict[ResourceKey, Entry]] = {}
        self._resources: dict[ResourceKey, Resource] = {}
        """Those of the entries: all of them are asked for at each change."""
        self._touched: dict[ResourceKey, None] = {}
        self.version = 0

    def put(self, resource: Resource, writer: str) -> Change:
        """Create or replace a resource; the same manifest again is `unchanged` and keeps its version.

        As on an API server, a status and the server's own metadata in a manifest are left out.
        """
        declared = _declared(resource.manifest)
        if declared is not resource.manifest:
            resource = replace(resource, manifest=declared)
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

    def set_status(self, key: ResourceKey, status: dict[str, Any]) -> None:
        """Set the status of a resource that exists; a new one gives it a new version, no new generation."""
        old = self._entries.get(key)
        if old is None or old.status == status:
            return
        self.version += 1
        self._insert(replace(old, status=status, version=self.version))

    def delete(self, key: ResourceKey, writer: str | None = None) -> Change | None:
        """Delete a resource if it exists and, where a writer is given, if that one wrote it last."""
        entry = self._entries.get(key)
        if entry is None or (writer is not None and entry.writer != writer):
            return None
        del self._entries[key]
        del self._by_kind[key.kind][key]
        del self._resources[key]
        self._touched[key] = None
        self.version += 1
        return Change("deleted", entry)

    def get(self, key: ResourceKey) -> Entry | None:
        """Return one entry, or None."""
        return self._entries.get(key)

    def entries(self, kind: str | None = None, namespace: str | None = None) -> Iterator[Entry]:
        """Iterate over entries in the order they were created, of one kind or namespace if given.

        Writes made meanwhile do not disturb it: it shows what was there when it began.
        """
        held = self._entries if kind is None else self._by_kind.get(kind, {})
        for entry in [*held.values()]:
            if namespace in (None, entry.resource.namespace):
                yield entry

    def resources(self) -> list[Resource]:
        """Return every resource, in the order they were created."""
        return [*self._resources.values()]

    def take_touched(self) -> dict[ResourceKey, Entry | None]:
        """Return every entry that was written since this was last asked, None for what is there no more.

        One caller asks: whoever keeps a copy up to date need not look at all that stayed as it was.
        """
        touched, self._touched = self._touched, {}
        return {key: self._entries.get(key) for key in touched}

    def _keep(self, verb: Verb, entry: Entry) -> Change:
        self._insert(entry)
        return Change(verb, entry)

    def _insert(self, entry: Entry) -> None:
        key = entry.resource.key
        self._entries[key] = entry
        self._resources[key] = entry.resource
        self._by_kind.setdefault(key.kind, {})[key] = entry
        self._touched[key] = None


def _declared(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest without what only the server writes; the same object where there is nothing of it."""
    metadata = manifest.get("metadata", {})
    if "status" not in manifest and SERVER_METADATA.isdisjoint(metadata):
        return manifest
    kept = {name: value for name, value in metadata.items() if name not in SERVER_METADATA}
    return {**{name: value for name, value in manifest.items() if name != "status"}, "metadata": kept}


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
    return {**shown, "metadata": metadata, "status": status if status is not None else entry.status or {}}
