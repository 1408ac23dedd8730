"""The parent's side of the workers: start them, keep them, hand them updates, drain them."""

from __future__ import annotations

import asyncio
import socket
import sys
from dataclasses import dataclass, field

from edgesim.model import Update
from edgesim.proxy import channel
from edgesim.proxy.deltas import NOTHING, delta
from edgesim.proxy.settings import DEFAULT, WorkerSettings, encode
from edgesim.telemetry import spawn


class PortInUseError(OSError):
    """Another program listens on the port asked for."""


class PushError(RuntimeError):
    """A worker could not serve an update; the one before is still served."""


@dataclass(eq=False)
class _Child:
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    version: int = -1
    failure: channel.Failed | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


def reserve(host: str, port: int) -> socket.socket:
    """Hold a port for the workers, who share it with SO_REUSEPORT; port 0 takes any free one.

    Raises PortInUseError where another program listens already (SO_REUSEPORT alone would not notice),
    and OSError for an address that cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _bind(probe, host, port)
            probe.listen()
    held = socket.socket(family)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(held, host, port)
    return held


def _bind(sock: socket.socket, host: str, port: int) -> None:
    try:
        sock.bind((host, port))
    except OSError as refused:
        if refused.errno == 98 or "in use" in str(refused):
            raise PortInUseError(refused.errno, f"{host}:{port} is in use") from None
        raise


class Supervisor:
    """The workers of one listener."""

    def __init__(
        self, host: str, port: int, workers: int, seed: str, tls_port: int = 0, given: WorkerSettings = DEFAULT
    ) -> None:
        """Reserve the port; raises as `reserve`. The TLS port is taken when a virtual host first asks for TLS."""
        self._held = reserve(host, port)
        self._held_tls: socket.socket | None = None
        self._wanted_tls_port = tls_port
        self.host = host
        self.port: int = self._held.getsockname()[1]
        self._seed = seed
        self._settings = encode(given)
        self._count = workers
        self._children: list[_Child] = []
        self._latest = NOTHING
        self._closing = False

    @property
    def tls_port(self) -> int:
        """The port of the TLS listener, 0 while there is none."""
        return 0 if self._held_tls is None else int(self._held_tls.getsockname()[1])

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers."""
        return [child.process.pid for child in self._children]

    async def start(self) -> None:
        """Start the workers; they listen once they have an update."""
        for index in range(self._count):
            await self._start_one(index)

    async def _start_one(self, index: int) -> _Child:
        ours, theirs = socket.socketpair()
        command = (sys.executable, "-m", "edgesim.proxy.worker", "--channel", str(theirs.fileno()))
        address = ("--host", self.host, "--port", str(self.port), "--seed", f"{self._seed}:{index}")
        told = ("--settings", self._settings)
        process = await asyncio.create_subprocess_exec(*command, *address, *told, pass_fds=(theirs.fileno(),))
        theirs.close()
        child = _Child(process, *await asyncio.open_connection(sock=ours))
        self._children.append(child)
        _ = spawn(self._listen(child, index), name=f"worker {index}")
        return child

    async def _listen(self, child: _Child, index: int) -> None:
        while (message := await channel.read(child.reader)) is not None:
            if isinstance(message, channel.Served):
                child.version = message.version
            elif isinstance(message, channel.Failed):
                child.failure = message
            child.changed.set()
        await child.process.wait()
        self._children.remove(child)
        child.changed.set()
        if not self._closing:
            await self._replace(index)

    async def _replace(self, index: int) -> None:
        """A worker died: its connections are lost, nobody else's; a new one takes its place."""
        child = await self._start_one(index)
        if self._latest is not NOTHING:
            channel.write(child.writer, delta(NOTHING, self._latest, self.tls_port))

    async def push(self, update: Update) -> None:
        """Hand an update to every worker; return when all serve it.

        Raises PushError when a worker cannot, and PortInUseError when TLS is asked for the first time and
        its port is taken; what was served stays served.
        """
        self._hold_tls_port(update)
        changes = delta(self._latest, update, self.tls_port)
        for child in self._children:
            channel.write(child.writer, changes)
        self._latest = update
        for child in list(self._children):
            await self._served(child, update.version)

    def _hold_tls_port(self, update: Update) -> None:
        wanted = any(host.tls is not None for host in update.model.virtual_hosts)
        if wanted and self._held_tls is None:
            self._held_tls = reserve(self.host, self._wanted_tls_port)
        elif not wanted and self._held_tls is not None:
            self._held_tls.close()
            self._held_tls = None

    async def _served(self, child: _Child, version: int) -> None:
        while child.version < version and child in self._children:
            if child.failure is not None and child.failure.version >= version:
                raise PushError(child.failure.reason)
            child.changed.clear()
            await child.changed.wait()

    async def close(self, grace: float) -> None:
        """Drain the workers: what runs may finish within `grace` seconds."""
        self._closing = True
        children = list(self._children)
        for child in children:
            channel.write(child.writer, channel.Drain(grace))
        for child in children:
            await child.process.wait()
        self._held.close()
        if self._held_tls is not None:
            self._held_tls.close()
