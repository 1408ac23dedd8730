"""Names that cannot be resolved, as events of Upstreams."""

from __future__ import annotations

from edgesim.config.store import Store
from edgesim.control.changes import install
from edgesim.control.name_events import NameEvents
from edgesim.control.problem_events import COMPONENT
from edgesim.model import ResourceKey
from tests.control.scenes import UPSTREAM, resources

ECHO = ResourceKey("Upstream", "gloo-system", "echo")


def test_a_name_that_cannot_be_resolved_is_an_event_of_its_upstream(store: Store) -> None:
    """When it begins and when it ends, once for an upstream that asks twice; one that is gone has none."""
    install(store)
    for each in resources(UPSTREAM):
        store.put(each, "files")
    tell = NameEvents(store).tell
    tell([ECHO, ECHO, ResourceKey("Upstream", "gloo-system", "gone")], "the name a cannot be resolved", False)
    tell([ECHO], "the name a is resolved again", True)
    found = [entry.resource.manifest for entry in store.entries("Event")]
    assert sorted((each["type"], each["reason"], each["message"], each["count"]) for each in found) == [
        ("Normal", "Resolved", "the name a is resolved again", 1),
        ("Warning", "NotResolved", "the name a cannot be resolved", 1),
    ]
    assert {(each["involvedObject"]["name"], each["reportingComponent"]) for each in found} == {("echo", COMPONENT)}
