from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.store import MOST_HAPPENINGS, Change, Happening, Store, published
from edgesim.dialects import Document, Resource, decode, nowhere
from edgesim.model import ResourceKey

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store() -> Store:
    return made()


def made() -> Store:
    seconds, numbers = count(), count(1)
    return Store(lambda: START + timedelta(seconds=next(seconds)), lambda: f"uid-{next(numbers)}")


def service(name: str = "echo", port: int = 80, **more: Any) -> Resource:
    metadata = {"name": name, "namespace": "shop"} | more.pop("metadata", {})
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": port}]}}
    decoded = decode(Document(manifest | more, nowhere("test.yaml")))
    assert decoded.resource is not None, decoded.problems
    return decoded.resource


KEY = ResourceKey("Service", "shop", "echo")


def summary(change: Change | None) -> tuple[str, int, int]:
    assert change is not None
    return change.verb, change.entry.version, change.entry.generation


def test_verbs_versions_and_generations(store: Store) -> None:
    """A write gives a version when it changes something, and a generation when that is the spec."""
    assert summary(store.put(service(), "a")) == ("created", 1, 1)
    assert summary(store.put(service(), "a")) == ("unchanged", 1, 1)
    assert summary(store.put(service(port=81), "a")) == ("configured", 2, 2)
    assert summary(store.put(service(port=81, metadata={"labels": {"a": "b"}}), "a")) == ("configured", 3, 2)
    assert summary(store.delete(KEY)) == ("deleted", 4, 2)
    assert store.version == 4
    assert store.delete(KEY) is None
    assert summary(store.put(service(), "a")) == ("created", 5, 1)


def test_an_object_keeps_its_uid_until_it_is_deleted(store: Store) -> None:
    """An object made anew is another object."""
    first = store.put(service(), "a").entry.uid
    assert store.put(service(port=81), "a").entry.uid == first
    store.delete(KEY)
    assert store.put(service(), "a").entry.uid != first


def test_a_pod_is_seen_to_terminate(store: Store) -> None:
    """Who watches a pod that is deleted is told of its deletionTimestamp before it is gone."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": {"containers": [{"name": "c"}]}}
    resource = decode(Document(pod, nowhere("test.yaml"))).resource
    assert resource is not None
    store.put(resource, "file")
    told: list[Happening] = []
    store.subscribe(told.append)
    store.delete(resource.key)
    assert [(each.type, each.entry.deleting is not None) for each in told] == [("MODIFIED", True), ("DELETED", True)]


def test_only_the_last_writer_deletes(store: Store) -> None:
    """A delete in the name of a writer leaves what somebody else wrote since."""
    store.put(service(), "file")
    store.put(service(), "api")
    assert store.delete(KEY, "file") is None
    assert store.get(KEY) is not None
    assert summary(store.delete(KEY, "api"))[0] == "deleted"


def test_what_a_dump_carries_is_left_out(store: Store) -> None:
    """Status and the server's metadata of a dump change nothing, so a dump can be applied again."""
    store.put(service(), "a")
    dumped = {"uid": "other", "resourceVersion": "77", "generation": 9, "creationTimestamp": "2020-01-01T00:00:00Z"}
    change = store.put(service(metadata=dumped, status={"loadBalancer": {}}), "a")
    assert change.verb == "unchanged"
    shown = published(change.entry)
    assert (shown["metadata"]["uid"], shown["metadata"]["resourceVersion"], shown["status"]) == ("uid-1", "1", {})


def test_status_is_apart(store: Store) -> None:
    """A status gives a version, no generation, and survives writes of the object."""
    store.put(service(), "a")
    store.set_status(KEY, {"ready": True})
    store.set_status(KEY, {"ready": True})
    store.set_status(ResourceKey("Service", "shop", "none"), {"ready": True})
    assert store.version == 2
    entry = store.put(service(port=81), "b").entry
    assert (entry.status, entry.generation) == ({"ready": True}, 2)
    assert published(entry)["status"] == {"ready": True}
    assert published(entry, {"ready": False})["status"] == {"ready": False}


def test_entries_by_kind_and_namespace(store: Store) -> None:
    """Entries come in the order they were created, and may be written while one goes through them."""
    for name in ("b", "a", "c"):
        store.put(service(name), "x")
    store.put(service("a", 81), "x")
    store.put(service("d", metadata={"namespace": "other"}), "x")
    assert [entry.resource.name for entry in store.entries("Service", "shop")] == ["b", "a", "c"]
    assert [*store.entries("Pod")] == []
    for entry in store.entries():
        store.delete(entry.resource.key)
    assert store.resources() == []


def test_published_is_a_whole_object(store: Store) -> None:
    """What the API shows has kind, namespace and the server's metadata."""
    shown = published(store.put(service(), "a").entry)
    assert (shown["apiVersion"], shown["kind"]) == ("v1", "Service")
    assert shown["metadata"] == {
        "name": "echo",
        "namespace": "shop",
        "uid": "uid-1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "resourceVersion": "1",
        "generation": 1,
    }


WRITES = st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from("abc"), st.integers(1, 3), st.sampled_from("xy"))


@given(st.lists(WRITES))
def test_versions_rise_with_every_change_and_only_then(writes: list[tuple[str, str, int, str]]) -> None:
    """The store agrees with a plain dictionary, and its version counts the changes."""
    store, plain, changes = made(), dict[str, tuple[int, str]](), 0
    for verb, name, port, writer in writes:
        if verb == "put":
            changes += plain.get(name, (0, ""))[0] != port
            plain[name] = (port, writer)
            store.put(service(name, port), writer)
        else:
            mine = name in plain and plain[name][1] == writer
            changes += mine
            assert (store.delete(ResourceKey("Service", "shop", name), writer) is not None) == mine
            if mine:
                del plain[name]
        assert store.version == changes
    held = {entry.resource.name: (entry.resource.typed.spec.ports[0].port, entry.writer) for entry in store.entries()}
    assert held == plain
    assert {entry.resource.key for entry in store.entries("Service")} == {one.key for one in store.resources()}


def told(store: Store) -> list[tuple[str, str, int]]:
    """Return what a subscriber hears, in a list that grows."""
    heard: list[tuple[str, str, int]] = []
    store.subscribe(lambda each: heard.append((each.type, each.entry.resource.name, each.version)))
    return heard


def test_each_write_that_changes_something_is_told_once(store: Store) -> None:
    """Creating, changing, a status, a deletion mark and deleting are one happening each; a no-op is none."""
    heard = told(store)
    store.put(service(), "a")
    store.put(service(), "b")
    store.put(service(port=81), "a")
    store.set_status(KEY, {"ready": 1})
    store.set_status(KEY, {"ready": 1})
    store.mark_deleting(KEY)
    store.mark_deleting(KEY)
    store.delete(KEY)
    assert heard == [
        ("ADDED", "echo", 1),
        ("MODIFIED", "echo", 2),
        ("MODIFIED", "echo", 3),
        ("MODIFIED", "echo", 4),
        ("DELETED", "echo", 5),
    ]
    assert [(each.type, each.version, each.entry.version) for each in store.since(3) or []] == [
        ("MODIFIED", 4, 4),
        ("DELETED", 5, 5),
    ]


def test_a_listener_that_fails_or_has_left_hinders_no_write(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The mistake of a listener is logged and the write stands; one that left hears nothing more."""

    def failing(_: Happening) -> None:
        raise ValueError

    store.subscribe(failing)
    heard: list[Happening] = []
    leave = store.subscribe(heard.append)
    store.put(service(), "a")
    leave()
    store.put(service(port=81), "a")
    assert [each.type for each in heard] == ["ADDED"]
    assert store.version == 2
    assert "telling of" in caplog.text


def test_what_is_forgotten_is_told_as_that() -> None:
    """Of more writes than are remembered the oldest are gone: going on from before them is not possible."""
    store = made()
    for port in range(1, MOST_HAPPENINGS + 3):
        store.put(service(port=port), "a")
    assert store.since(1) is None
    assert len(store.since(2) or []) == MOST_HAPPENINGS
    assert store.since(store.version) == []


def test_where_nothing_watches_nothing_is_remembered() -> None:
    """A store that remembers nothing says so of every version but its newest, and keeps no object that is gone."""
    forgetful = Store(lambda: START, lambda: "uid", remembers=0)
    forgetful.put(service(), "a")
    assert (forgetful.since(0), forgetful.since(1)) == (None, [])


def test_managed_fields_are_kept_where_nobody_gives_others(store: Store) -> None:
    """Managed fields are published, a write without them keeps them, and a later time alone is no change."""
    fields = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    store.put(service(), "a", managed=({**fields, "time": "1"},))
    assert summary(store.put(service(), "a", managed=({**fields, "time": "2"},))) == ("unchanged", 1, 1)
    assert summary(store.put(service(port=81), "a")) == ("configured", 2, 2)
    entry = store.get(KEY)
    assert entry is not None
    assert published(entry)["metadata"]["managedFields"] == [{**fields, "time": "1"}]
    assert summary(store.put(service(port=81), "a", managed=({**fields, "manager": "helm"},))) == ("configured", 3, 2)


def test_a_status_is_written_with_the_object_in_one_version(store: Store) -> None:
    """A status beside the manifest is one change; a status alone is no new generation."""
    assert summary(store.put(service(), "a", status={"ready": 1})) == ("created", 1, 1)
    assert summary(store.put(service(), "a", status={"ready": 2})) == ("configured", 2, 1)
    assert summary(store.put(service(), "a")) == ("unchanged", 2, 1)


def test_owners_are_found_by_uid(store: Store) -> None:
    """What names a uid as its owner is found by it, also after it names another, and while no such object is there."""
    owner = store.put(service("owner"), "a").entry
    reference = {"apiVersion": "v1", "kind": "Service", "name": "owner", "uid": owner.uid}
    owned = service(metadata={"ownerReferences": [reference]})
    store.put(owned, "a")
    assert store.by_uid(owner.uid) is owner
    assert [each.resource.name for each in store.owned_by(owner.uid)] == ["echo"]
    store.delete(owner.resource.key)
    assert store.by_uid(owner.uid) is None
    assert [each.resource.name for each in store.owned_by(owner.uid)] == ["echo"]
    store.put(service(), "a")
    assert store.owned_by(owner.uid) == []


def test_an_object_that_is_held_shows_since_when(store: Store) -> None:
    """A deletion mark is published with its time."""
    store.put(service(), "a")
    entry = store.mark_deleting(KEY)
    assert entry is not None
    assert published(entry)["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:01Z"
