"""Events in the store: what happened to an object, told for people (core/v1 Event). Pure.

The same again is counted, as client-go's recorder does. There are at most MOST_EVENTS; `expire_events`, called now and
then, deletes those that are older than an hour.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from edgesim.config.store import CONTROLLER, Entry, Store, timestamp
from edgesim.dialects import Resource, find_kind, nowhere
from edgesim.dialects.schema.workloads import Event
from edgesim.model import ResourceKey

MOST_EVENTS: Final = 1_000
LIFETIME: Final = timedelta(hours=1)
_LONGEST_NAME: Final = 253
_LONGEST_MESSAGE: Final = 1_024
"""Characters, as the API server has it."""


def record_event(
    store: Store,
    involved: Entry,
    *,
    type: Literal["Normal", "Warning"],  # noqa: A002 - the field's name
    reason: str,
    message: str,
    component: str,
    now: datetime,
) -> None:
    """Write an event about an object, or count the same one once more.

    A message is made one line: kubectl's tables would break. In a namespace that is gone, or is being deleted,
    nothing is written, as on a cluster.
    """
    namespace = involved.resource.namespace or "default"
    home = store.get(ResourceKey("Namespace", "", namespace))
    if home is None or home.deleting is not None:
        return
    told = {"reason": reason, "message": one_line(message), "type": type}
    name = _name(involved, (*told.values(), component))
    old = store.get(ResourceKey("Event", namespace, name))
    times = {"count": _count(old) + 1, "firstTimestamp": _first(old, now), "lastTimestamp": timestamp(now)}
    reported = {"source": {"component": component}, "reportingComponent": component, "reportingInstance": ""}
    manifest = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": _reference(involved),
        **told,
        **times,
        **reported,
    }
    store.put(_resource(manifest), CONTROLLER)
    if store.count("Event") > MOST_EVENTS:
        expire_events(store, now)


def expire_events(store: Store, now: datetime) -> None:
    """Delete what is older than LIFETIME; where there are too many, a tenth of them, the oldest first."""
    oldest = timestamp(now - LIFETIME)
    events = [*store.entries("Event")]
    gone = [event for event in events if _last(event) < oldest]
    surplus = len(events) - len(gone) - MOST_EVENTS
    if surplus > 0:
        left = sorted((event for event in events if _last(event) >= oldest), key=_last)
        gone += left[: surplus + MOST_EVENTS // 10]
    for event in gone:
        store.delete(event.resource.key)


def one_line(text: str) -> str:
    """Return a text in one line, no longer than an event's message may be."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[: _LONGEST_MESSAGE - 3]}..."


def _name(involved: Entry, told: tuple[str, ...]) -> str:
    """Return the name of an event: that of its object, and sixteen digits that stand for what is told."""
    text = "\0".join((involved.resource.kind.kind, involved.uid, *told))
    digits = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return f"{involved.resource.name[: _LONGEST_NAME - 17].rstrip('-.')}.{digits}"


def _reference(entry: Entry) -> dict[str, Any]:
    resource = entry.resource
    namespace = {"namespace": resource.namespace} if resource.namespace else {}
    return {
        "apiVersion": resource.kind.api_version,
        "kind": resource.kind.kind,
        "name": resource.name,
        **namespace,
        "uid": entry.uid,
        "resourceVersion": str(entry.version),
    }


def _resource(manifest: dict[str, Any]) -> Resource:
    kind = find_kind("Event")
    assert kind is not None
    metadata = manifest["metadata"]
    typed = msgspec.convert(manifest, Event)
    return Resource(kind, metadata["namespace"], metadata["name"], manifest, typed, nowhere(CONTROLLER))


def _count(event: Entry | None) -> int:
    return 0 if event is None else int(event.resource.typed.count or 0)


def _first(event: Entry | None, now: datetime) -> str:
    return timestamp(now) if event is None else str(event.resource.typed.first_timestamp or timestamp(now))


def _last(event: Entry) -> str:
    """Return when an event happened last; one that a client wrote may say so in other fields, or not at all."""
    told = event.resource.typed
    return str(told.last_timestamp or told.event_time or timestamp(event.created))
