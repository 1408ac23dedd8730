"""The endpoints: servers on loopback that answer with what reached them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from edgesim.verify.prepared import Place

_LONGEST = 1 << 20


def _well(_place: Place) -> int:
    return 200


@dataclass(slots=True)
class Recorders:
    """One server for each place; `status` says what it answers, by default 200."""

    status: Callable[[Place], int] = _well
    ports: dict[Place, int] = field(default_factory=dict)
    servers: list[asyncio.Server] = field(default_factory=list)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self, place: Place) -> None:
        """Stand in for a place."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.open.add(writer)
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while True:
                    await _answer(place, self.status(place), reader, writer)
            self.open.discard(writer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_LONGEST)
        self.servers.append(server)
        self.ports[place] = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Answer no more."""
        for server in self.servers:
            server.close()
        for writer in tuple(self.open):
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


async def _answer(place: Place, status: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request; bodies are not looked at, there are none."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _version = first.split(" ", 2)
    told = {"cluster": place.cluster, "metadata": dict(place.metadata), "method": method, "target": target}
    body = json.dumps(told | {"headers": [line.partition(": ")[::2] for line in lines]}).encode()
    fields = (f"content-length: {len(body)}", "x-recorder: 1", "content-type: application/json")
    writer.write("\r\n".join((f"HTTP/1.1 {status} OK", *fields, "", "")).encode())
    if method != "HEAD":
        writer.write(body)
    await writer.drain()
