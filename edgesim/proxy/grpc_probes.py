"""Health checks by gRPC: one call of `grpc.health.v1.Health/Check` after the other, over HTTP/2.

As Envoy's: HTTP/2 is spoken from the first byte on, whatever TLS agreed on (only `alpnProtocols` of the upstream are
offered), a call that was begun when the connection went is not repeated, and a timeout ends the call alone.
Source: envoy/source/extensions/health_checkers/grpc.
"""

from __future__ import annotations

import asyncio
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, ResponseReceived, StreamReset, TrailersReceived
from h2.exceptions import H2Error

from edgesim.http1.fields import Fields
from edgesim.model import GrpcCheck
from edgesim.policies.grpc_health import CHECK, CONTENT_TYPE, Judgement, check_request, timeout_value
from edgesim.policies.health_checks import Outcome
from edgesim.policies.http2_frames import goodbye_of, take_frames
from edgesim.proxy.pools import Pool, dial


class GrpcProber:
    """Calls over one connection that is kept, or over one for each call."""

    def __init__(self, pool: Pool, check: GrpcCheck, cluster: str, longest: float, *, keep: bool) -> None:
        """Take the endpoint, what is asked, the cluster's name, and the seconds a call may take."""
        self._pool = pool
        self._fields = fields_of(check, cluster, longest, secure=pool.tls is not None)
        self._message = check_request(check.service)
        self._keep = keep
        self._connection: _Connection | None = None

    async def ask(self) -> Outcome:
        """Make one call."""
        try:
            connection = await self._connect()
        except (OSError, ValueError, OverflowError):
            return Outcome.LOST
        try:
            return await connection.call(self._fields, self._message)
        finally:
            if not self._keep or connection.is_leaving:
                self.close()

    async def _connect(self) -> _Connection:
        if self._connection is None or self._connection.is_closed:
            _, self._connection = await dial(self._pool, _Connection)
        return self._connection

    def close(self) -> None:
        """Close the connection that is kept."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()


def fields_of(check: GrpcCheck, cluster: str, longest: float, *, secure: bool) -> Fields:
    """Return the head of a call as Envoy sends it."""
    return [
        (b":method", b"POST"),
        (b":scheme", b"https" if secure else b"http"),
        (b":path", CHECK),
        (b":authority", (check.authority or cluster).encode()),
        (b"te", b"trailers"),
        (b"grpc-timeout", timeout_value(longest)),
        (b"content-type", CONTENT_TYPE),
        (b"user-agent", b"Envoy/HC"),
    ]


class _Connection(asyncio.Protocol):
    """One connection, with one call at a time."""

    def __init__(self) -> None:
        self.is_closed = self.is_leaving = False
        """Whether it is gone, and whether the other side takes no more calls."""
        self._http2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._received = bytearray()
        self._stream: int | None = None
        """The stream of the call under way."""
        self._judgement = Judgement()
        self._outcome: asyncio.Future[Outcome]

    async def call(self, fields: Fields, message: bytes) -> Outcome:
        """Make a call; where it is given up, its stream is reset."""
        self._outcome = asyncio.get_running_loop().create_future()
        self._judgement = Judgement()
        try:
            self._send(fields, message)
            return await self._outcome
        except H2Error:  # more streams, or more bytes, than the other side takes
            self.abort()
            return Outcome.LOST
        finally:
            self._reset()

    def _send(self, fields: Fields, message: bytes) -> None:
        stream = self._http2.get_next_available_stream_id()
        self._http2.send_headers(stream, fields)
        self._stream = stream
        self._http2.send_data(stream, message, end_stream=True)
        self._flush()

    def _reset(self) -> None:
        """End the stream of a call that has no end yet."""
        stream, self._stream = self._stream, None
        if stream is not None and not self.is_closed:
            self._http2.reset_stream(stream, ErrorCodes.CANCEL)
            self._flush()

    def abort(self) -> None:
        """Cut the connection."""
        self.is_closed = True
        self._transport.abort()

    def _flush(self) -> None:
        self._transport.write(self._http2.data_to_send())

    # --- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with the preface."""
        self._transport = cast("asyncio.Transport", transport)
        self._http2.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Lose the call under way."""
        del exc
        self.is_closed = True
        self._end(Outcome.LOST, is_over=True)

    def data_received(self, data: bytes) -> None:
        """Take frames."""
        self._received += data
        try:
            for frame in take_frames(self._received):
                self._take(frame)
                if self.is_closed:
                    return
        except (H2Error, ValueError):
            self._flush()  # which says what was wrong
            self.abort()
            self._end(Outcome.LOST, is_over=True)
        else:
            self._flush()

    # --- the answer ---------------------------------------------------------------------------

    def _take(self, frame: bytes) -> None:
        """Take a frame. Of a GOAWAY h2 is not told."""
        error = goodbye_of(frame)
        if error is not None:
            self._leave(error)
            return
        for event in self._http2.receive_data(frame):
            if isinstance(event, DataReceived) and event.flow_controlled_length:
                self._http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if self._stream is not None and getattr(event, "stream_id", None) == self._stream:
                self._judge(event)

    def _leave(self, error: int) -> None:
        """Begin no more calls; one under way is still answered, but for an error."""
        self.is_leaving = True
        if error or self._stream is None:
            self.abort()
            self._end(Outcome.LOST, is_over=True)

    def _judge(self, event: Event) -> None:
        if isinstance(event, StreamReset):
            self._end(Outcome.LOST, is_over=True)
        elif isinstance(event, TrailersReceived):
            self._end(self._judgement.trailers(event.headers), is_over=True)
        elif isinstance(event, ResponseReceived):
            ends = event.stream_ended is not None
            self._end(self._judgement.head(event.headers, ends=ends), is_over=ends)
        elif isinstance(event, DataReceived):
            ends = event.stream_ended is not None
            self._end(self._judgement.data(event.data, ends=ends), is_over=ends)

    def _end(self, outcome: Outcome | None, *, is_over: bool) -> None:
        """Tell how the call ended, if it did; unless its stream is over, that ends with it."""
        if outcome is None or self._stream is None:
            return
        if is_over:
            self._stream = None
        self._reset()
        if not self._outcome.done():
            self._outcome.set_result(outcome)
