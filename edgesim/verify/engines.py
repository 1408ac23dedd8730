"""Both engines on free ports of loopback, serving one model."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
_SEED = 1


@dataclass(slots=True)
class Pinned:
    """The draw of a request's weighted choice, so that it is the one Envoy makes."""

    value: int = 0


class PinnedWorker(Worker):
    """A worker whose weighted choices are pinned; its balancers draw by chance, as Envoy's do."""

    def __init__(self, pinned: Pinned, random: Random) -> None:
        """Draw of these."""
        super().__init__(random, monotonic, wall)
        self._pinned = pinned

    def draw(self) -> int:
        """Return the value that is pinned."""
        return self._pinned.value


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
    worker = PinnedWorker(pinned, Random(_SEED))
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
