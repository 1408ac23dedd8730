"""Endpoints that both engines pick from, at the same addresses: who was asked by whom, and clients that ask."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from edgesim.model import (
    NO_POLICIES,
    Assignments,
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
    ServiceRef,
    Subset,
    VirtualHost,
)
from edgesim.telemetry.sources import monotonic
from edgesim.verify import Asked
from edgesim.verify.asking import Answer
from edgesim.verify.engines import free_ports
from tests.differential.random_sides import Line, Sides

SIDES = ("edgesim", "envoy")
_LISTENER = "edge"
DEADLINE = 60.0


@dataclass(slots=True, eq=False)
class Connection:
    """A connection from one engine: its two ends, the requests it carried, when it was idle last, and closed."""

    writer: asyncio.StreamWriter
    requests: int = 0
    idle_since: float = 0.0
    closed: float | None = None

    def is_closed(self) -> bool:
        """Tell whether the engine closed it."""
        return self.closed is not None

    @property
    def was_idle(self) -> float:
        """How many seconds it was idle before it was closed."""
        assert self.closed is not None
        return self.closed - self.idle_since

    @property
    def engines_end(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """The addresses of the engine's socket: its own, and its peer's."""
        return self.writer.get_extra_info("peername"), self.writer.get_extra_info("sockname")


@dataclass(slots=True)
class Server:
    """An endpoint that answers with its port, after a while, with a status; `asked` tells when each side asked it.

    Of a side's requests every `fails_every`th gets a 500, none where that is 0. `connections` are those of each side
    that carried a request.
    """

    port: int = 0
    delay: float = 0.001
    status: int = 200
    fails_every: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    asked: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})
    connections: dict[str, list[Connection]] = field(default_factory=lambda: {side: [] for side in SIDES})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests of one connection until it closes."""
        self.open.add(writer)
        connection = Connection(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                side = "envoy" if b"x-side: envoy" in head else "edgesim"
                if not connection.requests:
                    self.connections[side].append(connection)
                connection.requests += 1
                self.asked[side].append(monotonic())
                await asyncio.sleep(self.delay)
                body = str(self.port).encode()
                connection.idle_since = monotonic()
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (self._status(side), len(body), body))
        connection.closed = monotonic()
        self.open.discard(writer)
        writer.close()

    def _status(self, side: str) -> int:
        return 500 if self.fails_every and len(self.asked[side]) % self.fails_every == 0 else self.status

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


def endpoints(ups: Sequence[Server], **more: Any) -> tuple[Endpoint, ...]:
    """Return servers as endpoints; `more` is said of each."""
    return tuple(Endpoint("127.0.0.1", up.port, **more) for up in ups)


async def push(
    sides: Sides, ups: Sequence[Server], weights: Sequence[int] = (), policies: Policies | None = None, **options: Any
) -> None:
    """Let both engines serve one route to these endpoints; `options` are the cluster's."""
    found = endpoints(ups)
    if weights:
        found = tuple(replace(each, weight=weight) for each, weight in zip(found, weights, strict=True))
    await serve(sides, Cluster("up", ClusterType.STATIC, found, **options), {}, policies or NO_POLICIES)


async def follow(
    sides: Sides, found: tuple[Endpoint, ...], policies: Policies = NO_POLICIES, *subsets: Subset, **options: Any
) -> None:
    """Let both engines follow endpoints that come and go: what is known of those that stay is kept."""
    cluster = Cluster("up", ClusterType.EDS, service=ServiceRef("default", "up", 80), **options)
    await serve(sides, cluster, {"up": found}, policies, *subsets)


async def serve(sides: Sides, cluster: Cluster, found: Assignments, policies: Policies, *subsets: Subset) -> None:
    """Let both engines serve a route to a cluster, and before it one to each subset: `/0`, `/1` and so on."""
    asked = [*((f"/{at}", Destination("up", subset)) for at, subset in enumerate(subsets)), ("/", Destination("up"))]
    routes = tuple(
        Route((RouteMatch(PathMatcher(PathKind.PREFIX, path)),), ForwardAction(to), policies=policies)
        for path, to in asked
    )
    port = sides.ports.setdefault(_LISTENER, free_ports(1)[0])
    listener = Listener(_LISTENER, port, address="127.0.0.1")
    await sides.push(Model((VirtualHost("any", ("*",), routes),), (cluster,), (listener,)), found)


@contextmanager
def lines(sides: Sides) -> Iterator[dict[str, Line]]:
    """Yield a connection to each engine."""
    own, other = sides.lines()
    of = {"edgesim": own[_LISTENER], "envoy": other[_LISTENER]}
    yield of
    for line in of.values():
        line.close()


async def answer(side: str, line: Line, *headers: tuple[str, str], path: str = "/") -> Answer:
    """Ask one engine, and return the answer."""
    return await line.ask(Asked(_LISTENER, "GET", "any", path, (("x-side", side), *headers)))


async def ask(side: str, line: Line, *headers: tuple[str, str], path: str = "/") -> str:
    """Ask one engine, and return which endpoint answered, or the status where that is not 200."""
    came = await answer(side, line, *headers, path=path)
    return came.body.decode() if came.status == 200 else str(came.status)


async def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    end = monotonic() + DEADLINE
    while not condition():
        assert monotonic() < end, what
        await asyncio.sleep(0.01)


async def left_out(side: str, line: Line, ups: Sequence[Server], among: int) -> None:
    """Ask an engine until these endpoints get nothing any more: none of four rounds of so many turns."""
    end = monotonic() + DEADLINE
    while True:
        before = [len(up.asked[side]) for up in ups]
        for _ in range(4 * among):
            await ask(side, line)
        if before == [len(up.asked[side]) for up in ups]:
            return
        assert monotonic() < end, f"{side} goes on sending requests to endpoints that fail"


async def load(sides: Sides, side: str, count: int, clients: int) -> Counter[str]:
    """Send so many requests from so many clients at a time, and count who answered."""
    seen: Counter[str] = Counter()

    async def client() -> None:
        with lines(sides) as of:
            for _ in range(count // clients):
                seen[await ask(side, of[side])] += 1

    await asyncio.gather(*(client() for _ in range(clients)))
    return seen
