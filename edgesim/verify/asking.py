"""One request on a connection of its own, and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from edgesim.http1.replies import BODILESS
from edgesim.verify.requests import Asked

DRAW_HEADER = "x-edgesim-draw"
"""By which Envoy is told the draw; edgesim gets it as well, so that both forward the same."""
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 where nothing did."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def written(asked: Asked, *more: tuple[str, str]) -> bytes:
    """Return a request's bytes, with more headers at its end."""
    own = (("host", asked.host), (DRAW_HEADER, str(asked.draw)), *asked.headers, *more)
    length = (("content-length", "0"),) if asked.method in {"POST", "PUT", "PATCH"} else ()
    lines = (f"{asked.method} {asked.target} HTTP/1.1", *(f"{name}: {value}" for name, value in (*own, *length)))
    return "\r\n".join((*lines, "", "")).encode()


async def ask(port: int, asked: Asked) -> Answer:
    """Ask, and read one whole answer: Envoy closes a second after those of its own."""
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(written(asked, ("connection", "close")))
                return await read(reader, asked.method)
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Answer(0)


async def read(reader: asyncio.StreamReader, method: str) -> Answer:
    """Read the answer to a request. Raises IncompleteReadError where there is less than one."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n")
    first, *lines = head.split("\r\n")
    status = int(first.split(" ")[1])
    fields = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    if method == "HEAD" or status in BODILESS:
        return Answer(status, fields)
    return Answer(status, fields, await _body(reader, dict(fields)))


async def _body(reader: asyncio.StreamReader, fields: Mapping[str, str]) -> bytes:
    """Read a body by its length, by chunks, or to the end of the connection (RFC 9112, section 6.3)."""
    if fields.get("transfer-encoding") == "chunked":
        whole = b""
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            whole += (await reader.readexactly(size + 2))[:-2]
        return whole
    if (length := fields.get("content-length")) is not None:
        return await reader.readexactly(int(length))
    return await reader.read()
