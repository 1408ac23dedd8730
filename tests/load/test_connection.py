from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from edgesim.load.answers import learner
from edgesim.load.connection import Connection, Prepared
from edgesim.load.recording import Recorder
from edgesim.load.scenario import By, Destination
from edgesim.telemetry import slots
from tests.load.servers import ok


class OneAtATime:
    """An engine that sends nothing by itself, and notes what it is told."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.learn = learner(Destination(By.HEADER, "x-version"))
        self.freed = asyncio.Event()
        self.closed = asyncio.Event()

    def free(self, _connection: Connection) -> None:
        self.freed.set()

    def gone(self, _connection: Connection) -> None:
        self.closed.set()


@asynccontextmanager
async def connected(left: int = 0) -> AsyncIterator[tuple[OneAtATime, Connection, socket.socket]]:
    """Yield a connection, its engine, and the server's end, which nobody reads but the test."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    engine = OneAtATime()
    make = partial(Connection, engine, ours, left, secure=False)
    _, connection = await asyncio.get_running_loop().create_connection(make, sock=ours)
    try:
        yield engine, connection, theirs
    finally:
        theirs.close()
        connection.close()
        await engine.closed.wait()


def request(data: bytes = b"GET / HTTP/1.1\r\n\r\n") -> Prepared:
    return Prepared(0, "get", data, head=False, measured=True)


async def received(theirs: socket.socket, many: int) -> bytes:
    """Read so many bytes at the server's end."""
    loop, got = asyncio.get_running_loop(), b""
    while len(got) < many:
        got += await loop.sock_recv(theirs, 1 << 20)
    return got


async def answered(engine: OneAtATime, theirs: socket.socket, data: bytes) -> None:
    engine.freed.clear()
    await asyncio.get_running_loop().sock_sendall(theirs, data)
    await engine.freed.wait()


async def test_a_request_the_system_takes_in_parts() -> None:
    """What does not fit into the send buffer follows when there is room, and it is counted that there was none."""
    async with connected() as (engine, connection, theirs):
        large = request(b"x" * (4 << 20))
        connection.send(large, large.data, 0)
        assert engine.recorder.blocked == 1
        assert await received(theirs, len(large.data)) == large.data
        await answered(engine, theirs, ok())


async def test_a_request_the_system_takes_not_at_all() -> None:
    """With a full send buffer a request waits its turn behind what is in it."""
    async with connected() as (engine, connection, theirs):
        before = 0
        try:
            while True:
                before += connection._socket.send(b"y" * 65536)
        except BlockingIOError:
            pass
        one = request()
        connection.send(one, one.data, 0)
        assert engine.recorder.blocked == 1
        assert (await received(theirs, before + len(one.data))).endswith(one.data)
        await answered(engine, theirs, ok())


async def test_a_request_on_a_connection_that_just_broke() -> None:
    """It is a reset, told once the event loop comes to it."""
    async with connected() as (engine, connection, theirs):
        theirs.close()
        one = request()
        connection.send(one, one.data, 0)
        await engine.closed.wait()
        (grown,) = engine.recorder.taken()
        assert (grown.status, grown.error, slots.count(grown.latency)) == (0, "reset", 1)


async def test_an_answer_that_is_known_is_not_read_again() -> None:
    """The same bytes count as before; a byte's difference is read, and may be of another destination."""
    async with connected() as (engine, connection, theirs):
        one = request()
        for version in ("v1", "v1", "v2", "v1"):
            connection.send(one, one.data, 0)
            await answered(engine, theirs, ok(b"", f"x-version: {version}"))
        assert len(one.known) == 2
        assert {each.destination: slots.count(each.latency) for each in engine.recorder.taken()} == {"v1": 3, "v2": 1}
        assert engine.recorder.taken() == []


async def test_known_answers_are_few_and_short() -> None:
    """Where all answers differ only some are remembered, and long ones never."""
    async with connected() as (engine, connection, theirs):
        one = request()
        for number in range(600):
            connection.send(one, one.data, 0)
            await answered(engine, theirs, ok(f"{number}".encode()))
        assert len(one.known) < 600
        before = len(one.known)
        connection.send(one, one.data, 0)
        await answered(engine, theirs, ok(b"z" * 10_000))
        assert len(one.known) == before


async def test_what_nobody_asked_for_closes_an_idle_connection() -> None:
    """A 408 on an idle connection is no answer to anything."""
    async with connected() as (engine, connection, theirs):
        await asyncio.get_running_loop().sock_sendall(theirs, ok(status="408 Request Timeout"))
        await engine.closed.wait()
        assert connection.closed
        assert engine.recorder.taken() == []


async def test_a_connection_for_three_requests() -> None:
    """After so many it is closed."""
    async with connected(left=3) as (engine, connection, theirs):
        one = request()
        for _ in range(2):
            connection.send(one, one.data, 0)
            await answered(engine, theirs, ok())
        connection.send(one, one.data, 0)
        await asyncio.get_running_loop().sock_sendall(theirs, ok())
        await engine.closed.wait()
        assert sum(slots.count(each.latency) for each in engine.recorder.taken()) == 3
