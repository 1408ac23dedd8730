"""Breaking and mending over the admin API of an instance that runs in this process, with a supervisor of no workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edgesim.admin.app import create_app
from edgesim.admin.context import Context
from edgesim.backends import Controllers, PodRuntime
from edgesim.control import Instance
from edgesim.model import UpdateRefusedError
from edgesim.policies.breakage import Breakage
from edgesim.proxy import Supervisor
from tests.control.scenes import CLUSTER, ECHO, deployment, documents, made_store, puts
from tests.proxy.scenes import until

STATIC = """
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: outside, namespace: gloo-system}
spec: {static: {hosts: [{addr: 127.0.0.1, port: 3000}]}}
"""
TWIN = STATIC.replace("namespace: gloo-system", "namespace: other")
UNREACHED = deployment("lonely").replace("app: echo", "app: lonely")


@dataclass
class World:
    """An instance, what serves it, and a client of its admin API."""

    instance: Instance
    supervisor: Supervisor
    client: Any

    async def ask(self, path: str, **query: str) -> Any:
        """Ask, and return what is broken, or the message of the refusal with its code."""
        method = "GET" if path == "broken" else "POST"
        response = await self.client.request(method, f"/edgesim/v1/{path}", params=query)
        answer = await response.json()
        if response.status == 200:
            return [f"{each['kind']} {each['namespace']}/{each['name']}" for each in answer["broken"]]
        assert response.status in {400, 404}
        causes = answer.get("details", {"causes": [{"reason": ""}]})["causes"]
        return f"{causes[0]['reason']} {answer['message']}"

    def pod(self, begins: str) -> str:
        """Return the name of a pod."""
        names = [entry.resource.name for entry in self.instance.store.entries("Pod")]
        return next(name for name in names if name.startswith(begins))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store, supervisor = made_store(), Supervisor("127.0.0.1", 0, 0, "seed")
    instance = Instance(store, supervisor, Controllers(store, PodRuntime()))
    await instance.write(puts(documents(ECHO, deployment("echo-v2", version="v2"), STATIC, TWIN, UNREACHED)))
    context = Context(instance, lambda: True, workers=supervisor, breaking=supervisor.breaking)
    async with TestClient(TestServer(create_app(context))) as client:
        yield World(instance, supervisor, client)
    await instance.close(grace=0)
    await supervisor.close(0)


async def test_an_upstream_by_any_name(world: World) -> None:
    """It is found by name, with namespace, with its kind in any spelling, and as the engine calls it."""
    for name in ("echo", "gloo-system/echo", "upstream/echo", "us/gloo-system/echo", CLUSTER):
        assert await world.ask("break", target=name, latency="200ms") == ["upstream gloo-system/echo"]
        assert world.supervisor.breaking.broken == {CLUSTER: Breakage(latency=0.2)}
        assert await world.ask("broken") == ["upstream gloo-system/echo"]
        assert await world.ask("mend", target=name) == ["upstream gloo-system/echo"]
        assert await world.ask("mend", target=name) == []
        assert not world.supervisor.breaking.broken


async def test_a_pod_is_broken_alone(world: World) -> None:
    """A pod is broken at its addresses, so that others of its upstream go on; all is mended at once."""
    one, other = world.pod("echo-v1"), world.pod("echo-v2")
    assert await world.ask("break", target=one, kill="") == [f"pod echo/{one}"]
    (address,) = world.supervisor.breaking.broken
    assert await world.ask("break", target=f"po/echo/{other}", hang="") == [f"pod echo/{other}"]
    assert len(world.supervisor.breaking.broken) == 2
    assert await world.ask("break", target=address, reset="") == [f"pod echo/{one}"]
    assert world.supervisor.breaking.broken[address] == Breakage(reset=True)
    assert sorted(await world.ask("mend")) == sorted((f"pod echo/{one}", f"pod echo/{other}"))
    assert await world.ask("broken") == []


async def test_a_pods_address_is_the_pods_wherever_it_is_named(world: World) -> None:
    """A static upstream that names it does not make it another thing: it is broken, told and mended once."""
    one = world.pod("echo-v1")
    await world.ask("break", target=one, kill="")
    (address,) = world.supervisor.breaking.broken
    host, _, port = address.rpartition(":")
    static = STATIC.replace("outside", "again").replace("127.0.0.1, port: 3000", f"{host}, port: {port}")
    await world.instance.write(puts(documents(static)))
    for target in (address, f"endpoint/{address}", one):
        assert await world.ask("break", target=target, hang="") == [f"pod echo/{one}"]
    assert await world.ask("broken") == await world.ask("mend") == [f"pod echo/{one}"]


async def test_a_wrong_name_is_told_with_the_right_one(world: World) -> None:
    """A name that is nobody's comes with the nearest, a Deployment's with a pod of it, one of several with all."""
    assert await world.ask("break", target="ecko", hang="") == (
        "ES0740 there is no pod and no upstream `ecko`; did you mean `echo`?"
    )
    assert f"did you mean `{world.pod('echo-v2')}`?" in await world.ask("break", target="echo-v2", hang="")
    assert await world.ask("break", target="outside", hang="") == (
        "ES0740 `outside` may be `upstream/gloo-system/outside`, `upstream/other/outside`: say which"
    )
    lonely = world.pod("lonely")
    assert await world.ask("break", target=lonely, hang="") == (
        f"ES0740 no upstream sends to pod echo/{lonely}, so that there is nothing to break"
    )
    assert await world.ask("mend", target="\x00/\x7f") == "ES0740 there is no pod and no upstream `\x00/\x7f`"
    assert not world.supervisor.breaking.broken


async def test_what_cannot_be_read_breaks_nothing(world: World) -> None:
    """Without a target, or without a way to break it, it is a bad request."""
    assert await world.ask("break", hang="") == " break what? the query needs target=POD or target=UPSTREAM"
    assert (
        await world.ask("break", target="echo", latency="x") == " latency: 'x' is not a duration such as 20ms or 1.5s"
    )
    assert (await world.ask("break", target="echo")).startswith(" break it how?")
    assert not world.supervisor.breaking.broken


async def test_what_is_broken_for_a_time_mends_itself(world: World) -> None:
    """It says how long it will last, and ends; what is broken anew has a time of its own."""
    await world.ask("break", target="echo", hang="", **{"for": "1h"})
    response = await world.client.get("/edgesim/v1/broken")
    assert 0 < (await response.json())["broken"][0]["seconds"] <= 3600
    await world.ask("break", target="echo", reset="", **{"for": "10ms"})
    await until(lambda: not world.supervisor.breaking.broken, "never mended")
    assert world.supervisor.breaking.broken_for(CLUSTER) is None
    await world.ask("break", target="echo", reset="")
    assert world.supervisor.breaking.broken_for(CLUSTER) is None


async def test_what_is_gone_can_still_be_mended(world: World) -> None:
    """An endpoint that left while it was broken is shown by its address, and mended by it."""
    await world.ask("break", target="127.0.0.1:3000", kill="")
    world.supervisor.breaking.break_("127.9.9.9:80", Breakage(kill=True))
    assert await world.ask("broken") == ["endpoint /127.0.0.1:3000", "endpoint /127.9.9.9:80"]
    assert await world.ask("mend", target="127.9.9.9:80") == ["endpoint /127.9.9.9:80"]
    assert await world.ask("mend") == ["endpoint /127.0.0.1:3000"]


async def test_what_nobody_takes_is_not_broken(world: World) -> None:
    """Where whoever serves does not take it, that is said with its own code, and nothing is broken."""

    async def refuse() -> None:
        raise UpdateRefusedError("Envoy does not answer")

    world.supervisor.breaking.reached = refuse
    response = await world.client.post("/edgesim/v1/break", params={"target": "echo", "hang": ""})
    answer = await response.json()
    assert (response.status, answer["details"]["causes"][0]["reason"]) == (503, "ES0741")
    assert answer["message"] == "Envoy does not answer"
    assert not world.supervisor.breaking.broken
