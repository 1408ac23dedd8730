"""Scripted upstreams, raw clients, and a worker between them: all over real sockets on one loop."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from edgesim.model import (
    PLAIN_LISTENER,
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    Endpoint,
    ForwardAction,
    ListenerOptions,
    Model,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    Update,
    VirtualHost,
)
from edgesim.proxy import worker_process
from edgesim.proxy.deltas import NOTHING, delta
from edgesim.proxy.listening import ActiveListener
from edgesim.proxy.worker import Worker
from edgesim.telemetry.histogram import Counts, total
from edgesim.telemetry.tally import Named, StatKey, Tally

DEADLINE = 60.0
"""Seconds anything may take with every core busy; what hangs fails then."""
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
DATED = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\nok"
"""An answer the proxy may remember: its length and date are there."""
GET = b"GET / HTTP/1.1\r\nhost: any\r\n\r\n"


class Peer:
    """One end of a connection: what was read so far, and ways to read on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *pieces: bytes) -> None:
        """Send bytes as they are."""
        self.writer.writelines(pieces)

    async def head(self) -> bytes:
        """Read up to a blank line and return it without that line; empty when the other side is gone."""
        async with asyncio.timeout(DEADLINE):
            try:
                return (await self.reader.readuntil(b"\r\n\r\n"))[:-4]
            except (asyncio.IncompleteReadError, ConnectionError):
                return b""

    async def exactly(self, count: int) -> bytes:
        """Read so many bytes."""
        async with asyncio.timeout(DEADLINE):
            return await self.reader.readexactly(count)

    async def chunks(self) -> bytes:
        """Read a chunked body and return its content."""
        body = b""
        async with asyncio.timeout(DEADLINE):
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
        return body

    async def rest(self) -> bytes:
        """Read until the other side closes; a reset raises ConnectionResetError."""
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read()

    def close(self) -> None:
        """Close in good order."""
        self.writer.close()

    def reset(self) -> None:
        """Close with a reset."""
        socket = self.writer.get_extra_info("socket")
        if socket is not None and not self.writer.is_closing():
            socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Reply:
    """An answer as a client read it."""

    status: int
    headers: dict[str, str]
    body: bytes
    lines: list[str] = field(default_factory=list)


class Client(Peer):
    """A client's end."""

    async def reply(self, *, is_head: bool = False) -> Reply:
        """Read one answer: its head, and its body by length or chunks."""
        head = await self.head()
        assert head, "the connection ended before an answer"
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = b""
        if not is_head and status not in {204, 304}:
            if headers.get("transfer-encoding") == "chunked":
                body = await self.chunks()
            else:
                body = await self.exactly(int(headers.get("content-length", 0)))
        return Reply(status, headers, body, lines)

    async def ask(self, request: bytes = GET) -> Reply:
        """Send a request and read the answer."""
        self.send(request)
        return await self.reply(is_head=request.startswith(b"HEAD"))

    async def ended(self) -> bool:
        """Wait for the end; tell whether nothing came before it."""
        return await self.rest() == b""


Script = Callable[["Peer"], Awaitable[object]]


@dataclass
class Upstream:
    """A server that follows a script on each connection."""

    port: int
    heads: list[bytes] = field(default_factory=list)
    """Every head a script of `answering` read."""
    connections: int = 0

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens, as the model has it."""
        return Endpoint("127.0.0.1", self.port)


@asynccontextmanager
async def upstream(script: Script | bytes = OK, port: int = 0) -> AsyncIterator[Upstream]:
    """Run a server; bytes stand for the script that answers every bodiless request with them."""
    made = Upstream(port)
    peers: set[Peer] = set()
    follow = answering(script, made) if isinstance(script, bytes) else script

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        peers.add(peer)
        made.connections += 1
        try:
            await follow(peer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            peers.discard(peer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 20)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for peer in list(peers):
            peer.reset()


def answering(answer: bytes, seen: Upstream | None = None) -> Script:
    """Return the script that answers every bodiless request with the same bytes."""

    async def follow(peer: Peer) -> None:
        while head := await peer.head():
            if seen is not None:
                seen.heads.append(head)
            peer.send(answer)

    return follow


def playing(*answers: bytes | None) -> Script:
    """Return the script that answers the requests of one connection in turn and closes; None resets it."""

    async def follow(peer: Peer) -> None:
        for answer in answers:
            if not await peer.head():
                return
            if answer is None:
                peer.reset()
                return
            peer.send(answer)
        await peer.writer.drain()

    return follow


# -- models ----------------------------------------------------------------------------------------


def prefix(text: str = "/") -> RouteMatch:
    """Match a path by its prefix."""
    return RouteMatch(PathMatcher(PathKind.PREFIX, text))


def to(cluster: str = "echo", path: str = "/", **options: object) -> Route:
    """Forward a prefix to a cluster."""
    return Route((prefix(path),), ForwardAction(Destination(cluster), **options))  # type: ignore[arg-type]


def direct(path: str = "/", status: int = 200, body: str = "direct") -> Route:
    """Answer a prefix directly."""
    return Route((prefix(path),), DirectResponseAction(status, body))


def cluster(*endpoints: Endpoint, name: str = "echo", **options: object) -> Cluster:
    """A static cluster."""
    return Cluster(name, ClusterType.STATIC, endpoints, **options)  # type: ignore[arg-type]


def model(routes: Sequence[Route], clusters: Sequence[Cluster] = (), **options: object) -> Model:
    """One virtual host for every domain."""
    return Model((VirtualHost("any", ("*",), tuple(routes), **options),), tuple(clusters))  # type: ignore[arg-type]


def with_options(served: Model, **options: object) -> Model:
    """The same model, its plain listener with other options."""
    return replace(served, listeners=(replace(PLAIN_LISTENER, options=ListenerOptions(**options)),))  # type: ignore[arg-type]


# -- the worker ------------------------------------------------------------------------------------


class Gateway:
    """A worker on this loop, listening."""

    def __init__(self, worker: Worker, port: int) -> None:
        self.worker = worker
        self.port = port
        self.update = NOTHING
        self.clients: list[Client] = []

    @property
    def listener(self) -> ActiveListener:
        """The plain listener."""
        return self.worker.listeners[PLAIN_LISTENER.name]

    def serve(self, served: Model, assignments: Mapping[str, tuple[Endpoint, ...]] | None = None) -> None:
        """Swap a model in, as an update from the parent does."""
        new = Update(self.update.version + 1, served, dict(assignments or {}))
        self.worker.swap(self.worker.compiler.snapshot(delta(self.update, new)))
        self.update = new

    async def client(self, **options: int) -> Client:
        """Open a connection."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20, **options))
        self.clients.append(client)
        return client


@asynccontextmanager
async def gateway(served: Model | None = None, seed: int = 7) -> AsyncIterator[Gateway]:
    """Run a worker; on the way out nothing may be left under way."""
    loop = asyncio.get_running_loop()
    failures: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _loop, context: failures.append(context))
    worker = Worker(Random(seed), loop.time, time.time)
    server = await loop.create_server(lambda: worker.accept(worker.listeners[PLAIN_LISTENER.name]), "127.0.0.1", 0)
    stop = worker_process._every(worker_process.SWEEP, worker.sweep)
    made = Gateway(worker, server.sockets[0].getsockname()[1])
    try:
        made.serve(served if served is not None else Model())
        yield made
    finally:
        server.close()
        for client in made.clients:
            client.reset()
        try:
            await until(lambda: not worker.connections, "connections of clients that are gone stay open")
        finally:
            stop()
            worker.abort()
            made.serve(Model())
    assert not worker.active, "exchanges of clients that are gone stay under way"
    assert not failures, failures


@asynccontextmanager
async def forwarding(script: Script | bytes = OK, **options: Any) -> AsyncIterator[tuple[Gateway, Upstream]]:
    """Run a worker that forwards everything to one upstream."""
    async with upstream(script) as up, gateway(model([to(**options)], [cluster(up.endpoint)])) as made:
        yield made, up


def counted(worker: Worker) -> Mapping[StatKey, Counts]:
    """Return what a worker counted since it was last asked."""
    tally, named = Tally(), Named()
    worker.ledger.forget_numbers()
    for growth in worker.ledger.news():
        tally.take(growth, named)
    return {key: total([counts]) for key, counts in tally.counts.items()}


async def until(condition: Callable[[], object], message: str) -> None:
    """Wait for a condition, with a deadline."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110  # what is waited for has no event
                await asyncio.sleep(0.002)
    assert condition(), message


async def one_at_a_time(peer: Peer, data: bytes) -> None:
    """Send each byte in a segment of its own."""
    for at in range(len(data)):
        peer.send(data[at : at + 1])
        await asyncio.sleep(0)


def body_of(size: int) -> Iterator[bytes]:
    """Yield a body that does not repeat, in pieces."""
    piece = bytes(range(256)) * 256
    for _ in range(size // len(piece)):
        yield piece
