"""Both engines on free ports of loopback, serving one model."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random

from edgesim.envoy.engine import EnvoyEngine, EnvoySettings
from edgesim.model import Model, Update
from edgesim.proxy.deltas import NOTHING, delta
from edgesim.proxy.ports import Addresses
from edgesim.proxy.worker import Worker
from edgesim.telemetry import spawn
from edgesim.telemetry.sources import monotonic, wall
from edgesim.verify.asking import DRAW_HEADER

_SWEEP = 0.025


class Pinned(Random):
    """Draws what it is told, so that a request's weighted choice is the one Envoy makes."""

    def __init__(self) -> None:
        """Begin with 0."""
        super().__init__(0)
        self.value = 0

    def getrandbits(self, k: int, /) -> int:
        """Return the value that is pinned."""
        return self.value & ((1 << k) - 1)


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@asynccontextmanager
async def own_engine(model: Model, pinned: Pinned) -> AsyncIterator[Mapping[str, int]]:
    """Serve a model with a worker on this loop; yields its listeners' ports by name."""
    worker = Worker(pinned, monotonic, wall)
    worker.swap(worker.compiler.snapshot(delta(NOTHING, Update(1, model, {}))))
    loop = asyncio.get_running_loop()
    servers: dict[str, asyncio.Server] = {}
    sweeping = spawn(_sweep(worker), "sweep")
    try:
        for name, listener in worker.listeners.items():
            servers[name] = await loop.create_server(lambda of=listener: worker.accept(of), "127.0.0.1", 0)  # type: ignore[misc]
        yield {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    finally:
        sweeping.cancel()
        for server in servers.values():
            server.close()
        worker.abort()


async def _sweep(worker: Worker) -> None:
    while True:
        await asyncio.sleep(_SWEEP)
        worker.sweep()


@asynccontextmanager
async def envoy(model: Model, command: str) -> AsyncIterator[Mapping[str, int]]:
    """Serve a model with Envoy; yields its listeners' ports by name. Raises UpdateRefusedError."""
    engine = EnvoyEngine(Addresses("127.0.0.1", 0), EnvoySettings(command, draw_header=DRAW_HEADER), monotonic)
    try:
        await engine.start()
        await engine.push(Update(1, model, {}))
        yield {bound.name: bound.port for bound in engine.bound}
    finally:
        await engine.close(0.0)
