"""The data plane between transports of memory: one client, upstreams that answer what is whole.

Sockets are left out so that thousands of examples run in seconds and every cut of the bytes is exact.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any, cast

from edgesim.model import (
    PLAIN_LISTENER,
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    ForwardAction,
    ListenerOptions,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    VirtualHost,
)
from edgesim.proxy.deltas import Delta
from edgesim.proxy.downstream import Downstream
from edgesim.proxy.pools import give
from edgesim.proxy.upstream import UpstreamConnection
from edgesim.proxy.worker import Worker
from tests.differential.wire import AmbiguousError, Message, read_requests

_SPARE = 40
"""Idle connections at hand, so that none has to be made while pipelined requests are served."""
_STEPS = 200
"""More rounds between both sides than any example needs: what takes longer hangs."""


Answer = Callable[[Message], Sequence[bytes]]
"""What an upstream answers to a request, in pieces."""


class Pipe:
    """A transport whose other end is the test: it keeps what is written and how it ended."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.ended = ""
        self.told = False
        self.protocol: Any = None

    def write(self, data: bytes) -> None:
        assert self.ended != "eof", "written behind the end"
        if not self.ended:
            self.written += data

    def write_eof(self) -> None:
        self.ended = self.ended or "eof"

    def close(self) -> None:
        if self.ended in {"", "eof"}:
            self.ended = "close"

    def abort(self) -> None:
        self.ended = "reset"

    def is_closing(self) -> bool:
        return self.ended in {"close", "reset"}

    def is_reading(self) -> bool:
        return True

    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None:
        """Bytes are given in any case: the kernel may have had them."""

    resume_reading = pause_reading

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, _name: str) -> Any:
        return None

    def tell(self) -> None:
        """Report the end once, as a loop does after `close` and `abort`."""
        if self.is_closing() and not self.told:
            self.told = True
            self.protocol.connection_lost(None)


class Machine:
    """A worker whose one route takes everything, and `echo` upgrades."""

    def __init__(self, **options: object) -> None:
        action = ForwardAction(Destination("up"))
        routes = (
            Route(
                (RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), action, policies=Policies(upgrades=(("echo", True),))
            ),
        )
        cluster = Cluster("up", ClusterType.STATIC, (Endpoint("127.0.0.1", 1),))
        listener = ListenerOptions(**options)  # type: ignore[arg-type]
        self.worker = Worker(Random(1), lambda: 1.0, lambda: 1.0)
        plain = replace(PLAIN_LISTENER, options=listener)
        self.worker.swap(
            self.worker.compiler.snapshot(
                Delta(1, (VirtualHost("any", ("*",), routes),), clusters=(cluster,), listeners=(plain,))
            )
        )
        runtime = self.worker.snapshot.clusters["up"]
        self.pool = runtime.pool(runtime.endpoints.every[0])
        self.upstreams: list[tuple[UpstreamConnection, Pipe]] = []
        self.order: list[Message] = []

    def refill(self) -> None:
        """Have fresh idle connections at hand, and forget those of the example before."""
        for connection in list(self.pool.idle):
            connection.close()
        self.pool.idle.clear()
        self.upstreams = []
        for _ in range(_SPARE):
            connection, pipe = UpstreamConnection(self.pool), Pipe()
            pipe.protocol = connection
            connection.connection_made(cast(asyncio.BaseTransport, pipe))
            give(connection)
            self.upstreams.append((connection, pipe))

    def client(self) -> tuple[Downstream, Pipe]:
        connection, pipe = Downstream(self.worker, self.worker.listeners[PLAIN_LISTENER.name]), Pipe()
        pipe.protocol = connection
        connection.connection_made(cast(asyncio.BaseTransport, pipe))
        return connection, pipe

    def play(self, pieces: Sequence[bytes], answer: Answer) -> Played:
        """Send pieces, answering each request that is whole; then the client goes, and nothing may stay.

        Raises AmbiguousError for bytes on either side that have no single meaning.
        """
        self.refill()
        _, pipe = self.client()
        answered: dict[int, int] = {}
        self.order = []
        for piece in pieces:
            if not pipe.is_closing():
                pipe.protocol.data_received(piece)
            self._settle(pipe, answered, answer)
        heard = bytes(pipe.written)
        ended = pipe.ended
        pipe.close()
        self._settle(pipe, answered, answer)
        assert not self.worker.connections, "the client's connection stays"
        assert not self.worker.active, "an exchange stays"
        for index, (_, upstream) in enumerate(self.upstreams):
            self.order += read_requests(bytes(upstream.written))[0][answered.get(index, 0) :]
        return Played(heard, ended, self.order)

    def _settle(self, client: Pipe, answered: dict[int, int], answer: Answer) -> None:
        """Let both sides act until neither has anything to do."""
        for _ in range(_STEPS):
            client.tell()
            if not sum(self._serve(index, answered, answer) for index in range(len(self.upstreams))):
                return
        raise AssertionError("it never comes to rest")

    def _serve(self, index: int, answered: dict[int, int], answer: Answer) -> bool:
        _, pipe = self.upstreams[index]
        pipe.tell()
        if pipe.is_closing() or not pipe.written:
            return False
        try:
            messages = read_requests(bytes(pipe.written))[0]
        except AmbiguousError:
            return False  # `play` looks at all of it again
        done = answered.get(index, 0)
        if done >= len(messages):
            return False
        answered[index] = done + 1
        self.order.append(messages[done])
        for piece in answer(messages[done]):
            if not pipe.is_closing():
                pipe.protocol.data_received(piece)
        return True


@dataclass(frozen=True, slots=True)
class Played:
    """What came of an example; `forwarded` are the whole requests upstreams got, in the order of their answers."""

    heard: bytes
    ended: str
    forwarded: list[Message]


@contextmanager
def running_loop() -> Iterator[None]:
    """Have a loop for what asks for one; it never runs, for nothing here may wait."""
    loop = asyncio.new_event_loop()
    asyncio.events._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio.events._set_running_loop(None)
        loop.close()
