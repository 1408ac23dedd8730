"""Two versions that answer as fast as Python can: `python -m edgesim.bench.backend_program PORT_V1 PORT_V2`.

They stand in for nginx where that is not installed. Requests with a body are beyond them: a benchmark sends none.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from typing import cast

import uvloop

_HEAD = "HTTP/1.1 200 OK\r\nServer: backend\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n"
_END = b"\r\n\r\n"


class Backend(asyncio.Protocol):
    """One connection; answers to `/` never change, all others differ."""

    def __init__(self, version: str) -> None:
        """Take the version."""
        self._head, self._body = _HEAD.encode(), f"\r\nversion:{version}\n".encode()
        self._same = self._head + self._body
        self._numbers = count()
        self._begun = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every head that is complete."""
        *heads, self._begun = (self._begun + data).split(_END)
        if heads:
            self._transport.write(b"".join(map(self._answer, heads)))

    def _answer(self, head: bytes) -> bytes:
        if head.startswith(b"GET / "):
            return self._same
        return b"%bx-answer: %d\r\n%b" % (self._head, next(self._numbers), self._body)


async def serve(v1: int, v2: int) -> None:
    """Serve both until the process is ended."""
    loop = asyncio.get_running_loop()
    first = await loop.create_server(lambda: Backend("v1"), "127.0.0.1", v1, backlog=4096)
    second = await loop.create_server(lambda: Backend("v2"), "127.0.0.1", v2, backlog=4096)
    async with first, second:
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:3])))
