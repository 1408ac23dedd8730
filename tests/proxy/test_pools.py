"""Pools of connections: who gets which, told by what a pool says of itself at each step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from edgesim.model import DEFAULT_CONNECTION, NO_BREAKERS
from edgesim.proxy.breakers import Load
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.pools import Pool, acquire, give, retire
from edgesim.proxy.upstream import UpstreamConnection
from tests.proxy.scenes import DEADLINE, OK, until, upstream

_GET = b"GET / HTTP/1.1\r\nhost: any\r\n\r\n"


class User:
    """Somebody who wants one answer, and notes when it is whole."""

    is_head = False
    request_complete = True
    on_switch = None

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.connection: UpstreamConnection | None = None
        self.has_one, self.answered = asyncio.Event(), asyncio.Event()
        self.failure = ""
        self.wants_connection = False
        connection = acquire(pool, self)
        if connection is not None:
            self.connected(connection)

    def connected(self, connection: UpstreamConnection) -> None:
        self.wants_connection = False
        self.connection = connection
        self.has_one.set()

    def connect_failed(self, reason: str) -> None:
        self.failure = reason
        self.has_one.set()

    def overflowed(self) -> None:
        self.connect_failed("overflow")

    async def ask(self) -> None:
        """Send a request over what was got, and wait for the answer."""
        async with asyncio.timeout(DEADLINE):
            await self.has_one.wait()
            assert self.connection is not None
            assert self.connection.transport is not None
            self.connection.transport.write(_GET)
            await self.answered.wait()

    def flush_response(self) -> None:
        self.answered.set()

    def response_head(self, response: Response, *, bodiless: bool) -> None: ...
    def response_body(self, data: bytes) -> None: ...
    def response_complete(self) -> None: ...
    def upstream_failed(self, reason: str, *, answered: bool, reused: bool) -> None: ...
    def pause_sending(self) -> None: ...
    def resume_sending(self) -> None: ...


@contextmanager
def to_port(port: int) -> Iterator[Pool]:
    load = Load(NO_BREAKERS, lambda: len(pool.busy), asyncio.get_running_loop().time)
    pool = Pool("127.0.0.1", port, DEFAULT_CONNECTION, load, Memory(), UpstreamConnection)
    yield pool
    retire(pool)


@asynccontextmanager
async def pooled() -> AsyncIterator[Pool]:
    """A pool of connections to a server that answers every request."""
    async with upstream(OK) as up:
        with to_port(up.port) as pool:
            yield pool


def told(pool: Pool) -> str:
    """Return what a pool says of itself, without its address."""
    return repr(pool).split(": ", 1)[1]


async def test_the_youngest_idle_connection_is_handed_out() -> None:
    """A pool opens as many as are wanted at a time, and gives out the one that became free last."""
    async with pooled() as pool:
        first, second = User(pool), User(pool)
        assert told(pool) == "0 idle, 0 busy, 2 connecting; 2 waiting>"
        await first.ask()
        await second.ask()
        assert told(pool) == "2 idle, 0 busy, 0 connecting; 0 waiting>"
        assert User(pool).connection is second.connection
        assert User(pool).connection is first.connection
        assert told(pool) == "0 idle, 2 busy, 0 connecting; 0 waiting>"


async def test_a_free_connection_goes_to_who_waits_longest() -> None:
    """It goes before the new ones are there, which are kept then; who wants none any more is passed over."""
    async with pooled() as pool:
        await User(pool).ask()
        freed = User(pool).connection
        assert freed is not None
        gone, longest = User(pool), User(pool)
        gone.wants_connection = False
        assert told(pool) == "0 idle, 1 busy, 2 connecting; 1 waiting>"
        give(freed)
        assert longest.connection is freed
        assert told(pool) == "0 idle, 1 busy, 2 connecting; 0 waiting>"
        await until(lambda: not pool.connecting, "no new connection comes")
        assert told(pool) == "2 idle, 1 busy, 0 connecting; 0 waiting>"


async def test_a_retired_pool_keeps_nothing() -> None:
    """What is idle is closed at once, what is busy when it becomes free."""
    async with pooled() as pool:
        first, second = User(pool), User(pool)
        await first.ask()
        async with asyncio.timeout(DEADLINE):
            await second.has_one.wait()
        retire(pool)
        assert told(pool) == "0 idle, 1 busy, 0 connecting; 0 waiting, retired>"
        await second.ask()
        assert told(pool) == "0 idle, 0 busy, 0 connecting; 0 waiting, retired>"


async def test_who_waits_in_vain_is_told_why() -> None:
    """A refused connection fails the one that waited longest."""
    async with upstream(OK) as up:
        port = up.port
    with to_port(port) as pool:
        user = User(pool)
        async with asyncio.timeout(DEADLINE):
            await user.has_one.wait()
        assert (user.connection, user.failure) == (None, "remote connection failure")
        assert told(pool) == "0 idle, 0 busy, 0 connecting; 0 waiting>"
