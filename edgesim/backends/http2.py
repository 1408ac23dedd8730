"""One pod's connection over HTTP/2 with prior knowledge (RFC 9113, section 3.3): what real Envoy speaks to gRPC upstreams.

Each stream is a request that the pod answers as any other. Plain and small: nothing is measured through it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error

from edgesim.backends.answers import Answer, Request
from edgesim.backends.grpc_service import GRPC, GrpcService
from edgesim.backends.server import PodServer
from edgesim.http1.replies import BODILESS
from edgesim.policies.grpc_health import is_grpc
from edgesim.policies.http2_frames import PREFACE, goodbye, take_frames

_SOON: Final = goodbye(2**31 - 1)
"""A GOAWAY that refuses nothing yet: requests on their way are served (RFC 9113, section 6.8)."""
_STATUS_OK: Final = ((b"grpc-status", b"0"),)

Fields = list[tuple[bytes, bytes]]


def behind_preface(data: bytes) -> bytes | None:
    """Return what follows the preface, of which only the end may be in these bytes; None without it."""
    for begin in range(len(PREFACE)):
        if data.startswith(PREFACE[begin:]):
            return data[len(PREFACE) - begin :]
    return None


@dataclass(slots=True)
class _Stream:
    """A request, and what of its answer is not sent yet."""

    fields: Fields
    began: float
    size: int = 0
    timer: asyncio.TimerHandle | None = None
    unsent: bytes = b""
    trailers: Fields = field(default_factory=list)


class Http2Protocol(asyncio.Protocol):
    """A connection whose streams are answered side by side, each when its scripted latency is over."""

    def __init__(self, pod: PodServer, transport: asyncio.Transport, peer: str) -> None:
        """Take over a connection on which the preface came."""
        self._pod = pod
        self._transport = transport
        self._peer = peer
        self._grpc = GrpcService(pod.is_ready)
        self._streams: dict[int, _Stream] = {}
        self._received = bytearray()
        self._parting = b""
        self._has_told = self._closing = False
        self._http2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._http2.initiate_connection()
        self._http2.receive_data(PREFACE)
        pod.joined(self)

    # --- asyncio.Protocol ---------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take frames; what is no HTTP/2 ends the connection, with the reason in a GOAWAY."""
        try:
            self._read(data)
        except ValueError:
            self._fail(ErrorCodes.FRAME_SIZE_ERROR)
        except H2Error:
            self._fail()
        else:
            self._flush()

    def _read(self, data: bytes) -> None:
        self._received += data
        for frame in take_frames(self._received):
            for event in self._http2.receive_data(frame):
                self._take(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the pod's connections; delayed answers have nobody to go to."""
        del exc
        self._drop()
        self._pod.left(self)

    def pause_writing(self) -> None:
        """Read no more requests while their answers are not taken."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    # --- requests -----------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._streams[event.stream_id] = _Stream(list(event.headers), self._pod.moment())
        elif isinstance(event, DataReceived):
            self._count(event)
        elif isinstance(event, StreamEnded):
            self._answer(event.stream_id)
        elif isinstance(event, StreamReset):
            self._forget(event.stream_id)
        elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
            for stream in [*self._streams]:
                self._push(stream)
        elif isinstance(event, ConnectionTerminated):
            self._closing = True
            self._drop()

    def _count(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            stream.size += len(event.data)
        if event.flow_controlled_length:
            self._http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def _answer(self, number: int) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        request = request_of(stream.fields, stream.size, stream.began)
        called = is_grpc(dict(request.headers).get(b"content-type", b""))
        delay, answer = self._pod.scripted(request, self._grpc if called else self._pod.answers)
        if delay > 0:
            stream.timer = asyncio.get_running_loop().call_later(delay, self._late, number, request, answer)
        else:
            self._finish(number, request, answer)

    def _late(self, number: int, request: Request, answer: Answer) -> None:
        try:
            self._finish(number, request, answer)
        except H2Error:
            self._fail()
        else:
            self._flush()

    # --- answers ------------------------------------------------------------------------------

    def _finish(self, number: int, request: Request, answer: Answer) -> None:
        stream = self._streams[number]
        stream.timer = None
        self._pod.served += 1
        self._pod.note(request, answer, self._peer)
        bare = request.method == b"HEAD" or answer.status in BODILESS
        stream.unsent = b"" if bare else answer.body
        stream.trailers = list(_STATUS_OK) if answer.fields is GRPC else []
        fields = [(b":status", b"%d" % answer.status), *_fields_of(answer), *self._lines(answer)]
        self._http2.send_headers(number, fields, end_stream=not stream.unsent)
        if stream.unsent:
            self._push(number)
        else:
            self._forget(number)
        if self._pod.draining and not self._has_told:
            self._has_told, self._parting = True, _SOON

    def _lines(self, answer: Answer) -> Fields:
        date = (b"date", self._pod.date()[len(b"Date: ") : -2])
        if answer.status in BODILESS or answer.fields.startswith(GRPC):
            return [date]
        return [date, (b"content-length", b"%d" % len(answer.body))]

    def _push(self, number: int) -> None:
        """Send what the client has room for."""
        stream = self._streams[number]
        while stream.unsent:
            room = min(self._http2.local_flow_control_window(number), self._http2.max_outbound_frame_size)
            if room <= 0:
                return
            piece, stream.unsent = stream.unsent[:room], stream.unsent[room:]
            is_last = not stream.unsent
            self._http2.send_data(number, piece, end_stream=is_last and not stream.trailers)
            if is_last:
                if stream.trailers:
                    self._http2.send_headers(number, stream.trailers, end_stream=True)
                self._forget(number)

    def _flush(self) -> None:
        """Send what was written; where the pod goes and all is answered, close."""
        if self._transport.is_closing():
            return
        ends = self._closing and not self._streams
        if ends:
            self._http2.close_connection()
        self._transport.write(self._http2.data_to_send() + (b"" if ends else self._parting))
        self._parting = b""
        if ends:
            self._transport.close()

    # --- the end ------------------------------------------------------------------------------

    def _fail(self, error: ErrorCodes | None = None) -> None:
        """Close a connection that is no HTTP/2, and say why, where h2 did not."""
        self._drop()
        if error is not None:
            self._http2.close_connection(error)
        if not self._transport.is_closing():
            self._transport.write(self._http2.data_to_send())
            self._transport.close()

    def _forget(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None and stream.timer is not None:
            stream.timer.cancel()

    def _drop(self) -> None:
        for number in [*self._streams]:
            self._forget(number)

    def close_if_idle(self) -> None:
        """Close as soon as no request is in progress."""
        self._closing = True
        self._flush()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()


def request_of(fields: Fields, size: int, began: float) -> Request:
    """Return the request of a stream, with its authority as the Host that HTTP/1.1 would have."""
    pseudo = {name: value for name, value in fields if name[:1] == b":"}
    host = pseudo.get(b":authority")
    hosts = [] if host is None else [(b"host", host)]
    others = [each for each in fields if each[0][:1] != b":" and (each[0] != b"host" or host is None)]
    target = pseudo.get(b":path", host or b"")
    return Request(pseudo[b":method"], target, [*hosts, *others], size, "2.0", keep_alive=True, began=began)


def _fields_of(answer: Answer) -> Fields:
    """Return an answer's header lines as fields, with their names in lower case."""
    lines = (line.partition(b": ") for line in answer.fields.split(b"\r\n") if line)
    return [(name.lower(), value) for name, _, value in lines]
