"""A relay's connections over HTTP/2: each stream is a request, and ends there as it is told, or passes.

What passes keeps its fields, its data and where it ends; numbers of streams and windows are each connection's own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    RemoteSettingsChanged,
    RequestReceived,
    ResponseReceived,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import H2Error

from edgesim.policies.breakage import ERROR_BODY, ERROR_FIELDS, ERROR_STATUS, Breakage, Ending, ending
from edgesim.policies.http2_frames import PREFACE, goodbye, goodbye_of, take_frames

_MOST_WAITS: Final = 1 << 24
"""Bytes of requests on a connection that may wait; of one request it is what the window of a stream takes."""
_HEADS: Final = (RequestReceived, ResponseReceived, InformationalResponseReceived, TrailersReceived)
_ANSWER: Final = ((b":status", b"%d" % ERROR_STATUS), *ERROR_FIELDS)

Fields = list[tuple[bytes, bytes]]


class Part(NamedTuple):
    """A piece of a message: fields, or data (`taken` is what it counts of the window it came through)."""

    fields: Fields | None
    data: bytes = b""
    taken: int = 0
    ends: bool = False


@dataclass(slots=True)
class Stream:
    """What is to be sent on a stream, and its number on the other connection."""

    other: int
    unsent: deque[Part] = field(default_factory=deque)
    is_sent: bool = False
    """Whether its end was sent."""


class Half:
    """One of the two connections: its streams, and the bytes that come and go."""

    def __init__(self, *, client: bool, send: Callable[[bytes], None]) -> None:
        """Begin; `send` takes bytes for the wire."""
        self.http2 = H2Connection(
            H2Configuration(
                client_side=client,
                header_encoding=None,
                validate_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_inbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.http2.initiate_connection()
        self.streams: dict[int, Stream] = {}
        self._received = bytearray()
        self._send = send

    def events(self, data: bytes) -> list[Event | int]:
        """Return what bytes say; a GOAWAY as its error code, for h2 would take nothing behind it.

        Raises H2Error or ValueError for what is no HTTP/2.
        """
        self._received += data
        found: list[Event | int] = []
        for frame in take_frames(self._received):
            error = goodbye_of(frame)
            found += self.http2.receive_data(frame) if error is None else [error]
        return found

    def flush(self) -> None:
        """Send what there is."""
        data = self.http2.data_to_send()
        if data:
            self._send(data)

    def pump(self, number: int, source: Half) -> None:
        """Send of a stream what its windows let; what came through the windows of the other is acknowledged there."""
        stream = self.streams.get(number)
        while stream is not None and stream.unsent:
            part = stream.unsent[0]
            rest = None if part.fields is not None else self._send_data(number, part)
            if part.fields is not None:
                self.http2.send_headers(number, part.fields, end_stream=part.ends)
            elif rest is not None:
                stream.unsent[0] = rest
                return
            stream.unsent.popleft()
            stream.is_sent = part.ends
            if part.taken:
                source.acknowledge(stream.other, part.taken)

    def _send_data(self, number: int, part: Part) -> Part | None:
        """Send data as far as it may go; return what is left of it."""
        data = part.data
        while True:
            room = min(self.http2.local_flow_control_window(number), self.http2.max_outbound_frame_size)
            piece, left = data[:room], data[room:]
            if piece or not data:
                self.http2.send_data(number, piece, end_stream=part.ends and not left)
            if not left:
                return None
            if not piece:
                return part._replace(data=left)
            data = left

    def acknowledge(self, number: int, count: int) -> None:
        """Open the windows again."""
        self.http2.acknowledge_received_data(count, number)

    def reset(self, number: int, code: ErrorCodes | int) -> None:
        """End a stream, if it has not ended."""
        with contextlib.suppress(H2Error):
            self.http2.reset_stream(number, code)

    def drop(self, number: int, source: Half) -> Stream | None:
        """Forget a stream, and what was to be sent on it."""
        stream = self.streams.pop(number, None)
        for part in () if stream is None else stream.unsent:
            if part.taken and stream is not None:
                source.acknowledge(stream.other, part.taken)
        return stream


@dataclass(slots=True)
class _Waiting:
    """A request of which it is not known yet what becomes, or that is thrown away."""

    end: Ending
    parts: list[Part] = field(default_factory=list)
    due: bool = False
    whole: bool = False
    timer: asyncio.TimerHandle | None = None


class Streams:
    """All that is under way between Envoy (`front`) and the endpoint (`back`)."""

    def __init__(self, front: Callable[[bytes], None], back: Callable[[bytes], None], draw: Callable[[], int]) -> None:
        """Take where bytes go, and what draws; the preface came."""
        self.front = Half(client=False, send=front)
        self.front.http2.receive_data(PREFACE)
        self.front.http2.increment_flow_control_window(_MOST_WAITS)
        self.back = Half(client=True, send=back)
        self.breakage = Breakage()
        self._send = front
        self._draw = draw
        self._waiting: dict[int, _Waiting] = {}
        self._newest = 0
        self._leaving = False

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return bool(self._waiting or self.front.streams)

    def from_envoy(self, data: bytes) -> None:
        """Take what Envoy sends. Raises H2Error or ValueError."""
        for event in self.front.events(data):
            if isinstance(event, RequestReceived):
                self._begin(event.stream_id or 0)
            if isinstance(event, StreamReset):
                self._given_up(event)
            elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
                self._pump(self.front, self.back)
            elif not isinstance(event, int) and (part := _part(event)) is not None:
                self._request(getattr(event, "stream_id", 0), part)
        self.flush()

    def from_endpoint(self, data: bytes) -> None:
        """Take what the endpoint sends. Raises H2Error or ValueError."""
        for event in self.back.events(data):
            if isinstance(event, int):
                self.leave()
            elif isinstance(event, StreamReset):
                self._broken_off(event)
            elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
                self._pump(self.back, self.front)
            elif (part := _part(event)) is not None:
                self._answer(getattr(event, "stream_id", 0), part)
        self.flush()

    def flush(self) -> None:
        """Send what there is, in both directions."""
        for number, stream in [*self.front.streams.items()]:
            if stream.is_sent and self.back.streams[stream.other].is_sent:
                del self.front.streams[number], self.back.streams[stream.other]
        self.front.flush()
        self.back.flush()

    def leave(self) -> None:
        """Tell Envoy to ask elsewhere from now on; what is under way is finished."""
        self.front.flush()
        if not self._leaving:
            self._leaving = True
            self._send(goodbye(self._newest))

    def close(self) -> None:
        """Let nothing happen later."""
        for each in self._waiting.values():
            if each.timer is not None:
                each.timer.cancel()
        self._waiting.clear()

    # -- requests ------------------------------------------------------------------------------

    def _begin(self, number: int) -> None:
        if self._leaving:
            self.front.reset(number, ErrorCodes.REFUSED_STREAM)
            return
        self._newest = number
        how = self.breakage
        waiting = self._waiting[number] = _Waiting(ending(how, self._draw()), due=not how.latency)
        if how.latency:
            waiting.timer = asyncio.get_running_loop().call_later(how.latency, self._due, number)

    def _due(self, number: int) -> None:
        self._waiting[number].due = True
        self._go_on()
        self.flush()

    def _request(self, number: int, part: Part) -> None:
        waiting, stream = self._waiting.get(number), self.front.streams.get(number)
        if waiting is not None:
            waiting.parts.append(part)
            waiting.whole = waiting.whole or part.ends
            self._go_on()
        elif stream is not None:
            self.back.streams[stream.other].unsent.append(part)
            self.back.pump(stream.other, self.front)

    def _go_on(self) -> None:
        """Let requests pass in the order in which they came (numbers must rise), and the others end."""
        held = False
        for number, waiting in [*self._waiting.items()]:
            passes = waiting.end is Ending.PASS
            if waiting.due and passes and not held:
                self._pass(number, waiting)
            elif waiting.due and not passes:
                self._end(number, waiting)
            held = held or (passes and number in self._waiting)

    def _pass(self, number: int, waiting: _Waiting) -> None:
        del self._waiting[number]
        other = self.back.http2.get_next_available_stream_id()
        self.front.streams[number] = Stream(other)
        self.back.streams[other] = Stream(number, deque(waiting.parts))
        try:
            self.back.pump(other, self.front)
        except H2Error:  # more than the endpoint takes at a time
            self._drop(number)
            self.front.reset(number, ErrorCodes.REFUSED_STREAM)

    def _end(self, number: int, waiting: _Waiting) -> None:
        """End a request as it is told; what came of it is taken, and sent nowhere."""
        for part in waiting.parts:
            if part.taken:
                self.front.acknowledge(number, part.taken)
        waiting.parts.clear()
        if waiting.end is Ending.ERROR and waiting.whole:
            del self._waiting[number]
            self.front.http2.send_headers(number, _ANSWER)
            self.front.http2.send_data(number, ERROR_BODY, end_stream=True)
        elif waiting.end in {Ending.RESET, Ending.NOBODY}:
            del self._waiting[number]
            self.front.reset(number, ErrorCodes.INTERNAL_ERROR)

    def _answer(self, number: int, part: Part) -> None:
        stream = self.back.streams.get(number)
        if stream is not None:
            self.front.streams[stream.other].unsent.append(part)
            self.front.pump(stream.other, self.back)

    def _given_up(self, event: StreamReset) -> None:
        number = event.stream_id or 0
        waiting = self._waiting.pop(number, None)
        if waiting is not None and waiting.timer is not None:
            waiting.timer.cancel()
        other = self._drop(number)
        if other:
            self.back.reset(other, event.error_code or ErrorCodes.CANCEL)
        self._go_on()

    def _broken_off(self, event: StreamReset) -> None:
        stream = self.back.streams.get(event.stream_id or 0)
        if stream is not None:
            self._drop(stream.other)
            self.front.reset(stream.other, event.error_code or ErrorCodes.NO_ERROR)

    def _drop(self, number: int) -> int:
        """Forget a request and its answer; return the endpoint's number of it, 0 for none."""
        stream = self.front.drop(number, self.back)
        if stream is None:
            return 0
        self.back.drop(stream.other, self.front)
        return stream.other

    def _pump(self, half: Half, source: Half) -> None:
        for number in [*half.streams]:
            half.pump(number, source)


def _part(event: Event) -> Part | None:
    ended = getattr(event, "stream_ended", None) is not None
    if isinstance(event, _HEADS):
        return Part([*(event.headers or ())], ends=ended)
    if isinstance(event, DataReceived):
        return Part(None, event.data or b"", event.flow_controlled_length or 0, ended)
    return None
