"""Small HTTP servers for loads, on real sockets, in the test's own event loop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

Answer = Callable[["Asked"], "bytes | tuple[bytes, float] | None"]
"""What is answered: at once, after so many seconds, or not at all, the connection being closed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: its number on its connection, and the connection's number."""

    method: str
    path: str
    fields: dict[str, str]
    body: bytes
    number: int
    connection: int


@dataclass(slots=True)
class Server:
    """Where it listens, and what it was asked."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    open: int = 0
    connections: count[int] = field(default_factory=count)


def ok(body: bytes = b"ok", *fields: str, status: str = "200 OK") -> bytes:
    """Return an answer with a length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def split(asked: Asked) -> bytes:
    """Answer as version v2 once in ten times on each connection, as v1 otherwise."""
    version = "v2" if asked.number % 10 == 9 else "v1"
    return ok(f"version:{version}\n".encode(), f"x-version: {version}")


@asynccontextmanager
async def serving(answer: Answer = split, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve on an ephemeral port of the loopback."""
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.open += 1
        try:
            await _serve(server, answer, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            server.open -= 1
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


async def _serve(server: Server, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = next(server.connections)
    for number in count():
        asked = await _read(reader, number, connection)
        server.asked.append(asked)
        said = answer(asked)
        if said is None:
            return
        data, pause = said if isinstance(said, tuple) else (said, 0.0)
        if pause:
            await asyncio.sleep(pause)  # the script's own
        writer.write(data)
        await writer.drain()
        if b"Connection: close" in data:
            return


async def _read(reader: asyncio.StreamReader, number: int, connection: int) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, path, _version = first.split(" ")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    return Asked(method, path, fields, body, number, connection)
