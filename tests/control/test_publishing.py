from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from edgesim.backends import Controllers, PodRuntime
from edgesim.config.store import Happening, Store
from edgesim.control import Delete, Instance
from edgesim.control.changes import install
from edgesim.control.publishing import GATEWAY_PROXY, VIRTUAL_HOSTS
from edgesim.control.statuses import PROXY, Statuses
from edgesim.dialects import INSTALL_NAMESPACE
from edgesim.model import ResourceKey
from tests.control.scenes import ECHO, UPSTREAM, RecordingEngine, deployment, documents, puts, virtual_service

VIRTUAL_SERVICE = ResourceKey("VirtualService", "gloo-system", "echo")


@pytest.fixture
async def publishing(engine: RecordingEngine, store: Store) -> AsyncIterator[Instance]:
    """An instance that publishes statuses, as with the Kubernetes API."""
    install(store)
    made = Instance(store, engine, Controllers(store, PodRuntime()), publish_statuses=True)
    yield made
    await made.close(grace=0)


def reported(store: Store, key: ResourceKey) -> dict[str, Any]:
    """Return what Gloo reports of an object, as it is in the store."""
    entry = store.get(key)
    assert entry is not None
    assert entry.status is not None
    found: dict[str, Any] = entry.status["statuses"][INSTALL_NAMESPACE]
    return found


def events(store: Store) -> list[tuple[str, str, str]]:
    manifests = [entry.resource.manifest for entry in store.entries("Event")]
    return [
        (each["type"], each["reason"], each["involvedObject"]["name"])
        for each in manifests
        if each["source"]["component"] == "gloo"
    ]


def other(name: str) -> str:
    text = virtual_service().replace("metadata: {name: echo", f"metadata: {{name: {name}")
    return text.replace("domains: ['*']", f"domains: [{name}]")


async def test_statuses_are_in_the_store_when_a_write_is_served(publishing: Instance, store: Store) -> None:
    """Accepted at first, and the Proxy too; a mistake is shown by the object and by its Proxy, mending ends it."""
    await publishing.write(puts(ECHO))
    assert reported(store, VIRTUAL_SERVICE)["state"] == "Accepted"
    assert reported(store, ResourceKey("Upstream", "gloo-system", "echo"))["state"] == "Accepted"
    assert reported(store, GATEWAY_PROXY)["state"] == "Accepted"
    await publishing.write(puts(virtual_service("echo-typo")))
    found = reported(store, VIRTUAL_SERVICE)
    assert found["state"] == found["subresourceStatuses"][PROXY]["state"] == reported(store, GATEWAY_PROXY)["state"]
    assert found["state"] == "Warning"
    await publishing.write(puts(virtual_service()))
    assert reported(store, VIRTUAL_SERVICE)["state"] == "Accepted"


async def test_what_did_not_change_is_not_written(publishing: Instance, store: Store) -> None:
    """A write touches the statuses it changes and no others: nobody who watches hears of the rest."""
    await publishing.write(puts(documents(ECHO, other("other"))))
    heard: list[Happening] = []
    store.subscribe(heard.append)
    await publishing.write(puts(virtual_service(prefix="/new")))
    assert [each.entry.resource.key for each in heard] == [VIRTUAL_SERVICE]


async def test_who_shows_the_proxy_shows_it_as_it_is(publishing: Instance, store: Store) -> None:
    """A mistake in one VirtualService is seen in the Proxy's part of the status of the others."""
    await publishing.write(puts(documents(ECHO, other("other"))))
    await publishing.write(puts(virtual_service("echo-typo")))
    found = reported(store, ResourceKey("VirtualService", "gloo-system", "other"))
    assert (found["state"], found["subresourceStatuses"][PROXY]["state"]) == ("Accepted", "Warning")


async def test_a_status_somebody_wrote_is_put_right(publishing: Instance, store: Store) -> None:
    """Gloo's status is Gloo's: another one is replaced with the next translation."""
    await publishing.write(puts(ECHO))
    store.set_status(VIRTUAL_SERVICE, {"statuses": {}})
    await publishing.write([])
    assert reported(store, VIRTUAL_SERVICE)["state"] == "Accepted"


async def test_the_status_in_the_store_is_the_computed_one(publishing: Instance, store: Store) -> None:
    """Whatever was written in between: each published status is what reading all problems anew gives."""
    steps = (ECHO, virtual_service("echo-typo"), other("other"), virtual_service(), UPSTREAM.replace("80", "81"))
    for text in steps:
        await publishing.write(puts(text))
        plain = Instance(store, RecordingEngine(), Controllers(store, PodRuntime()))
        plain.served, plain.translation = publishing.served, publishing.translation
        statuses = Statuses()
        for kind in ("VirtualService", "Upstream", "Proxy"):
            for entry in store.entries(kind):
                assert entry.status == statuses.computed(plain, entry)


async def test_the_proxy_tells_of_its_listeners(publishing: Instance, store: Store) -> None:
    """The Proxy names its listeners and the number of its virtual hosts, and comes back when it is deleted."""
    await publishing.write(puts(documents(ECHO, other("other"))))
    entry = store.get(GATEWAY_PROXY)
    assert entry is not None
    assert entry.resource.manifest["metadata"]["annotations"] == {VIRTUAL_HOSTS: "2"}
    assert [each["bindPort"] for each in entry.resource.manifest["spec"]["listeners"]] == [8080, 8443]
    await publishing.write([Delete(GATEWAY_PROXY)])
    assert reported(store, GATEWAY_PROXY)["state"] == "Accepted"


async def test_problems_come_and_go_as_events(publishing: Instance, store: Store) -> None:
    """A problem is one Warning of the object at fault, naming its code; mended it is one Normal event."""
    await publishing.write(puts(ECHO))
    assert events(store) == []
    await publishing.write(puts(virtual_service("echo-typo")))
    await publishing.write([])
    assert events(store) == [("Warning", "Warning", "echo")]
    (event,) = (each for each in store.entries("Event") if each.resource.manifest["source"]["component"] == "gloo")
    assert event.resource.manifest["message"].startswith("ES02")
    assert "test.yaml" in event.resource.manifest["message"]
    await publishing.write(puts(virtual_service()))
    assert events(store)[1:] == [("Normal", "Accepted", "echo")]


async def test_a_deployment_with_a_problem_keeps_its_status(publishing: Instance, store: Store) -> None:
    """What its controller says stands: `kubectl rollout status` waits for it, and ends after `rollout undo`."""
    key = ResourceKey("Deployment", "echo", "echo-v1")
    for arguments in ("-txet=b", "-text=a"):
        await publishing.write(puts(deployment().replace("-text=version:v1", arguments)))
        entry = store.get(key)
        assert entry is not None
        assert entry.status is not None
        assert entry.status["observedGeneration"] == entry.generation
        assert "statuses" not in entry.status
    told = [entry.resource.typed for entry in store.entries("Event")]
    assert {each.source.component for each in told if each.involved_object.kind == "Deployment"} == {"edgesim"}


async def test_who_is_held_up_by_others_hears_of_it(publishing: Instance, store: Store) -> None:
    """Under freeze a sound change that waits for another's mistake is an event of the one that waits."""
    await publishing.write(puts(documents(ECHO, other("other"))))
    await publishing.write(puts(virtual_service("echo-typo")))
    await publishing.write(puts(other("other").replace("prefix: /", "prefix: /new")))
    assert ("Warning", "HeldUp", "other") in events(store)
