"""Runs pods: opens their servers, and closes them without losing a request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from edgesim.backends.addresses import Addresses, PodAddress
from edgesim.backends.pod_log import PodLog
from edgesim.backends.program import Program
from edgesim.backends.server import EchoProtocol, PodServer
from edgesim.telemetry import sources

LINGER: Final = 0.1
"""Seconds a pod goes on accepting after it left the endpoints, for connections that were on their way."""
BACKLOG: Final = 4096
"""Connections that may wait to be accepted while the loop is busy, as the proxy's own; asyncio's 100 would refuse some."""
GRACE: Final = 30.0
"""Seconds given to requests in progress (Kubernetes' terminationGracePeriodSeconds)."""


@dataclass(slots=True)
class RunningPod:
    """A pod that serves; `server` is None for the user's own program."""

    name: str
    program: Program
    address: PodAddress
    server: PodServer | None = None
    listeners: list[asyncio.Server] = field(default_factory=list)


class PodRuntime:
    """Starts and stops pods in this process."""

    def __init__(
        self,
        seed: int = 0,
        addresses: Addresses | None = None,
        now: Callable[[], float] = sources.monotonic,
        wall: Callable[[], float] = sources.wall,
    ) -> None:
        """Take the seed of scripted behaviour, the addresses and the clocks."""
        self._seed = seed
        self._addresses = addresses if addresses is not None else Addresses()
        self._now = now
        self.wall = wall
        self._linger = LINGER

    async def start(self, name: str, program: Program, log: PodLog | None = None) -> RunningPod:
        """Start a pod; it listens when this returns. Its requests go into a log, if one is given.

        Raises:
            OSError: no address can be listened on.
        """
        if program.external is not None:
            host, port = program.external
            address = await _resolve(host)
            return RunningPod(name, program, PodAddress(address, {port: port}, own=False, any_port=port))
        if program.answers is None:
            raise OSError(program.crash)
        bound = self._addresses.bind(program.ports, any_port=program.any_port)
        # Each pod draws from its own source: how many requests another got does not change its answers.
        random = Random(f"{self._seed}/{name}")
        server = PodServer(program.answers, program.behaviour, random, self._now, self.wall, log, program.ready_after)
        loop = asyncio.get_running_loop()
        listeners = [
            await loop.create_server(lambda: EchoProtocol(server), sock=sock, backlog=BACKLOG) for sock in bound.sockets
        ]
        return RunningPod(name, program, bound.address, server, listeners)

    async def stop(self, pod: RunningPod, grace: float = GRACE) -> None:
        """Drain a pod that is out of rotation, then close it.

        Requests in progress finish within `grace` seconds; connections that were being opened are
        still served; every answer from now on closes its connection.
        """
        server = pod.server
        if server is None:
            return
        server.drain()
        await asyncio.sleep(min(self._linger, grace))
        for listener in pod.listeners:
            listener.close()
        server.close_idle()
        if server.connections:
            try:
                await asyncio.wait_for(server.emptied.wait(), grace)
            except TimeoutError:
                server.abort()


async def _resolve(host: str) -> str:
    """Return an IP address of a host, IPv4 where there is one: endpoints are addresses, not names."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])
