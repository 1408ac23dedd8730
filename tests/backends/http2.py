"""An HTTP/2 client over a real socket, with prior knowledge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from edgesim.backends.runtime import RunningPod
from edgesim.policies.http2_frames import goodbye_of, take_frames
from tests.backends.wire import port_of

DEADLINE = 60.0
Fields = Sequence[tuple[str, str]]


@dataclass
class Reply:
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    ended: bool = False

    @property
    def status(self) -> int:
        return int(self.headers[":status"])


class Client:
    """One connection; answers are read when somebody waits for one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.http2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.http2.initiate_connection()
        self.replies: dict[int, Reply] = {}
        self.goodbyes: list[tuple[int, int]] = []
        """Last stream and error of each GOAWAY."""
        self.acknowledges = True
        self.received = bytearray()

    def flush(self) -> None:
        self.writer.write(self.http2.data_to_send())

    def send(self, path: str = "/", method: str = "GET", fields: Fields = (), body: bytes = b"") -> int:
        """Send a request; return its stream."""
        stream = self.http2.get_next_available_stream_id()
        self.replies[stream] = Reply()
        head = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "echo"), *fields]
        self.http2.send_headers(stream, head, end_stream=not body)
        if body:
            self.http2.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    async def reply(self, stream: int) -> Reply:
        """Wait for the whole answer of a stream."""
        async with asyncio.timeout(DEADLINE):
            while not self.replies[stream].ended:
                assert await self.read(), "the connection ended before an answer"
        return self.replies[stream]

    async def ask(self, path: str = "/", method: str = "GET", fields: Fields = (), body: bytes = b"") -> Reply:
        return await self.reply(self.send(path, method, fields, body))

    async def read(self) -> bool:
        """Read once; tell whether anything came."""
        data = await self.reader.read(65536)
        self.received += data
        for frame in take_frames(self.received):
            if goodbye_of(frame) is not None:  # h2 would read nothing behind it
                self.goodbyes.append((int.from_bytes(frame[9:13], "big"), int.from_bytes(frame[13:17], "big")))
                continue
            for event in self.http2.receive_data(frame):
                self._take(event)
        self.flush()
        return bool(data)

    async def ended(self) -> bool:
        async with asyncio.timeout(DEADLINE):
            while await self.read():
                pass
        return True

    def _take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived):
            self.replies[event.stream_id].headers = _texts(event.headers)
        elif isinstance(event, TrailersReceived):
            self.replies[event.stream_id].trailers = _texts(event.headers)
        elif isinstance(event, DataReceived):
            self.replies[event.stream_id].body += event.data
            if self.acknowledges:
                self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded | StreamReset):
            self.replies[event.stream_id].ended = True


def _texts(fields: Sequence[tuple[bytes | str, bytes | str]]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in fields}


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


@asynccontextmanager
async def connected(pod: RunningPod) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection(pod.address.host, port_of(pod)))
    try:
        yield client
    finally:
        client.writer.close()
        with suppress(ConnectionError):
            await client.writer.wait_closed()
