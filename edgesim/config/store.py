"""The resource store: one write path, one rising version number.

The store holds immutable entries; a write replaces an entry and gives it the next version. It knows
who wrote an object last (a file, or the API), because removing a file deletes only what that file
wrote last.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Any, Final, Literal

from edgesim.config.assigned import keep_assigned
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

MOST_HAPPENINGS: Final = 2000
"""Happenings that are remembered: a watch that goes on from before them begins anew (410 Expired)."""

_log = logging.getLogger("edgesim")


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
    managed: tuple[dict[str, Any], ...] = ()
    """metadata.managedFields; empty: no Kubernetes client wrote it, and `writer` owns it whole."""
    deleting: datetime | None = None
    """metadata.deletionTimestamp, while finalizers hold the object."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays of an object through a restart: whoever names it by its uid finds it again."""

    uid: str
    created: datetime
    generation: int
    deleting: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What one write did; `entry` is the entry afterwards, or the deleted one."""

    verb: Verb
    entry: Entry

    @property
    def key(self) -> ResourceKey:
        """Return the identity of the changed resource."""
        return self.entry.resource.key


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened to one object at one version of the store, as a watch tells it.

    The entry of a deletion is the last one, with the version of the deletion.
    """

    version: int
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    entry: Entry
    before: Entry | None


Listener = Callable[[Happening], None]


class Store:
    """All resources of an instance, by key."""

    def __init__(
        self, clock: Callable[[], datetime], new_uid: Callable[[], str], *, remembers: int = MOST_HAPPENINGS
    ) -> None:
        """Take the clock (UTC) and the source of unique ids, so that tests can repeat a run.

        So many happenings are remembered, with what they were about; nobody asks where nothing watches.
        """
        self._clock = clock
        self._new_uid = new_uid
        self._entries: dict[ResourceKey, Entry] = {}
        self._by_kind: defaultdict[str, dict[ResourceKey, Entry]] = defaultdict(dict)
        self._by_namespace: defaultdict[str, dict[ResourceKey, Entry]] = defaultdict(dict)
        self._resources: dict[ResourceKey, Resource] = {}
        """Those of the entries: all of them are asked for at each change."""
        self._touched: dict[ResourceKey, None] = {}
        self._uids: dict[str, ResourceKey] = {}
        self._owned: dict[str, dict[ResourceKey, None]] = {}
        """By the uid of an owner, what names it in its ownerReferences."""
        self._happened: deque[Happening] = deque(maxlen=remembers)
        self._listeners: list[Listener] = []
        self.version = 0

    def put(
        self,
        resource: Resource,
        writer: str,
        *,
        managed: tuple[dict[str, Any], ...] | None = None,
        status: dict[str, Any] | None = None,
        identity: Identity | None = None,
    ) -> Change:
        """Create or replace a resource; the same manifest again is `unchanged` and keeps its version.

        As on an API server, a status and the server's own metadata in a manifest are left out. `managed` and
        `status` stay as they are where they are None. Managed fields that differ by their times only stay, too. An
        `identity` is that of an object that comes back.
        """
        declared = declared_part(resource.manifest)
        if declared is not resource.manifest:
            resource = replace(resource, manifest=declared)
        old = self._entries.get(resource.key)
        if old is None:
            return self._create(resource, writer, managed or (), status, identity)
        resource = keep_assigned(old.resource, resource)
        if managed is None or _timeless(managed) == _timeless(old.managed):
            managed = old.managed
        if status is None:
            status = old.status
        same = old.resource.manifest == resource.manifest
        entry = replace(old, resource=resource, writer=writer, managed=managed, status=status)
        if same and managed == old.managed and status == old.status:
            self._insert(entry, old)
            return Change("unchanged", entry)
        respecified = not same and _desired(old.resource.manifest) != _desired(resource.manifest)
        return Change("configured", self._modify(old, replace(entry, generation=old.generation + respecified)))

    def set_status(self, key: ResourceKey, status: dict[str, Any]) -> None:
        """Set the status of a resource that exists; a new one gives it a new version, no new generation."""
        old = self._entries.get(key)
        if old is not None and old.status != status:
            self._modify(old, replace(old, status=status))

    def mark_deleting(self, key: ResourceKey) -> Entry | None:
        """Give an object its deletionTimestamp, if it exists and has none yet; return it as it is then."""
        old = self._entries.get(key)
        if old is None or old.deleting is not None:
            return old
        return self._modify(old, replace(old, deleting=self._clock(), generation=old.generation + 1))

    def delete(self, key: ResourceKey, writer: str | None = None) -> Change | None:
        """Delete a resource if it exists and, where a writer is given, if that one wrote it last."""
        old = self._entries.get(key)
        if old is None or (writer is not None and old.writer != writer):
            return None
        if key.kind == "Pod":  # who watches sees it Terminating first, as on a cluster
            old = self.mark_deleting(key) or old
        del self._entries[key]
        del self._by_kind[key.kind][key]
        del self._by_namespace[key.namespace][key]
        del self._resources[key]
        del self._uids[old.uid]
        self._disown(old)
        self._touched[key] = None
        self.version += 1
        entry = replace(old, version=self.version)
        self._tell(Happening(self.version, "DELETED", entry, old))
        return Change("deleted", entry)

    def copy(self) -> Store:
        """Return a store with the same entries, to try writes on; nobody listens to it."""
        made = Store(self._clock, self._new_uid, remembers=0)
        made._entries, made._resources, made._uids = {**self._entries}, {**self._resources}, {**self._uids}
        made._by_kind.update({kind: {**held} for kind, held in self._by_kind.items()})
        made._by_namespace.update({namespace: {**held} for namespace, held in self._by_namespace.items()})
        made._owned = {uid: {**held} for uid, held in self._owned.items()}
        made.version = self.version
        return made

    def now(self) -> datetime:
        """Return the time on the store's clock (UTC)."""
        return self._clock()

    def since(self, version: int) -> list[Happening] | None:
        """Return what happened after a version, in order; None where that is no longer remembered, or was another store."""
        if version < self._forgotten() or version > self.version:
            return None
        found = [*takewhile(lambda each: each.version > version, reversed(self._happened))]
        found.reverse()
        return found

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` within each write from now on, with what happened; return what ends that.

        A mistake of the listener is logged: the write stands.
        """
        self._listeners = [*self._listeners, listener]

        def end() -> None:
            self._listeners = [each for each in self._listeners if each is not listener]

        return end

    def get(self, key: ResourceKey) -> Entry | None:
        """Return one entry, or None."""
        return self._entries.get(key)

    def entries(self, kind: str | None = None, namespace: str | None = None) -> Iterator[Entry]:
        """Iterate over entries in the order they were created, of one kind or namespace if given.

        Writes made meanwhile do not disturb it: it shows what was there when it began.
        """
        for entry in self._of(kind, namespace):
            if namespace in (None, entry.resource.namespace) and kind in (None, entry.resource.kind.kind):
                yield entry

    def count(self, kind: str) -> int:
        """Return how many entries of a kind there are."""
        return len(self._by_kind.get(kind, ()))

    def is_empty(self, namespace: str) -> bool:
        """Tell whether nothing is in a namespace."""
        return not self._by_namespace.get(namespace)

    def resources(self) -> list[Resource]:
        """Return every resource, in the order they were created."""
        return [*self._resources.values()]

    def take_touched(self) -> dict[ResourceKey, Entry | None]:
        """Return every entry that was written since this was last asked, None for what is there no more.

        One caller asks: whoever keeps a copy up to date need not look at all that stayed as it was.
        """
        touched, self._touched = self._touched, {}
        return {key: self._entries.get(key) for key in touched}

    def by_uid(self, uid: str) -> Entry | None:
        """Return the entry with a uid, or None."""
        key = self._uids.get(uid)
        return None if key is None else self._entries[key]

    def owned_by(self, uid: str) -> list[Entry]:
        """Return what names a uid in its ownerReferences, whether or not that object is there."""
        return [self._entries[key] for key in self._owned.get(uid, ())]

    def _of(self, kind: str | None, namespace: str | None) -> list[Entry]:
        """Return what may be of a kind and in a namespace: the smaller of both."""
        held = self._entries if kind is None else self._by_kind.get(kind, {})
        inside = held if namespace is None else self._by_namespace.get(namespace, {})
        return [*min(held, inside, key=len).values()]

    def _create(
        self,
        resource: Resource,
        writer: str,
        managed: tuple[dict[str, Any], ...],
        status: dict[str, Any] | None,
        identity: Identity | None,
    ) -> Change:
        if identity is None or identity.uid in self._uids:
            identity = Identity(self._new_uid(), self._clock(), 1)
        self.version += 1
        entry = Entry(
            resource,
            writer,
            identity.uid,
            identity.created,
            self.version,
            identity.generation,
            status,
            managed,
            identity.deleting,
        )
        self._uids[entry.uid] = resource.key
        self._own(entry)
        self._insert(entry, None)
        self._tell(Happening(self.version, "ADDED", entry, None))
        return Change("created", entry)

    def _modify(self, old: Entry, entry: Entry) -> Entry:
        """Keep a new entry of an object under a new version."""
        self.version += 1
        entry = replace(entry, version=self.version)
        if old.resource is not entry.resource:
            self._disown(old)
            self._own(entry)
        self._insert(entry, old)
        self._tell(Happening(self.version, "MODIFIED", entry, old))
        return entry

    def _insert(self, entry: Entry, before: Entry | None) -> None:
        key = entry.resource.key
        self._entries[key] = entry
        self._resources[key] = entry.resource
        self._by_kind[key.kind][key] = entry
        self._by_namespace[key.namespace][key] = entry
        if before is None or not _differ_by_status(before, entry):  # a status is never kept
            self._touched[key] = None

    def _own(self, entry: Entry) -> None:
        for uid in owner_uids(entry.resource):
            self._owned.setdefault(uid, {})[entry.resource.key] = None

    def _disown(self, entry: Entry) -> None:
        for uid in owner_uids(entry.resource):
            self._owned[uid].pop(entry.resource.key, None)
            if not self._owned[uid]:
                del self._owned[uid]

    def _forgotten(self) -> int:
        """Return the version up to which nothing is remembered."""
        if not self._happened.maxlen:
            return self.version
        return self._happened[0].version - 1 if len(self._happened) == self._happened.maxlen else 0

    def _tell(self, happening: Happening) -> None:
        self._happened.append(happening)
        for listener in self._listeners:
            try:
                listener(happening)
            except Exception:  # noqa: BLE001 - whatever it is, the write stands
                _log.exception("telling of %s failed", happening.entry.resource.key)


def _differ_by_status(one: Entry, other: Entry) -> bool:
    """Tell whether it is a status, and nothing else, that is new."""
    same = one.resource is other.resource and one.managed is other.managed and one.deleting is other.deleting
    return same and one.writer == other.writer


def owner_uids(resource: Resource) -> tuple[str, ...]:
    """Return the uids in the ownerReferences of a resource."""
    references = resource.typed.metadata.owner_references
    return tuple([each.uid for each in references]) if references else ()


def declared_part(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest without what only the server writes; the same object where there is nothing of it."""
    metadata = manifest.get("metadata", {})
    if "status" not in manifest and SERVER_METADATA.isdisjoint(metadata):
        return manifest
    kept = {name: value for name, value in metadata.items() if name not in SERVER_METADATA}
    return {**{name: value for name, value in manifest.items() if name != "status"}, "metadata": kept}


def _desired(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what is desired of an object: `spec`, or all but its metadata where a kind has none (a Secret, a Role)."""
    if "spec" in manifest:
        return {"spec": manifest["spec"]}
    return {name: value for name, value in manifest.items() if name != "metadata"}


def _timeless(managed: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if name != "time"} for each in managed]


def published(entry: Entry, status: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the object as the API shows it: the manifest with the server's metadata and a status."""
    manifest = entry.resource.manifest
    metadata = dict(manifest.get("metadata", {}))
    metadata["name"] = entry.resource.name
    if entry.resource.kind.namespaced:
        metadata["namespace"] = entry.resource.namespace
    metadata |= {
        "uid": entry.uid,
        "creationTimestamp": timestamp(entry.created),
        "resourceVersion": str(entry.version),
        "generation": entry.generation,
    }
    if entry.deleting is not None:
        metadata |= {"deletionTimestamp": timestamp(entry.deleting), "deletionGracePeriodSeconds": 0}
    if entry.managed:
        metadata["managedFields"] = [*entry.managed]
    shown = {"apiVersion": entry.resource.kind.api_version, "kind": entry.resource.kind.kind, **manifest}
    return {**shown, "metadata": metadata, "status": status if status is not None else entry.status or {}}


def timestamp(time: datetime) -> str:
    """Return a time as Kubernetes writes it (RFC 3339, whole seconds, UTC)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
