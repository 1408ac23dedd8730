"""What may be written to an instance, and how the store takes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from edgesim.config.store import CONTROLLER, Change, Identity, Store
from edgesim.control.builtin import IMPLIED, built_in, implied_namespace
from edgesim.control.deletion import Propagation, release, remove
from edgesim.dialects import Resource
from edgesim.model import Problem, ResourceKey

API_WRITER: Final = "api"
"""The writer of what came through the admin API."""
_FIRST_STATUS: Final[dict[str, dict[str, Any]]] = {
    "Namespace": {"phase": "Active"},
    "Pod": {"phase": "Pending"},
    "Service": {"loadBalancer": {}},
}
"""The status with which an API server creates an object."""


@dataclass(frozen=True, slots=True)
class Put:
    """Create or replace a resource.

    `expected` is the version the writer read (a resourceVersion): with another one in the store, or
    none, nothing of the write is done. `notes` are what reading the document said about it. `managed` are its
    managedFields, and `status` its status, where those are written, too. An `identity` is that of an object that
    comes back after a restart.
    """

    resource: Resource
    writer: str
    expected: int | None = None
    notes: tuple[Problem, ...] | None = None
    managed: tuple[dict[str, Any], ...] | None = None
    status: dict[str, Any] | None = None
    identity: Identity | None = None

    @property
    def key(self) -> ResourceKey:
        """Return the identity of the resource."""
        return self.resource.key


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a resource, if it exists and, where a writer is given, if that one wrote it last.

    Deleting a Namespace without naming a writer deletes what is in it. `propagation` says what becomes of what
    it owns. With a `uid`, another object of that name is a conflict.
    """

    key: ResourceKey
    writer: str | None = None
    expected: int | None = None
    propagation: Propagation = "Background"
    uid: str | None = None


Write = Put | Delete


class ClosedError(RuntimeError):
    """The instance is on its way out and takes no more writes."""


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
    _install(store, built_in())


def _install(store: Store, keys: Iterable[ResourceKey]) -> None:
    for key in keys:
        if store.get(key) is None:
            _put(store, Put(built_in()[key], IMPLIED))


def _expect(store: Store, write: Write) -> None:
    entry = store.get(write.key)
    if write.expected is not None and (entry is None or entry.version != write.expected):
        raise ConflictError(write.key)
    if isinstance(write, Delete) and write.uid is not None and (entry is None or entry.uid != write.uid):
        raise ConflictError(write.key)


def _put(store: Store, write: Put) -> Change:
    namespace = write.resource.namespace
    if namespace and store.get(ResourceKey("Namespace", "", namespace)) is None:
        store.put(implied_namespace(namespace), IMPLIED, status=_FIRST_STATUS["Namespace"])
    status = write.status
    if status is None and store.get(write.key) is None:
        status = _FIRST_STATUS.get(write.key.kind)
    change = store.put(write.resource, write.writer, managed=write.managed, status=status, identity=write.identity)
    if change.entry.deleting is not None:
        release(store, write.key)
    return change


def _delete(store: Store, write: Delete) -> Change | None:
    entry = store.get(write.key)
    if entry is None or write.writer not in (None, entry.writer):
        return None
    if write.writer is not None and _is_used(store, write.key):
        # A file that declared a namespace is gone, but others still write into it: it stays, implied.
        store.put(entry.resource, IMPLIED)
        return None
    standing = [key for key in built_in() if store.get(key) is not None]
    change = remove(store, write.key, write.propagation)
    _install(store, standing)
    return change


def _is_used(store: Store, key: ResourceKey) -> bool:
    """Tell whether a key is that of a namespace in which there is more than what controllers made."""
    if key.kind != "Namespace":
        return False
    return any(entry.writer != CONTROLLER for entry in store.entries(namespace=key.name))
