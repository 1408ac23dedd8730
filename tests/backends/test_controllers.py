from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.backends import Addresses, Controllers, PodRuntime
from edgesim.backends.addresses import open_socket
from edgesim.config.store import Store
from edgesim.dialects import assign
from edgesim.model import Cluster, ClusterType, Endpoint, ResourceKey, ServiceRef
from tests.control.scenes import SERVICE, deployment, documents, made_store, resources

CLUSTER = Cluster("echo", ClusterType.EDS, service=ServiceRef("echo", "echo", 80))
POD = """
apiVersion: v1
kind: Pod
metadata: {name: mine, namespace: echo, labels: {app: echo}, annotations: {%s}}
spec: {containers: [{name: echo, image: hashicorp/http-echo, args: ["-text=%s"]}]}
"""


class World:
    """A store and its controllers, whose pods really run; what is out of rotation is stopped at once."""

    def __init__(self, runtime: PodRuntime | None = None) -> None:
        self.store: Store = made_store()
        self.controllers = Controllers(self.store, runtime if runtime is not None else PodRuntime())

    async def apply(self, text: str) -> None:
        for resource in resources(text):
            self.store.put(resource, "test")
        await self.settle()

    async def delete(self, kind: str, name: str) -> None:
        self.store.delete(ResourceKey(kind, "echo", name))
        await self.settle()

    async def settle(self) -> None:
        again: float | None = 0.0
        while again == 0:
            step = await self.controllers.reconcile()
            self.controllers.retire(step.leaving, grace=0)
            again = step.again_in

    def endpoints(self) -> tuple[Endpoint, ...]:
        return assign([CLUSTER], self.store.resources())["echo"]

    async def said(self) -> list[str]:
        async with aiohttp.ClientSession() as session:
            found = []
            for endpoint in self.endpoints():
                async with session.get(f"http://{endpoint.address}:{endpoint.port}/") as response:
                    found.append((await response.text()).strip())
            return sorted(found)

    def status(self, kind: str, name: str) -> dict[str, Any]:
        entry = self.store.get(ResourceKey(kind, "echo", name))
        assert entry is not None
        assert entry.status is not None
        return entry.status


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
async def _closed(world: World) -> Any:
    yield
    await world.controllers.close(grace=0)


async def test_pods_somebody_wrote(world: World) -> None:
    """A Pod of nobody's runs like one of a Deployment; changing it starts it anew."""
    await world.apply(documents(SERVICE, POD % ("", "one")))
    assert await world.said() == ["one"]
    await world.apply(POD % ("", "two"))
    assert await world.said() == ["two"]
    await world.delete("Pod", "mine")
    assert world.endpoints() == ()


async def test_a_change_that_changes_nothing(world: World) -> None:
    """A Pod written again as it is goes on on its address."""
    await world.apply(documents(SERVICE, POD % ("", "one")))
    before = world.endpoints()
    await world.apply(POD % ("note: a", "one"))
    assert world.endpoints() == before


async def test_statuses(world: World) -> None:
    """Pods and Deployments show what kubectl shows of them."""
    await world.apply(documents(SERVICE, deployment(replicas=2)))
    (first, second) = [entry.resource.name for entry in world.store.entries("Pod")]
    status = world.status("Pod", first)
    assert (status["phase"], status["podIP"]) == ("Running", world.endpoints()[0].address)
    assert ("Ready", "True") in [(each["type"], each["status"]) for each in status["conditions"]]
    assert status["containerStatuses"][0]["ready"]
    assert status["podIP"] != world.status("Pod", second)["podIP"]
    assert world.status("Deployment", "echo-v1")["readyReplicas"] == 2


async def test_the_users_own_program(world: World) -> None:
    """edgesim.io/address puts the user's program into the endpoints, on its own port."""
    await world.apply(documents(SERVICE, POD % ('edgesim.io/address: "127.0.0.1:3000"', "unused")))
    assert [(endpoint.address, endpoint.port) for endpoint in world.endpoints()] == [("127.0.0.1", 3000)]


async def test_a_pod_that_would_crash(world: World) -> None:
    """http-echo without a text is no endpoint, and shown as what a cluster makes of it."""
    await world.apply(documents(SERVICE, POD % ("", "")))
    assert world.endpoints() == ()
    waiting = world.status("Pod", "mine")["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "CrashLoopBackOff"
    assert [(problem.code, problem.field) for problem in world.controllers.problems] == [
        ("ES0415", "spec.containers[0].args")
    ]
    await world.apply(POD % ("", "mended"))
    assert await world.said() == ["mended"]
    assert world.controllers.problems == ()


async def test_a_bad_template_keeps_the_old_pods(world: World) -> None:
    """A Deployment whose new pods would crash goes on with the old ones."""
    await world.apply(documents(SERVICE, deployment()))
    await world.apply(deployment(text=""))
    assert await world.said() == ["version:v1"]
    assert world.status("Deployment", "echo-v1")["updatedReplicas"] == 1


async def test_problems_of_a_template_name_their_place(world: World) -> None:
    """A bad annotation is a warning on the Deployment, once, however many pods it has."""
    text = deployment(replicas=3).replace(
        "template:\n    metadata: {", "template:\n    metadata: {annotations: {edgesim.io/latancy: 1s}, "
    )
    await world.apply(documents(SERVICE, text))
    (problem,) = world.controllers.problems
    assert problem.code == "ES0416"
    assert problem.field == "spec.template.metadata.annotations['edgesim.io/latancy']"
    assert problem.hint == "did you mean `edgesim.io/latency`?"
    assert problem.resource == ResourceKey("Deployment", "echo", "echo-v1")


async def test_a_pod_that_cannot_listen_is_tried_again() -> None:
    """A pod the system has no socket for is not ready, is told of in a note, and starts with a later change."""
    refusing = True

    def bind(host: str, port: int) -> socket.socket:
        if refusing:
            raise OSError(errno.EMFILE, "Too many open files")
        return open_socket(host, port)

    world = World(PodRuntime(addresses=Addresses(bind)))
    await world.apply(documents(SERVICE, deployment()))
    assert world.endpoints() == ()
    assert [(one.code, one.severity) for one in world.controllers.problems] == [("ES0417", "note")]
    refusing = False
    await world.settle()
    assert await world.said() == ["version:v1"]
    await world.controllers.close(grace=0)


async def test_a_system_with_one_loopback_address() -> None:
    """Where 127.a.b.c is refused, pods share 127.0.0.1, and their free ports are in the endpoints."""

    def bind(host: str, port: int) -> socket.socket:
        if host != "127.0.0.1":
            raise OSError(errno.EADDRNOTAVAIL, "Can't assign requested address")
        return open_socket(host, port)

    world = World(PodRuntime(addresses=Addresses(bind)))
    await world.apply(documents(SERVICE, deployment(replicas=3)))
    assert {endpoint.address for endpoint in world.endpoints()} == {"127.0.0.1"}
    assert len({endpoint.port for endpoint in world.endpoints()}) == 3
    assert await world.said() == ["version:v1"] * 3
    await world.controllers.close(grace=0)


async def test_endpoints_that_are_somebody_elses(world: World) -> None:
    """Endpoints written by hand for a Service without selector stay; those of a controller come back."""
    by_hand = """
apiVersion: v1
kind: Endpoints
metadata: {name: echo, namespace: echo}
subsets: [{addresses: [{ip: 127.0.0.1}], ports: [{name: http, port: 3000}]}]
"""
    await world.apply(documents(SERVICE.replace("selector: {app: echo}", "{}").replace("  {}\n", ""), by_hand))
    assert [endpoint.port for endpoint in world.endpoints()] == [3000]
    await world.apply(documents(SERVICE, deployment()))
    assert await world.said() == ["version:v1"]
    await world.delete("Endpoints", "echo")
    assert await world.said() == ["version:v1"]
    await world.delete("Service", "echo")
    assert [*world.store.entries("Endpoints")] == []


WRITES = st.one_of(
    st.tuples(st.just("deploy"), st.sampled_from("ab"), st.integers(0, 3), st.sampled_from(["one", "two", ""])),
    st.tuples(st.just("remove"), st.sampled_from("ab"), st.just(0), st.just("")),
    st.tuples(st.just("kill"), st.sampled_from("ab"), st.just(0), st.just("")),
)


@given(st.lists(WRITES, max_size=6))
def test_any_writes_converge(writes: list[tuple[str, str, int, str]]) -> None:
    """Whatever is written, the pods that run are those declared, and every endpoint listens."""

    async def run() -> None:
        world = World()
        wanted: dict[str, tuple[int, str]] = {}
        await world.apply(SERVICE)
        for verb, name, replicas, text in writes:
            if verb == "deploy":
                wanted[name] = (replicas, text)
                await world.apply(deployment(name, text, replicas, version=name))
            elif verb == "remove":
                wanted.pop(name, None)
                await world.delete("Deployment", name)
            else:
                for entry in [one for one in world.store.entries("Pod") if one.resource.name.startswith(name)][:1]:
                    await world.delete("Pod", entry.resource.name)
        said = await world.said()
        sound = [text for replicas, text in wanted.values() for _ in range(replicas) if text]
        running = {key.name for key in world.controllers.running()}
        assert running == {endpoint.pod for endpoint in world.endpoints()}
        if all(text for _, text in wanted.values()):
            assert said == sorted(sound)
        await world.controllers.close(grace=0)

    asyncio.run(run())
