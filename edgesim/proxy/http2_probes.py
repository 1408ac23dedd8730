"""Health checks over HTTP/2: one request after the other, gRPC's calls among them.

As Envoy's: HTTP/2 is spoken from the first byte on, whatever TLS agreed on (only `alpnProtocols` of the upstream are
offered), and what was under way when the connection went is not repeated. A timeout ends a call alone, and else the
connection. Source: envoy/source/extensions/health_checkers/{grpc,http}.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, ResponseReceived, StreamReset, TrailersReceived
from h2.exceptions import H2Error

from edgesim.http1.fields import Fields
from edgesim.model import GrpcCheck, HttpCheck
from edgesim.policies.grpc_health import CHECK, CONTENT_TYPE, CallJudgement, check_request, timeout_value
from edgesim.policies.health_checks import AGENT, Judgement, Outcome, StatusJudgement
from edgesim.policies.http2_frames import goodbye_of, take_frames
from edgesim.proxy.dialing import dial
from edgesim.proxy.pools import Pool
from edgesim.proxy.probes import fields_of


def grpc_prober(pool: Pool, check: GrpcCheck, cluster: str, longest: float, *, keep: bool) -> Http2Prober:
    """Return what calls an endpoint; `longest` are the seconds a call may take."""
    fields = call_of(check, cluster, longest, secure=pool.tls is not None)
    return Http2Prober(pool, fields, check_request(check.service), CallJudgement, keep=keep, outlives_timeouts=True)


def http_prober(pool: Pool, check: HttpCheck, cluster: str, *, keep: bool) -> Http2Prober:
    """Return what asks an endpoint by HTTP/2."""
    fields = request_of(check, cluster, secure=pool.tls is not None)
    return Http2Prober(pool, fields, b"", lambda: StatusJudgement(check.expected), keep=keep, outlives_timeouts=False)


def call_of(check: GrpcCheck, cluster: str, longest: float, *, secure: bool) -> Fields:
    """Return the head of a call as Envoy sends it."""
    return [
        (b":method", b"POST"),
        (b":scheme", b"https" if secure else b"http"),
        (b":path", CHECK),
        (b":authority", (check.authority or cluster).encode()),
        (b"te", b"trailers"),
        (b"grpc-timeout", timeout_value(longest)),
        (b"content-type", CONTENT_TYPE),
        (b"user-agent", AGENT),
    ]


def request_of(check: HttpCheck, cluster: str, *, secure: bool) -> Fields:
    """Return a request's head as Envoy sends it."""
    changed = fields_of(check, cluster, [])
    return [
        (b":method", check.method.encode()),
        (b":scheme", b"https" if secure else b"http"),
        (b":path", check.path.encode()),
        (b":authority", dict(changed).get(b"host", b"")),
        *(each for each in changed if each[0] != b"host"),
    ]


class Http2Prober:
    """Asks over one connection that is kept, or over one for each check."""

    def __init__(
        self,
        pool: Pool,
        fields: Fields,
        body: bytes,
        judge: Callable[[], Judgement],
        *,
        keep: bool,
        outlives_timeouts: bool,
    ) -> None:
        """Take the endpoint, what it is sent, what judges the answers, and which connections are kept."""
        self._pool = pool
        self._fields = fields
        self._body = body
        self._judge = judge
        self._keep = keep
        self._outlives_timeouts = outlives_timeouts
        self._connection: _Connection | None = None

    async def ask(self) -> Outcome:
        """Make one check."""
        try:
            connection = await self._connect()
        except (OSError, ValueError, OverflowError):
            return Outcome.LOST
        keeps = self._keep and self._outlives_timeouts
        try:
            outcome = await connection.ask(self._fields, self._body, self._judge())
            keeps = self._keep
            return outcome
        finally:
            if not keeps or connection.is_leaving:
                self.close()

    async def _connect(self) -> _Connection:
        if self._connection is None or self._connection.is_closed:
            _, self._connection = await dial(self._pool.address, self._pool.port, self._pool.tls, _Connection)
        return self._connection

    def close(self) -> None:
        """Close the connection that is kept."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()


class _Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self) -> None:
        self.is_closed = self.is_leaving = False
        """Whether it is gone, and whether the other side takes no more requests."""
        self._http2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._received = bytearray()
        self._stream: int | None = None
        """The stream of the request under way."""
        self._judgement: Judgement
        self._outcome: asyncio.Future[Outcome]

    async def ask(self, fields: Fields, body: bytes, judgement: Judgement) -> Outcome:
        """Send a request, and wait for its judgement; where it is given up, its stream is reset."""
        self._outcome = asyncio.get_running_loop().create_future()
        self._judgement = judgement
        try:
            self._send(fields, body)
            return await self._outcome
        except H2Error:  # more streams, or more bytes, than the other side takes
            self.abort()
            return Outcome.LOST
        finally:
            self._reset()

    def _send(self, fields: Fields, body: bytes) -> None:
        stream = self._http2.get_next_available_stream_id()
        self._http2.send_headers(stream, fields, end_stream=not body)
        self._stream = stream
        if body:
            self._http2.send_data(stream, body, end_stream=True)
        self._flush()

    def _reset(self) -> None:
        """End the stream of a request that has no end yet."""
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
        """Lose the request under way."""
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
        """Begin no more requests; one under way is still answered, but for an error."""
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
        """Tell how the request ended, if it did; unless its stream is over, that ends with it."""
        if outcome is None or self._stream is None:
            return
        if is_over:
            self._stream = None
        self._reset()
        if not self._outcome.done():
            self._outcome.set_result(outcome)
