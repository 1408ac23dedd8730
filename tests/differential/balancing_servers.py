"""Endpoints that both engines pick from, at the same addresses: who was asked by whom, and clients that ask."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from edgesim.model import (
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    ForwardAction,
    Listener,
    Model,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    VirtualHost,
)
from edgesim.telemetry.sources import monotonic
from edgesim.verify import Asked
from edgesim.verify.engines import free_ports
from tests.differential.random_sides import Line, Sides

SIDES = ("edgesim", "envoy")
_LISTENER = "edge"


@dataclass(slots=True)
class Server:
    """An endpoint that answers with its port, after a while, with a status; `asked` tells when each side asked it."""

    port: int = 0
    delay: float = 0.001
    status: int = 200
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    asked: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests of one connection until it closes."""
        self.open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked["envoy" if b"x-side: envoy" in head else "edgesim"].append(monotonic())
                await asyncio.sleep(self.delay)
                body = str(self.port).encode()
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (self.status, len(body), body))
        self.open.discard(writer)
        writer.close()

    async def close(self) -> None:
        """Let go of all connections."""
        for writer in tuple(self.open):
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def servers(count: int) -> AsyncIterator[list[Server]]:
    """Run so many endpoints on loopback."""
    async with AsyncExitStack() as stack:
        made: list[Server] = []
        for _ in range(count):
            server = Server()
            listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
            stack.push_async_callback(server.close)
            stack.callback(listening.close)
            server.port = listening.sockets[0].getsockname()[1]
            made.append(server)
        yield made


async def push(
    sides: Sides, ups: Sequence[Server], weights: Sequence[int] = (), policies: Policies | None = None, **options: Any
) -> None:
    """Let both engines serve one route to these endpoints; `options` are the cluster's."""
    found = tuple(Endpoint("127.0.0.1", up.port) for up in ups)
    if weights:
        found = tuple(replace(each, weight=weight) for each, weight in zip(found, weights, strict=True))
    route = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), ForwardAction(Destination("up")))
    route = route if policies is None else replace(route, policies=policies)
    port = sides.ports.setdefault(_LISTENER, free_ports(1)[0])
    cluster = Cluster("up", ClusterType.STATIC, found, **options)
    await sides.push(
        Model((VirtualHost("any", ("*",), (route,)),), (cluster,), (Listener(_LISTENER, port, address="127.0.0.1"),))
    )


def lines(sides: Sides) -> dict[str, Line]:
    """Return a connection to each engine."""
    own, other = sides.lines()
    return {"edgesim": own[_LISTENER], "envoy": other[_LISTENER]}


async def ask(side: str, line: Line, *headers: tuple[str, str]) -> str:
    """Ask one engine, and return which endpoint answered, or the status where that is not 200."""
    answer = await line.ask(Asked(_LISTENER, "GET", "any", "/", (("x-side", side), *headers)))
    return answer.body.decode() if answer.status == 200 else str(answer.status)


async def load(sides: Sides, side: str, count: int, clients: int) -> Counter[str]:
    """Send so many requests from so many clients at a time, and count who answered."""
    seen: Counter[str] = Counter()

    async def client() -> None:
        line = lines(sides)[side]
        for _ in range(count // clients):
            seen[await ask(side, line)] += 1
        line.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return seen
