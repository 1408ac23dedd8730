from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.events import LIFETIME, MOST_EVENTS, expire_events, one_line, record_event
from edgesim.config.store import Entry, Store
from edgesim.dialects import Document, decode, nowhere
from tests.control.scenes import made_store

START: Final = datetime(2026, 1, 1, tzinfo=UTC)


def resource(kind: str, name: str, namespace: str = "") -> Any:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    decoded = decode(Document({"apiVersion": "v1", "kind": kind, "metadata": metadata}, nowhere("test.yaml")))
    assert decoded.resource is not None, decoded.problems
    return decoded.resource


def scene(name: str = "echo") -> tuple[Store, Entry]:
    store = made_store()
    store.put(resource("Namespace", "shop"), "test")
    return store, store.put(resource("ConfigMap", name, "shop"), "test").entry


def record(store: Store, involved: Entry, message: str = "it is there", seconds: int = 0) -> None:
    now = START + timedelta(seconds=seconds)
    record_event(store, involved, type="Normal", reason="Made", message=message, component="test", now=now)


def events(store: Store) -> list[dict[str, Any]]:
    return [entry.resource.manifest for entry in store.entries("Event")]


def test_an_event_names_its_object_and_reads_as_one() -> None:
    """An event stands in the namespace of its object, says what happened, and is a valid Event."""
    store, involved = scene()
    record(store, involved, "two\nlines")
    (event,) = events(store)
    assert event["metadata"]["namespace"] == "shop"
    assert event["involvedObject"]["uid"] == involved.uid
    assert (event["message"], event["count"], event["lastTimestamp"]) == ("two lines", 1, "2026-01-01T00:00:00Z")
    assert decode(Document(event, nowhere("x"))).problems == ()


def test_the_same_event_is_counted() -> None:
    """The same again is one event with a higher count and a later time; another message is another event."""
    store, involved = scene()
    record(store, involved)
    record(store, involved, seconds=5)
    record(store, involved, "it is elsewhere", seconds=6)
    first, second = events(store)
    assert (first["count"], first["firstTimestamp"], first["lastTimestamp"]) == (
        2, "2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z",
    )  # fmt: skip
    assert second["count"] == 1


def test_events_are_bounded_and_expire() -> None:
    """There are never more than MOST_EVENTS, the newest stay, and what is older than an hour goes when asked."""
    store, involved = scene()
    for number in range(MOST_EVENTS + 50):
        record(store, involved, f"number {number}", seconds=number // 10)
    assert len(events(store)) <= MOST_EVENTS
    assert events(store)[-1]["message"] == f"number {MOST_EVENTS + 49}"
    late = int(LIFETIME.total_seconds()) + 1000
    record(store, involved, "late", seconds=late)
    expire_events(store, START + timedelta(seconds=late))
    assert [event["message"] for event in events(store)] == ["late"]


def test_a_namespace_that_goes_gets_no_event() -> None:
    """Where the namespace is gone or terminating nothing is written: it would never be empty."""
    store, involved = scene()
    home = next(store.entries("Namespace"))
    store.mark_deleting(home.resource.key)
    record(store, involved)
    assert events(store) == []
    store.put(resource("Namespace", "default"), "test")
    record(store, home)
    assert [event["metadata"]["namespace"] for event in events(store)] == ["default"]


@given(st.text(max_size=3000))
def test_a_message_is_one_line_that_fits(text: str) -> None:
    """Whatever is told, the message has one line and at most 1,024 characters."""
    line = one_line(text)
    assert len(line) <= 1024
    assert len(line.splitlines()) <= 1


def test_the_name_of_an_event_is_a_name() -> None:
    """Of the longest name of an object, too."""
    store, involved = scene("a" * 235 + ".b-" + "c" * 10)
    record(store, involved)
    assert decode(Document(events(store)[0], nowhere("x"))).problems == ()
