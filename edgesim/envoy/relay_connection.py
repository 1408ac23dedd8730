"""The two connections of a relay, Envoy's and the one to the endpoint, and what becomes of the requests between them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Protocol, cast

import httptools
from h2.exceptions import H2Error

from edgesim.envoy.relay_endpoint import MOST_HELD, Answer, ToEndpoint, pause_reading, resume_reading
from edgesim.envoy.relay_http2 import Streams
from edgesim.http1.fields import head_bytes
from edgesim.policies.breakage import ERROR_BODY, ERROR_FIELDS, Breakage, Ending, ending
from edgesim.policies.http2_frames import PREFACE
from edgesim.telemetry import spawn

_SWITCHED = b"HTTP/1.1 101"
_ERROR_HEAD = head_bytes(b"HTTP/1.1 500 Internal Server Error", ERROR_FIELDS)
_RESET = struct.pack("ii", 1, 0)


class Owner(Protocol):
    """The relay: how it is broken now, and the way to its endpoint."""

    breakage: Breakage
    draw: Callable[[], int]

    @property
    def http2(self) -> bool:
        """Whether Envoy speaks HTTP/2 to the endpoint, but for health checks over HTTP/1.1."""

    def came(self, connection: FromEnvoy) -> None:
        """Count a connection."""

    def went(self, connection: FromEnvoy) -> None:
        """Count it no more."""

    def connect(self, make: Callable[[], asyncio.Protocol], *, http2: bool) -> Awaitable[None]:
        """Connect to the endpoint. Raises OSError or ValueError."""


class _Stage(Enum):
    """How far a request is: its head is not whole yet, it waits, passes, or is thrown away."""

    HEAD = auto()
    WAITS = auto()
    PASSES = auto()
    LOST = auto()


class FromEnvoy(asyncio.Protocol):
    """A connection of Envoy's, on which one request follows the other."""

    def __init__(self, owner: Owner) -> None:
        """Belong to a relay."""
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._endpoint: ToEndpoint | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._stage = _Stage.HEAD
        self._held: list[bytes] = []
        self._end = Ending.PASS
        self._complete = False
        """Whether all of the request is there."""
        self._raw = False
        """Whether what comes is no HTTP/1.1, or no more."""
        self._switches = False
        """Whether the request asks for another protocol, and is not answered yet."""
        self._timer: asyncio.TimerHandle | None = None
        self._answer: Answer | None = None
        """What is still to come from the endpoint."""
        self._first: bytes | None = b""
        """What came until it was clear what is spoken."""
        self._streams: Streams | None = None
        """The requests, where that is HTTP/2."""

    # -- the connection ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the endpoint, too, unless nothing is to reach it: it may be the one that speaks first."""
        self._transport = cast("asyncio.Transport", transport)
        self._owner.came(self)
        how = self._owner.breakage
        if not (self._owner.http2 or how.hang or how.reset or how.kill or how.error_rate >= 1):
            self._connected()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other connection likewise."""
        self._transport = None
        self._owner.went(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._streams is not None:
            self._streams.close()
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.leave(abort=exc is not None)

    def eof_received(self) -> bool:
        """Pass the end of a tunnel's one direction on; of HTTP it is the end of all."""
        if not self._raw or self._endpoint is None or self._stage is not _Stage.PASSES:
            return False
        return self._endpoint.write_eof()

    def pause_writing(self) -> None:
        """Envoy is slow: read no more from the endpoint."""
        if self._endpoint is not None:
            self._endpoint.pause()

    def resume_writing(self) -> None:
        """Envoy takes more."""
        if self._endpoint is not None:
            self._endpoint.resume()

    def pause(self) -> None:
        """Read no more from Envoy."""
        pause_reading(self._transport)

    def resume(self) -> None:
        """Read on."""
        resume_reading(self._transport)

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        if self._streams is not None:
            return self._streams.busy
        return self._stage is not _Stage.HEAD or bool(self._held) or self._answer is not None

    def end_if_idle(self) -> None:
        """Close where no request is under way; with HTTP/2 Envoy is told to send no more of them."""
        if not self.busy and self._transport is not None:
            self._transport.close()
        elif self._streams is not None:
            self._streams.leave()

    def reset(self) -> None:
        """Close with a reset, as an endpoint that breaks down."""
        if self._transport is not None:
            sock = cast("socket.socket | None", self._transport.get_extra_info("socket"))
            if sock is not None and not self._transport.is_closing():
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    # -- requests ------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Look where the request is, and do with it what was decided."""
        if self._first is not None:
            data = self._recognized(self._first + data)
        if self._streams is not None:
            self._take_frames(self._streams.from_envoy, data)
        elif data:
            self._take_request(data)

    def _recognized(self, begun: bytes) -> bytes:
        """Find what is spoken; return what is to be taken so, nothing while that is not clear."""
        if len(begun) < len(PREFACE) and PREFACE.startswith(begun):
            self._first = begun
            return b""
        self._first = None
        if not begun.startswith(PREFACE):
            return begun
        self._stage = _Stage.PASSES
        self._streams = Streams(self._write, self._forward, self._owner.draw)
        return begun[len(PREFACE) :]

    def _take_request(self, data: bytes) -> None:
        if not self._raw:
            self._parse(data)
        if self._stage is _Stage.PASSES:
            self._forward(data)
        elif self._stage is not _Stage.LOST:
            self._held.append(data)
        self._go_on()
        self._limit()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _take_frames(self, take: Callable[[bytes], None], data: bytes) -> None:
        if self._streams is not None:
            self._streams.breakage = self._owner.breakage
        try:
            take(data)
        except (H2Error, ValueError):
            self.reset()

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._raw = self._switches = self._complete = True
        except httptools.HttpParserError:
            self._raw = True
            if self._stage is _Stage.HEAD:
                self._begin()

    def on_headers_complete(self) -> None:
        """Decide what becomes of a request."""
        if self._stage is _Stage.HEAD:
            self._begin()

    def on_message_complete(self) -> None:
        """Note that no more of it comes."""
        self._complete = True

    def _begin(self) -> None:
        how = self._owner.breakage
        self._end = ending(how, self._owner.draw())
        self._stage = _Stage.WAITS
        if how.latency:
            self._timer = asyncio.get_running_loop().call_later(how.latency, self._waited)

    def _waited(self) -> None:
        self._timer = None
        self.resume()  # first: what is sent on now may be too much again
        self._go_on()

    def _limit(self) -> None:
        if self._stage is _Stage.WAITS and sum(map(len, self._held)) > MOST_HELD:
            self.pause()

    def _go_on(self) -> None:
        """Bring a request as far as it may go now."""
        if self._stage is _Stage.WAITS and self._timer is None:
            self._act()
        if self._stage is _Stage.LOST and self._end is Ending.ERROR and self._complete:
            self._fail()
        if self._stage is _Stage.PASSES and self._complete and not self._raw:
            self._next()

    def _act(self) -> None:
        held, self._held = b"".join(self._held), []
        if self._end is Ending.PASS:
            self._stage, self._answer = _Stage.PASSES, Answer()
            self._forward(held)
            return
        self._stage = _Stage.LOST
        if self._end is not Ending.HANG and (self._end is not Ending.ERROR or (self._raw and not self._switches)):
            self.reset()

    def _fail(self) -> None:
        head = self._parser.get_method() == b"HEAD"
        self._write(_ERROR_HEAD if head else _ERROR_HEAD + ERROR_BODY)
        self._next()

    def _next(self) -> None:
        self._stage, self._complete = _Stage.HEAD, False
        if self._raw:
            self._raw = self._switches = False
            self._parser = httptools.HttpRequestParser(self)

    # -- the endpoint --------------------------------------------------------------------------

    def _connected(self) -> ToEndpoint:
        if self._endpoint is None:
            self._endpoint = ToEndpoint(self)
            _task = spawn(self._connect(self._endpoint), "relay")
        return self._endpoint

    async def _connect(self, endpoint: ToEndpoint) -> None:
        try:
            await self._owner.connect(lambda: endpoint, http2=self._streams is not None)
            endpoint.start()
        except (OSError, ValueError, OverflowError):  # its certificate or server name may be at fault, too
            if endpoint is self._endpoint:
                self.endpoint_lost(endpoint, reset=True)

    def _forward(self, data: bytes) -> None:
        self._connected().write(data)

    def take(self, data: bytes) -> None:
        """Pass on what the endpoint says."""
        if self._streams is not None:
            self._take_frames(self._streams.from_endpoint, data)
            return
        if self._switches:
            self._switches = False
            if not data.startswith(_SWITCHED):
                self._next()
        if self._answer is not None and self._answer.ends_with(data):
            self._answer = None
        self._write(data)

    def endpoint_ended(self) -> bool:
        """Pass an end on; return whether the other direction goes on."""
        if self._transport is None or not self._raw or self._stage is not _Stage.PASSES:
            return False
        self._transport.write_eof()
        return True

    def endpoint_lost(self, endpoint: ToEndpoint, *, reset: bool) -> None:
        """End likewise, unless a request still waits, for which there will be another connection."""
        if endpoint is not self._endpoint:
            return
        self._endpoint = None
        if self._stage in {_Stage.WAITS, _Stage.LOST} or self._transport is None:
            return
        if reset:
            self.reset()
        else:
            self._transport.close()
