"""A connection of a client process: one request at a time, and the answer to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from edgesim.load.answers import Answer, Learn
from edgesim.load.recording import Known, Recorder, Tally, remember
from edgesim.load.users import User
from edgesim.telemetry.slots import BITS, HALF_BITS, LONGEST
from edgesim.telemetry.sources import nanoseconds

_LARGEST_KNOWN = 8192
"""Bytes: a longer answer is read each time, which costs less than comparing it would."""
_SMALL = 1 << BITS
_NOTHING: Known = {}
"""What is known of the rest of an answer."""


class Prepared:
    """A request as it is sent, and what is known of its answers. There is one for measured requests, and one for others."""

    __slots__ = ("data", "head", "index", "known", "made", "measured", "name")

    def __init__(
        self,
        index: int,
        name: str,
        data: bytes,
        *,
        head: bool,
        measured: bool,
        made: Callable[[], bytes] | None = None,
    ) -> None:
        """Prepare the class of requests with this index.

        `data` is all that goes over the wire; where it has variables, `made` makes it anew for each request.
        """
        self.made = made
        self.index = index
        self.name = name
        self.data = data
        self.head = head
        self.measured = measured
        self.known: Known = {}


class Engine(Protocol):
    """Who decides what a connection does next."""

    recorder: Recorder
    learn: Learn

    def free(self, connection: Connection) -> None:
        """The connection has its answer, and may send another request."""

    def gone(self, connection: Connection) -> None:
        """The connection is closed; it was counted already what became of its request."""


class Connection(asyncio.Protocol):
    """A connection to the server."""

    __slots__ = (
        "_answer",
        "_engine",
        "_put",
        "_socket",
        "_transport",
        "at",
        "busy",
        "closed",
        "intended",
        "known",
        "left",
        "request",
        "user",
    )

    def __init__(self, engine: Engine, sock: socket.socket, left: int, *, secure: bool) -> None:
        """Make what runs on a connected socket; after `left` requests (0: never) it closes."""
        self._engine = engine
        self._socket = sock
        self._put: Callable[[bytes], int | None] = self._write if secure else sock.send
        self._answer: Answer | None = None
        self.left = left
        self.busy = self.closed = False
        """Who holds an idle connection looks whether it is closed."""
        self.known = _NOTHING
        self.at = self.intended = 0
        self.user: User | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102 - asyncio calls it
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: Prepared, data: bytes, intended: int) -> None:
        """Send a request whose time was `intended`; 0 in a closed loop, where it is now."""
        self.request = request
        self.known = request.known
        self.intended = intended
        self.busy = True
        self.at = nanoseconds()
        # Straight to the socket: the event loop would send it at the end of its round only, and count that to the server.
        try:
            sent = self._put(data)
        except OSError as wrong:
            self._send_failed(wrong, data)
        else:
            if sent is not None and sent < len(data):
                self._engine.recorder.blocked += 1
                self._transport.write(data[sent:])

    def _write(self, data: bytes) -> None:
        self._transport.write(data)

    def _send_failed(self, wrong: OSError, data: bytes) -> None:
        if isinstance(wrong, BlockingIOError):
            self._engine.recorder.blocked += 1
            self._transport.write(data)
        else:
            # Told when the loop comes to it: whoever sends must not find the connection gone in the midst of it.
            self._transport.abort()

    def data_received(self, data: bytes) -> None:  # noqa: D102 - asyncio calls it
        # The hot path: an answer that was seen before, byte for byte. `_finish` does the same for others.
        now = nanoseconds()
        tally = self.known.get(data)
        if tally is None:
            self._read(data, now)
            return
        tally.received += len(data)
        value = (now - self.at) // 1000
        if self.intended:
            slot = value if value < _SMALL else _slot(value)
            tally.service[slot] = tally.service.get(slot, 0) + 1
            value = (now - self.intended) // 1000
        slot = value if value < _SMALL else _slot(value)
        latency = tally.latency
        latency[slot] = latency.get(slot, 0) + 1
        self.busy = False
        if self.user is not None and tally.measured:
            self.user.saw(tally.destination)
        if self.left:
            self._count_down()
        else:
            self._engine.free(self)

    def _read(self, data: bytes, now: int) -> None:
        if not self.busy:  # nobody asked: whatever it is, it is no answer
            self.close()
            return
        answer = self._answer
        whole = answer is None
        if answer is None:
            answer = self._answer = Answer(head=self.request.head)
            self.known = _NOTHING
        try:
            answer.feed(data)
        except httptools.HttpParserError:
            self._fail("protocol", now)
            return
        if answer.complete:
            self._finish(answer, now, data if whole and len(data) <= _LARGEST_KNOWN else b"")

    def _finish(self, answer: Answer, now: int, data: bytes) -> None:
        """Count a whole answer; `data` is all of it where the next one like it may be known by that."""
        again = answer.keeps and not answer.surplus
        tally = self._count_answer(answer, now)
        if self._told_user(answer, tally):
            data = b""
        self._answer = None
        if again and data:
            remember(self.request.known, data, tally)
        if not again:
            self.close()
        elif self.left:
            self._count_down()
        else:
            self._engine.free(self)

    def _tally(self, status: int, destination: str, error: str) -> Tally:
        request = self.request
        return self._engine.recorder.tally(request.name, status, destination, error, measured=request.measured)

    def _count(self, tally: Tally, now: int) -> None:
        self.busy = False
        if self.intended:
            slot = _slot((now - self.at) // 1000)
            tally.service[slot] = tally.service.get(slot, 0) + 1
        slot = _slot((now - (self.intended or self.at)) // 1000)
        tally.latency[slot] = tally.latency.get(slot, 0) + 1

    def _count_down(self) -> None:
        self.left -= 1
        if self.left:
            self._engine.free(self)
        else:
            self.close()

    def expire(self) -> None:
        """Give up waiting for the answer."""
        self._fail("timeout", nanoseconds())

    def _fail(self, error: str, now: int) -> None:
        tally = self._tally(0, "", error)
        if self._answer is not None:
            tally.received += self._answer.received
        self._count(tally, now)
        self.close()

    def close(self) -> None:
        """Close; whoever drives is told when it is closed."""
        self.closed = True
        self.known = _NOTHING
        self._transport.abort()

    def eof_received(self) -> None:  # noqa: D102 - asyncio calls it
        self.closed = True  # and it will tell that it is lost when the loop comes to it

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102 - asyncio calls it
        self.closed = True
        if self.busy:
            answer = self._answer
            now = nanoseconds()
            if exc is None and answer is not None and answer.ended():
                self._told_user(answer, self._count_answer(answer, now))
            else:
                self._count(self._tally(0, "", "reset"), now)
        self._socket.close()
        self._engine.gone(self)

    def _count_answer(self, answer: Answer, now: int) -> Tally:
        tally = self._tally(answer.status, self._engine.learn(answer), "")
        tally.received += answer.received
        self._count(tally, now)
        return tally

    def _told_user(self, answer: Answer, tally: Tally) -> bool:
        """Tell the user whose request it was; return whether the answer sets cookies, so that each must be read."""
        if self.user is None:
            return False
        if tally.measured:
            self.user.saw(tally.destination)
        return self.user.take_cookies(answer)


def _slot(value: int) -> int:
    """Return the slot of so many microseconds, as telemetry.slots does."""
    value = min(value, LONGEST)
    shift = value.bit_length() - BITS
    return value if shift <= 0 else (shift << HALF_BITS) + (value >> shift)
