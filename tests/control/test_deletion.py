from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.store import CONTROLLER, Entry, Happening, Store
from edgesim.control import ConflictError, Delete, Put
from edgesim.control.builtin import NAMESPACES
from edgesim.control.changes import apply_writes, install
from edgesim.control.deletion import FOREGROUND, Propagation, is_terminating
from edgesim.dialects import Document, Resource, decode, nowhere
from edgesim.model import ResourceKey
from tests.control.scenes import made_store

NAMESPACE = ResourceKey("Namespace", "", "shop")


def config_map(name: str, owners: tuple[Entry, ...] = (), **metadata: Any) -> Resource:
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": each.resource.name, "uid": each.uid, **BLOCKING}
        for each in owners
    ]
    found = {"name": name, "namespace": "shop", **({"ownerReferences": references} if references else {}), **metadata}
    decoded = decode(Document({"apiVersion": "v1", "kind": "ConfigMap", "metadata": found}, nowhere("test.yaml")))
    assert decoded.resource is not None, decoded.problems
    return decoded.resource


BLOCKING = {"controller": True, "blockOwnerDeletion": True}


def put(store: Store, resource: Resource, writer: str = "api") -> Entry:
    (change,) = apply_writes(store, [Put(resource, writer)])
    return change.entry


def delete(store: Store, name: str, propagation: Propagation = "Background") -> None:
    apply_writes(store, [Delete(key(name), propagation=propagation)])


def key(name: str) -> ResourceKey:
    return ResourceKey("ConfigMap", "shop", name)


def names(store: Store) -> list[str]:
    return [entry.resource.name for entry in store.entries("ConfigMap")]


def family(store: Store) -> None:
    """A parent, its child, and that one's child."""
    parent = put(store, config_map("parent"))
    child = put(store, config_map("child", (parent,)))
    put(store, config_map("grandchild", (child,)))


def heard(store: Store) -> list[tuple[str, str]]:
    """Return what happens from now on, in a list that grows."""
    happened: list[tuple[str, str]] = []

    def listen(each: Happening) -> None:
        happened.append((each.type, each.entry.resource.name))

    store.subscribe(listen)
    return happened


def test_what_is_owned_goes_after_its_owner(store: Store) -> None:
    """In the background: the owner first, then all that it owns, to the last grandchild."""
    family(store)
    happened = heard(store)
    delete(store, "parent")
    assert happened == [("DELETED", "parent"), ("DELETED", "child"), ("DELETED", "grandchild")]


def test_what_is_owned_goes_before_its_owner(store: Store) -> None:
    """In the foreground: each owner is marked and waits for what it owns."""
    family(store)
    happened = heard(store)
    delete(store, "parent", "Foreground")
    assert [name for type_, name in happened if type_ == "DELETED"] == ["grandchild", "child", "parent"]
    assert names(store) == []


def test_orphans_stay_and_have_no_owner_any_more(store: Store) -> None:
    """Orphaning leaves what is owned, without its reference to the owner."""
    family(store)
    delete(store, "parent", "Orphan")
    assert names(store) == ["child", "grandchild"]
    child = store.get(key("child"))
    assert child is not None
    assert "ownerReferences" not in child.resource.manifest["metadata"]
    assert child.resource.typed.metadata.owner_references == ()


def test_what_has_another_owner_stays(store: Store) -> None:
    """One of two owners goes: only the reference to it goes along; with the last owner all goes."""
    one, two = put(store, config_map("one")), put(store, config_map("two"))
    put(store, config_map("shared", (one, two)))
    delete(store, "one")
    shared = store.get(key("shared"))
    assert shared is not None
    assert [each["uid"] for each in shared.resource.manifest["metadata"]["ownerReferences"]] == [two.uid]
    delete(store, "two")
    assert names(store) == []


def test_finalizers_hold_an_object_until_the_last_is_gone(store: Store) -> None:
    """A held object is marked, stays, and goes with the write that takes its last finalizer away."""
    put(store, config_map("held", finalizers=["a.example/x", "b.example/x"]))
    delete(store, "held")
    entry = store.get(key("held"))
    assert entry is not None
    assert entry.deleting is not None
    put(store, config_map("held", finalizers=["a.example/x"]))
    assert names(store) == ["held"]
    put(store, config_map("held"))
    assert names(store) == []


def test_an_owner_waits_for_what_is_held(store: Store) -> None:
    """In the foreground an owner stays while a finalizer holds what it owns, and goes right after it."""
    parent = put(store, config_map("parent"))
    put(store, config_map("child", (parent,), finalizers=["a.example/x"]))
    delete(store, "parent", "Foreground")
    assert names(store) == ["parent", "child"]
    waiting = store.get(key("parent"))
    assert waiting is not None
    assert waiting.resource.typed.metadata.finalizers == (FOREGROUND,)
    put(store, config_map("child", (parent,)))
    assert names(store) == []


def test_a_namespace_terminates_is_emptied_and_goes(store: Store) -> None:
    """Whoever watches sees the namespace Terminating first, then what was in it go, then itself."""
    put(store, config_map("one"))
    happened = heard(store)
    phases: list[Any] = []
    store.subscribe(lambda each: phases.append((each.entry.status or {}).get("phase")))
    apply_writes(store, [Delete(NAMESPACE)])
    assert happened == [("MODIFIED", "shop"), ("MODIFIED", "shop"), ("DELETED", "one"), ("DELETED", "shop")]
    assert phases[1] == "Terminating"
    assert store.get(NAMESPACE) is None


def test_a_namespace_stays_terminating_while_something_in_it_is_held(store: Store) -> None:
    """A finalizer inside holds the namespace, too; it goes with what was held."""
    put(store, config_map("held", finalizers=["a.example/x"]))
    put(store, config_map("free"))
    apply_writes(store, [Delete(NAMESPACE)])
    assert names(store) == ["held"]
    assert is_terminating(store, "shop")
    put(store, config_map("held"))
    assert store.get(NAMESPACE) is None
    assert not is_terminating(store, "shop")


def test_a_file_without_its_owner_takes_along_what_that_owned(store: Store) -> None:
    """Garbage is collected however the owner vanishes: here a file does not declare it any more."""
    parent = put(store, config_map("parent"), "app.yaml")
    put(store, config_map("child", (parent,)), CONTROLLER)
    apply_writes(store, [Delete(key("parent"), "app.yaml")])
    assert names(store) == []


def test_another_object_of_the_name_is_not_deleted(store: Store) -> None:
    """A uid that is not the present one is a conflict, and nothing is deleted."""
    put(store, config_map("one"))
    with pytest.raises(ConflictError):
        apply_writes(store, [Delete(key("one"), uid="uid-other")])
    assert names(store) == ["one"]


def test_what_is_always_there_comes_back_with_its_namespace(store: Store) -> None:
    """The namespaces of an installation come back empty when somebody deletes them."""
    install(store)
    apply_writes(store, [Delete(ResourceKey("Namespace", "", "gloo-system"))])
    kept = {entry.resource.name for entry in store.entries("Namespace") if entry.deleting is None}
    assert kept >= set(NAMESPACES)


def test_a_long_line_of_owners_goes_whole() -> None:
    """Two thousand generations are no deeper than one: in the background and in the foreground."""
    for propagation in ("Background", "Foreground"):
        store = made_store()
        last = put(store, config_map("n0"))
        for number in range(1, 2000):
            last = put(store, config_map(f"n{number}", (last,)))
        delete(store, "n0", propagation)
        assert names(store) == []


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16), st.integers(0, 7), st.sampled_from([0, 1])
)
def test_nothing_is_left_that_only_the_dead_own(edges: list[tuple[int, int]], first: int, how: int) -> None:
    """Whatever owns whatever, circles too: after a deletion all that is left has no owner, or one that lives."""
    store = made_store()
    made = [put(store, config_map(f"n{number}")) for number in range(8)]
    for number in range(8):
        owners = {owner: made[owner] for owner, owned in edges if owned == number}
        made[number] = put(store, config_map(f"n{number}", tuple(owners.values())))
    owned = {number for _, number in edges}
    delete(store, f"n{first}", ("Background", "Foreground")[how])
    left = [*store.entries("ConfigMap")]
    alive = {entry.uid for entry in left}
    assert made[first].uid not in alive or how == 1
    for entry in left:
        uids = [each.uid for each in entry.resource.typed.metadata.owner_references]
        assert not uids or alive.intersection(uids)
    assert all(made[number].uid in alive for number in range(8) if number not in owned and number != first)
