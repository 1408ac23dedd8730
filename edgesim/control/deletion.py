"""How objects go, as on a cluster: finalizers hold them, what they own goes along, namespaces are emptied first.

Source: the Kubernetes documentation, "Garbage Collection" and "Finalizers". A cluster does in steps what is done here
within one write: whoever watches sees the same happenings in the same order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from msgspec import structs

from edgesim.config.store import CONTROLLER, Change, Entry, Store, owner_uids
from edgesim.dialects import Resource
from edgesim.model import ResourceKey

FOREGROUND: Final = "foregroundDeletion"
"""The finalizer of an object that waits until what it owns is gone."""
TERMINATING: Final = {"phase": "Terminating"}

Propagation = Literal["Background", "Foreground", "Orphan"]
"""What becomes of what a deleted object owns: it goes afterwards, it goes first, or it stays."""


@dataclass(frozen=True, slots=True)
class _Removal:
    key: ResourceKey
    propagation: Propagation = "Background"


def remove(store: Store, key: ResourceKey, propagation: Propagation = "Background") -> Change | None:
    """Delete an object, if it is there, and what that takes along; where something holds it, it is marked.

    The change is `deleted` either way: the store still has what is held, with its deletionTimestamp.
    """
    before = store.get(key)
    if before is None:
        return None
    _remove_all(store, [_Removal(key, propagation)])
    held = store.get(key)
    return Change("deleted", held if held is not None else replace(before, version=store.version))


def release(store: Store, key: ResourceKey) -> None:
    """Delete an object that was held once nothing holds it any more. Call it when it was written."""
    entry = store.get(key)
    if entry is not None and entry.deleting is not None:
        _remove_all(store, [_Removal(key)])


def is_terminating(store: Store, namespace: str) -> bool:
    """Tell whether a namespace is being deleted: nothing new may be created in it."""
    entry = store.get(ResourceKey("Namespace", "", namespace))
    return entry is not None and entry.deleting is not None


def _remove_all(store: Store, removals: Iterable[_Removal]) -> None:
    waiting = deque(removals)
    while waiting:
        waiting.extend(_remove_one(store, waiting.popleft()))


def _remove_one(store: Store, removal: _Removal) -> list[_Removal]:
    """Delete one object, or mark it; return what has to be looked at next."""
    entry = store.get(removal.key)
    if entry is None:
        return []
    if removal.propagation == "Orphan":
        _orphan(store, entry)
    if removal.propagation == "Foreground" and _blockers(store, entry):
        return _hold(store, entry)
    if removal.key.kind == "Namespace" and not store.is_empty(removal.key.name):
        return _terminate(store, entry)
    if FOREGROUND in _finalizers(entry):
        entry = _refinalized(store, entry, tuple(each for each in _finalizers(entry) if each != FOREGROUND))
    if _finalizers(entry):
        store.mark_deleting(removal.key)
        return []
    store.delete(removal.key)
    return [*_dependents(store, entry), *_waiting_owners(store, entry), *_emptied(store, entry)]


# --- what an object owns --------------------------------------------------------------------------


def _blockers(store: Store, owner: Entry) -> list[Entry]:
    """Return what is owned and has to go first."""
    return [each for each in store.owned_by(owner.uid) if _blocks(each, owner.uid)]


def _blocks(entry: Entry, uid: str) -> bool:
    references = entry.resource.typed.metadata.owner_references
    return any(each.uid == uid and each.block_owner_deletion for each in references)


def _hold(store: Store, owner: Entry) -> list[_Removal]:
    """Keep an owner until what it owns is gone; it is looked at again whenever something of that went."""
    if FOREGROUND in _finalizers(owner):
        return []
    store.mark_deleting(owner.resource.key)
    _refinalized(store, owner, (*_finalizers(owner), FOREGROUND))
    owned = [_Removal(each.resource.key, "Foreground") for each in store.owned_by(owner.uid)]
    return [*owned, _Removal(owner.resource.key, "Foreground")]


def _orphan(store: Store, owner: Entry) -> None:
    for each in store.owned_by(owner.uid):
        _disown(store, each, owner.uid)


def _dependents(store: Store, owner: Entry) -> list[_Removal]:
    """Return what goes with an owner that is gone; what has another owner left loses this one only."""
    gone: list[_Removal] = []
    for each in store.owned_by(owner.uid):
        if any(store.by_uid(uid) is not None for uid in owner_uids(each.resource)):
            _disown(store, each, owner.uid)
        else:
            gone.append(_Removal(each.resource.key))
    return gone


def _waiting_owners(store: Store, entry: Entry) -> list[_Removal]:
    """Return the owners that waited for an object that is gone."""
    owners = [store.by_uid(uid) for uid in owner_uids(entry.resource)]
    return [
        _Removal(owner.resource.key, "Foreground")
        for owner in owners
        if owner is not None and owner.deleting is not None and FOREGROUND in _finalizers(owner)
    ]


# --- namespaces -----------------------------------------------------------------------------------


def _terminate(store: Store, namespace: Entry) -> list[_Removal]:
    """Mark a namespace, and return what is in it. What a person wrote goes before what controllers made of it."""
    if namespace.deleting is not None:
        return []
    store.mark_deleting(namespace.resource.key)
    store.set_status(namespace.resource.key, {**(namespace.status or {}), **TERMINATING})
    inside = sorted(store.entries(namespace=namespace.resource.name), key=lambda each: each.writer == CONTROLLER)
    return [_Removal(each.resource.key) for each in inside]


def _emptied(store: Store, entry: Entry) -> list[_Removal]:
    """Return the namespace an object was in, if it waited for it to go."""
    name = entry.resource.namespace
    if not name or not store.is_empty(name) or not is_terminating(store, name):
        return []
    return [_Removal(ResourceKey("Namespace", "", name))]


# --- metadata -------------------------------------------------------------------------------------


def _finalizers(entry: Entry) -> tuple[str, ...]:
    found: tuple[str, ...] = entry.resource.typed.metadata.finalizers
    return found


def _refinalized(store: Store, entry: Entry, finalizers: tuple[str, ...]) -> Entry:
    resource = _with_metadata(entry.resource, "finalizers", [*finalizers], finalizers=finalizers)
    return store.put(resource, entry.writer).entry


def _disown(store: Store, entry: Entry, uid: str) -> None:
    """Take an owner out of the references of an object."""
    left = tuple(each for each in entry.resource.typed.metadata.owner_references if each.uid != uid)
    written = entry.resource.manifest["metadata"].get("ownerReferences") or ()
    value = [each for each in written if each.get("uid") != uid]
    store.put(_with_metadata(entry.resource, "ownerReferences", value, owner_references=left), entry.writer)


def _with_metadata(resource: Resource, name: str, value: list[Any], **typed: Any) -> Resource:
    """Return a resource with one list of its metadata changed; an empty one is left out."""
    metadata = {key: each for key, each in resource.manifest["metadata"].items() if key != name}
    manifest = {**resource.manifest, "metadata": metadata | ({name: value} if value else {})}
    changed = structs.replace(resource.typed, metadata=structs.replace(resource.typed.metadata, **typed))
    return replace(resource, manifest=manifest, typed=changed)
