"""What may be written to an instance, and how the store takes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from edgesim.config.store import Change, Store
from edgesim.control.builtin import IMPLIED, built_in
from edgesim.dialects import Resource, find_kind, nowhere
from edgesim.dialects.schema.common import Metadata
from edgesim.dialects.schema.kubernetes import Namespace
from edgesim.model import Problem, ResourceKey

API_WRITER: Final = "api"
"""The writer of what came through the admin API."""


Propagation = Literal["Background", "Foreground", "Orphan"]
"""What becomes of what a deleted object owns: it goes afterwards, it goes first, or it stays."""


@dataclass(frozen=True, slots=True)
class Put:
    """Create or replace a resource.

    `expected` is the version the writer read (a resourceVersion): with another one in the store, or
    none, nothing of the write is done. `notes` are what reading the document said about it. `managed` are its
    managedFields, and `status` its status, where those are written, too.
    """

    resource: Resource
    writer: str
    expected: int | None = None
    notes: tuple[Problem, ...] | None = None
    managed: tuple[dict[str, Any], ...] | None = None
    status: dict[str, Any] | None = None

    @property
    def key(self) -> ResourceKey:
        """Return the identity of the resource."""
        return self.resource.key


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a resource, if it exists and, where a writer is given, if that one wrote it last.

    Deleting a Namespace without naming a writer deletes what is in it. `propagation` says what becomes of what
    it owns; with a `uid`, another object of that name is left alone.
    """

    key: ResourceKey
    writer: str | None = None
    expected: int | None = None
    propagation: Propagation = "Background"
    uid: str | None = None


Write = Put | Delete


class ConflictError(Exception):
    """Somebody else wrote the object since it was read (an API server's 409)."""

    def __init__(self, key: ResourceKey) -> None:
        """Name the object."""
        super().__init__(f"{key} was changed by somebody else; read it again and apply your change to that")
        self.key = key


def apply_writes(store: Store, writes: Iterable[Write]) -> list[Change]:
    """Apply writes in order: one change for each put, and for each delete that found something.

    Raises:
        ConflictError: an `expected` version is not the present one; nothing is written.
    """
    wanted = [*writes]
    for write in wanted:
        _expect(store, write)
    changes: list[Change] = []
    for write in wanted:
        change = _put(store, write) if isinstance(write, Put) else _delete(store, write)
        if change is not None:
            changes.append(change)
    return changes


def install(store: Store) -> None:
    """Write the objects that are always there, where they are not."""
    for key, resource in built_in().items():
        if store.get(key) is None:
            _put(store, Put(resource, IMPLIED))


def _expect(store: Store, write: Write) -> None:
    if write.expected is None:
        return
    entry = store.get(write.key)
    if entry is None or entry.version != write.expected:
        raise ConflictError(write.key)


def _put(store: Store, write: Put) -> Change:
    namespace = write.resource.namespace
    if namespace and store.get(ResourceKey("Namespace", "", namespace)) is None:
        store.put(_namespace(namespace), IMPLIED)
    return store.put(write.resource, write.writer, managed=write.managed, status=write.status)


def _namespace(name: str) -> Resource:
    kind = find_kind("Namespace")
    assert kind is not None
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    typed = Namespace(api_version="v1", kind="Namespace", metadata=Metadata(name=name))
    return Resource(kind, "", name, manifest, typed, nowhere(IMPLIED))


def _delete(store: Store, write: Delete) -> Change | None:
    inside = _inside(store, write.key) if write.key.kind == "Namespace" else []
    entry = store.get(write.key)
    if inside and write.writer is not None:
        # A file that declared a namespace is gone, but others still write into it: it stays, implied.
        if entry is not None and entry.writer == write.writer:
            store.put(entry.resource, IMPLIED)
        return None
    change = store.delete(write.key, write.writer)
    if change is not None:
        for key in inside:
            store.delete(key)
        if not built_in().keys().isdisjoint((write.key, *inside)):
            install(store)
    return change


def _inside(store: Store, namespace: ResourceKey) -> list[ResourceKey]:
    """Return what is in a namespace."""
    return [entry.resource.key for entry in store.entries(namespace=namespace.name)]
