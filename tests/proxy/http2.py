"""A scripted HTTP/2 server: what it does with each request is the test's own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from edgesim.model import Endpoint
from edgesim.policies.grpc_health import Serving, check_response
from edgesim.policies.http2_frames import goodbye

OK = (b"grpc-status", b"0")
SERVING = check_response(Serving.SERVING)


@dataclass
class Server:
    """Where it listens, and what it saw."""

    port: int = 0
    connections: int = 0
    open: int = 0
    resets: int = 0
    heads: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    protocols: list[str | None] = field(default_factory=list)
    """What was agreed on by ALPN, for each connection over TLS."""

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self.port)


class Call:
    """One request that came as a whole, and ways to answer it."""

    def __init__(self, http2: H2Connection, stream: int, writer: asyncio.StreamWriter) -> None:
        self.http2 = http2
        self.stream = stream
        self.writer = writer

    def head(self, *more: tuple[bytes, bytes], status: bytes = b"200", ends: bool = False) -> Call:
        kind = () if any(name == b"content-type" for name, _ in more) else ((b"content-type", b"application/grpc"),)
        self.http2.send_headers(self.stream, [(b":status", status), *kind, *more], end_stream=ends)
        return self

    def data(self, data: bytes, *, ends: bool = False) -> Call:
        self.http2.send_data(self.stream, data, end_stream=ends)
        return self

    def trailers(self, *fields: tuple[bytes, bytes]) -> None:
        self.http2.send_headers(self.stream, fields or [OK], end_stream=True)

    def goodbye(self, error: int = 0) -> Call:
        """Send a GOAWAY that h2 does not know of, so that it can still answer."""
        self.writer.write(self.http2.data_to_send())
        self.writer.write(goodbye(self.stream, error))
        return self


def serving(call: Call) -> None:
    """Say that the service serves."""
    call.head().data(SERVING).trailers()


@asynccontextmanager
async def http2_server(
    script: Callable[[Call], object] = serving, context: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Serve HTTP/2 on loopback; the script is called with each whole request."""
    seen = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        seen.connections += 1
        seen.open += 1
        secure = writer.get_extra_info("ssl_object")
        seen.protocols += [] if secure is None else [secure.selected_alpn_protocol()]
        try:
            await _serve(seen, script, reader, writer)
        except (ConnectionError, ProtocolError, asyncio.CancelledError):
            pass
        finally:
            seen.open -= 1
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks)


async def _serve(
    seen: Server, script: Callable[[Call], object], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    http2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    http2.initiate_connection()
    body = b""
    while True:
        writer.write(http2.data_to_send())
        data = await reader.read(65536)
        if not data:
            return
        for event in http2.receive_data(data):
            if isinstance(event, RequestReceived):
                seen.heads.append([(bytes(name), bytes(value)) for name, value in event.headers])
            elif isinstance(event, DataReceived):
                body += event.data
            elif isinstance(event, StreamReset):
                seen.resets += 1
            elif isinstance(event, StreamEnded):
                seen.bodies.append(body)
                body = b""
                script(Call(http2, event.stream_id, writer))
