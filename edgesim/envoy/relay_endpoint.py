"""The connection of a relay to its endpoint, and where an answer ends that comes from there."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, cast

import httptools

if TYPE_CHECKING:
    from edgesim.envoy.relay_connection import FromEnvoy

MOST_HELD: Final = 65536
"""Bytes that are kept while they wait; of what is larger no more is read."""
_FINAL = 200


def pause_reading(transport: asyncio.Transport | None) -> None:
    """Read no more of a connection, if there is one."""
    if transport is not None and not transport.is_closing():
        transport.pause_reading()


def resume_reading(transport: asyncio.Transport | None) -> None:
    """Read on."""
    if transport is not None and not transport.is_closing():
        transport.resume_reading()


class Answer:
    """Finds the end of an answer; where it cannot, as with one to HEAD, the next request is it."""

    def __init__(self) -> None:
        """Begin before it."""
        self._ended = False
        self._parser = httptools.HttpResponseParser(self)

    def on_message_complete(self) -> None:
        """Note the end; an interim answer has none."""
        self._ended = self._parser.get_status_code() >= _FINAL

    def ends_with(self, data: bytes) -> bool:
        """Tell whether the answer is whole now."""
        with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser.feed_data(data)
        return self._ended


class ToEndpoint(asyncio.Protocol):
    """The connection to the endpoint. What is written before it is there, waits."""

    def __init__(self, other: FromEnvoy) -> None:
        """Belong to a connection of Envoy's."""
        self._other: FromEnvoy | None = other
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._started = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; whoever connects may not be content with it."""
        self._transport = cast("asyncio.Transport", transport)

    def start(self) -> None:
        """Write what waited."""
        self._started = True
        if self._transport is None:
            return
        if self._other is None:
            self._transport.abort()
            return
        self._other.resume()  # first: what is written now may be too much again
        self._transport.writelines(self._early)
        self._early = []

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self._started and self._transport is not None:
            self._transport.write(data)
            return
        self._early.append(data)
        if self._other is not None and sum(map(len, self._early)) > MOST_HELD:
            self._other.pause()

    def write_eof(self) -> bool:
        """Send the end of this direction; return whether the other goes on."""
        if self._transport is None or not self._transport.can_write_eof():
            return False
        self._transport.write_eof()
        return True

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        if self._other is not None:
            self._other.take(data)

    def eof_received(self) -> bool:
        """Pass the end on."""
        return self._other is not None and self._other.endpoint_ended()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the other."""
        self._transport = None
        other, self._other = self._other, None
        if other is not None:
            other.endpoint_lost(self, reset=exc is not None)

    def leave(self, *, abort: bool) -> None:
        """Close: Envoy's connection is gone."""
        self._other = None
        if self._transport is not None:
            if abort:
                self._transport.abort()
            else:
                self._transport.close()

    def pause(self) -> None:
        """Read no more."""
        pause_reading(self._transport)

    def resume(self) -> None:
        """Read on."""
        resume_reading(self._transport)

    def pause_writing(self) -> None:
        """The endpoint is slow: read no more from Envoy."""
        if self._other is not None:
            self._other.pause()

    def resume_writing(self) -> None:
        """It takes more."""
        if self._other is not None:
            self._other.resume()
