from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edgesim.backends import Controllers, PodRuntime
from edgesim.config.serving import Policy
from edgesim.config.store import Store
from edgesim.control import ConflictError, Delete, Instance, Put
from edgesim.model import ResourceKey, Update, UpdateRefusedError
from tests.control.scenes import (
    CLUSTER,
    ECHO,
    SERVICE,
    UPSTREAM,
    RecordingEngine,
    ask,
    deployment,
    documents,
    puts,
    resources,
    until,
    until_refused,
    virtual_service,
)

DEPLOYMENT = ResourceKey("Deployment", "echo", "echo-v1")
VIRTUAL_SERVICE = ResourceKey("VirtualService", "gloo-system", "echo")


def keys(store: Store, kind: str) -> list[ResourceKey]:
    return [entry.resource.key for entry in store.entries(kind)]


async def test_a_write_returns_when_it_is_served(instance: Instance, engine: RecordingEngine) -> None:
    """A release written at once is served when the write returns: pods answer at the endpoints pushed."""
    changes = await instance.write(puts(ECHO))
    assert [change.verb for change in changes] == ["created"] * 4
    assert [endpoint.port for endpoint in engine.endpoints(CLUSTER)] == [5678]
    assert await ask(engine.endpoints(CLUSTER)[0]) == "version:v1"
    assert instance.served.model is engine.last.model
    assert len(engine.last.model.virtual_hosts) == 1


async def test_namespaces_are_implied(instance: Instance, store: Store) -> None:
    """An object in a namespace nobody declared brings it along, silently."""
    changes = await instance.write(puts(ECHO))
    assert "Namespace" not in [change.key.kind for change in changes]
    assert {key.name for key in keys(store, "Namespace")} == {"echo", "gloo-system"}


async def test_deleting_a_namespace_deletes_what_is_in_it(
    instance: Instance, store: Store, engine: RecordingEngine
) -> None:
    """With a namespace go its Deployments, and so their pods and endpoints."""
    await instance.write(puts(ECHO))
    changes = await instance.write([Delete(ResourceKey("Namespace", "", "echo"))])
    assert [(change.verb, change.key.name) for change in changes] == [("deleted", "echo")]
    assert {
        key.namespace for kind in ("Deployment", "Service", "Pod", "Endpoints") for key in keys(store, kind)
    } == set()
    assert engine.endpoints(CLUSTER) == ()


async def test_pods_leave_rotation_before_they_close(instance: Instance, engine: RecordingEngine) -> None:
    """While the engine still has a pod's endpoint the pod serves, and it serves until the push is acknowledged."""
    await instance.write(puts(ECHO))
    (endpoint,) = engine.endpoints(CLUSTER)
    answers: list[str] = []

    async def during(update: Update) -> None:
        assert update.assignments[CLUSTER] == ()
        await asyncio.sleep(0)
        answers.append(await ask(endpoint))

    engine.during = during
    await instance.write([Delete(DEPLOYMENT)])
    assert answers == ["version:v1"]
    engine.during = None
    await until_refused(endpoint)


async def test_a_new_template_swaps_pods_in_one_update(instance: Instance, engine: RecordingEngine) -> None:
    """New pods listen before the one update that swaps them for the old ones."""
    await instance.write(puts(ECHO))
    old = engine.endpoints(CLUSTER)
    pushed = len(engine.updates)
    answers: list[str] = []

    async def during(update: Update) -> None:
        answers.extend([await ask(endpoint) for endpoint in update.assignments[CLUSTER]])

    engine.during = during
    await instance.write(puts(deployment(text="version:v1.1", replicas=2)))
    assert answers == ["version:v1.1", "version:v1.1"]
    assert len(engine.updates) == pushed + 1
    assert not set(old) & set(engine.endpoints(CLUSTER))


async def test_a_deleted_pod_comes_back(instance: Instance, store: Store, engine: RecordingEngine) -> None:
    """A Deployment's pod that is deleted is replaced by another one."""
    await instance.write(puts(ECHO))
    (pod,) = keys(store, "Pod")
    await instance.write([Delete(pod)])
    (other,) = keys(store, "Pod")
    assert pod != other
    assert [other.name] == [endpoint.pod for endpoint in engine.endpoints(CLUSTER)]
    assert await ask(engine.endpoints(CLUSTER)[0]) == "version:v1"


async def test_problems_freeze_what_is_served(instance: Instance, engine: RecordingEngine) -> None:
    """A route to nowhere is stored and told of, while the last good model stays; mending it goes live."""
    await instance.write(puts(ECHO))
    good = engine.last.model
    changes = await instance.write(puts(virtual_service("echo-typo")))
    assert [change.verb for change in changes] == ["configured"]
    assert instance.served.frozen
    assert [problem.resource for problem in instance.served.blocking] == [VIRTUAL_SERVICE]
    assert engine.last.model is good
    mended = await instance.write(puts(virtual_service(prefix="/new")))
    assert [change.verb for change in mended] == ["configured"]
    assert instance.served.blocking == ()
    assert engine.last.model is not good


async def test_endpoints_move_while_frozen(instance: Instance, engine: RecordingEngine) -> None:
    """Scaling a Deployment takes effect although another object holds the configuration up."""
    await instance.write(puts(documents(ECHO)))
    await instance.write(puts(virtual_service("echo-typo")))
    await instance.write(puts(deployment(replicas=3)))
    assert instance.served.frozen
    assert len(engine.endpoints(CLUSTER)) == 3


async def test_waiting_writes_share_a_translation(instance: Instance, engine: RecordingEngine) -> None:
    """Writes that wait while one is being served are served together, each with its own changes."""
    engine.gate = asyncio.Event()
    first = asyncio.ensure_future(instance.write(puts(ECHO)))  # noqa: TID251 - the test keeps it
    await until(lambda: bool(instance.translation.model.virtual_hosts))
    others = [
        asyncio.ensure_future(instance.write(puts(virtual_service(prefix=f"/{number}"))))  # noqa: TID251 - as above
        for number in range(10)
    ]
    await asyncio.sleep(0)
    engine.gate.set()
    done = await asyncio.gather(first, *others)
    assert [len(changes) for changes in done] == [4] + [1] * 10
    assert len(engine.updates) == 2


async def test_a_conflict_writes_nothing(instance: Instance, store: Store) -> None:
    """A write against a version that is no longer there is refused as a whole."""
    (change, *_) = await instance.write(puts(documents(SERVICE, UPSTREAM)))
    (service,) = resources(SERVICE.replace("80", "81"))
    await instance.write([Put(service, "test", expected=change.entry.version)])
    (other,) = resources(SERVICE.replace("80", "82"))
    with pytest.raises(ConflictError):
        await instance.write([*puts(deployment()), Put(other, "test", expected=change.entry.version)])
    assert store.get(DEPLOYMENT) is None
    entry = store.get(service.key)
    assert entry is not None
    assert entry.resource.manifest == service.manifest


async def test_an_engine_that_fails_fails_the_write(instance: Instance, engine: RecordingEngine) -> None:
    """The write fails with the engine's error; the next one serves both."""
    engine.failure = RuntimeError("worker gone")
    with pytest.raises(RuntimeError, match="worker gone"):
        await instance.write(puts(ECHO))
    engine.failure = None
    await instance.write([])
    assert len(engine.endpoints(CLUSTER)) == 1


async def test_a_writer_that_goes_away_changes_nothing(instance: Instance, store: Store) -> None:
    """Cancelling the wait for a write does not take the write back."""
    waiting: asyncio.Future[Any] = asyncio.ensure_future(instance.write(puts(ECHO)))  # noqa: TID251 - kept here
    await asyncio.sleep(0)
    waiting.cancel()
    await instance.write([])
    assert keys(store, "Deployment") == [DEPLOYMENT]


async def test_listeners_hear_of_each_change(instance: Instance) -> None:
    """A listener is called after each change until it is taken away."""
    heard: list[int] = []
    stop = instance.listen(lambda told: heard.append(told.store.version))
    await instance.write(puts(ECHO))
    stop()
    await instance.write(puts(deployment(replicas=2)))
    assert len(heard) == 1


async def test_a_closed_instance_takes_no_writes(instance: Instance, engine: RecordingEngine) -> None:
    """Closing drains the pods and refuses what comes after."""
    await instance.write(puts(ECHO))
    (endpoint,) = engine.endpoints(CLUSTER)
    await instance.close(grace=1)
    with pytest.raises(OSError, match=r"."):
        await ask(endpoint)
    with pytest.raises(RuntimeError, match="closed"):
        await instance.write([])


async def test_what_the_engine_refuses_is_a_problem(instance: Instance, engine: RecordingEngine) -> None:
    """An update the engine refuses becomes a problem of the resource at fault; what was served stays, pods follow."""
    await instance.write(puts(ECHO))
    good = instance.served.model

    async def refuse(update: Update) -> None:
        if update.model is not good:
            raise UpdateRefusedError("the certificate cannot be used", update.model.virtual_hosts[0].name)

    engine.during = refuse
    await instance.write(puts(documents(virtual_service(prefix="/new"), deployment("echo-v2", version="v2"))))
    (problem,) = instance.problems
    assert (problem.code, problem.message) == ("ES0703", "the certificate cannot be used")
    assert problem.resource == ResourceKey("VirtualService", "gloo-system", "echo")
    assert instance.served.frozen
    assert engine.last.model is good
    assert len(engine.endpoints(CLUSTER)) == 2
    engine.during = None
    await instance.write([])
    assert instance.problems == ()
    assert engine.last.model is not good


async def test_an_engine_that_refuses_everything_fails_the_write(instance: Instance, engine: RecordingEngine) -> None:
    """When not even what was served is taken, the write fails with the engine's words, and the next may do."""
    engine.failure = UpdateRefusedError("worker 0 was killed by SIGKILL")
    with pytest.raises(UpdateRefusedError, match="SIGKILL"):
        await instance.write(puts(ECHO))
    engine.failure = None
    await instance.write([])
    assert len(engine.endpoints(CLUSTER)) == 1


async def test_isolate_holds_one_virtual_host_back(store: Store, engine: RecordingEngine) -> None:
    """Under isolate what the proxy refuses is held back alone, as what has an error is; the rest goes live."""
    instance = Instance(store, engine, Controllers(store, PodRuntime()), policy=Policy.ISOLATE)
    other = virtual_service().replace(
        "name: echo, namespace: gloo-system}\nspec", "name: other, namespace: gloo-system}\nspec"
    )
    other = other.replace("domains: ['*']", "domains: [other]")
    await instance.write(puts(documents(ECHO, other)))

    async def refuse(update: Update) -> None:
        await asyncio.sleep(0)
        for host in update.model.virtual_hosts:
            if host.domains == ("*",) and host.routes[0].matches[0].path.value == "/new":
                raise UpdateRefusedError("the certificate cannot be used", host.name)

    engine.during = refuse
    await instance.write(puts(documents(virtual_service(prefix="/new"), other.replace("prefix: /", "prefix: /other"))))
    paths = {host.domains: host.routes[0].matches[0].path.value for host in engine.last.model.virtual_hosts}
    assert paths == {("*",): "/", ("other",): "/other"}
    assert (instance.served.frozen, [one.resource for one in instance.served.blocking]) == (True, [VIRTUAL_SERVICE])
    await instance.close(grace=0)
