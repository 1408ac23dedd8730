"""A raw HTTP/1.1 client over real sockets: the bytes sent and received are the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random

from edgesim.backends.answers import JsonEcho, text_echo
from edgesim.backends.behaviour import STEADY, Behaviour
from edgesim.backends.program import Program
from edgesim.backends.runtime import PodRuntime, RunningPod

TEXT = text_echo("version:v1", 200, "1.0.0")
JSON = JsonEcho("echo-1", "shop", {"app": "echo"})


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    version: str


_clients: list[Client] = []
"""Those of the test that runs, closed when its pod is."""


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, text: str) -> None:
        self.writer.write(text.replace("\n", "\r\n").encode())

    async def reply(self, *, head: bool = False) -> Reply:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
        length = 0 if head else int(headers.get("content-length", 0))
        return Reply(int(status), headers, await self.reader.readexactly(length), version)

    async def ended(self) -> bool:
        """Wait for the end; tell whether nothing came before it."""
        return await self.reader.read() == b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


def port_of(pod: RunningPod) -> int:
    return next(iter(pod.address.ports.values()))


async def connect(pod: RunningPod) -> Client:
    client = Client(*await asyncio.open_connection(pod.address.host, port_of(pod)))
    _clients.append(client)
    return client


@asynccontextmanager
async def running(
    answers: object = TEXT, behaviour: Behaviour = STEADY, runtime: PodRuntime | None = None
) -> AsyncIterator[RunningPod]:
    """Run a pod on a port nobody else asks for."""
    used = runtime if runtime is not None else PodRuntime()
    port = Random().randrange(20000, 60000)  # the address is the pod's own, any port of it is free
    pod = await used.start("echo-1", Program((port,), answers, behaviour))  # type: ignore[arg-type]
    try:
        yield pod
    finally:
        while _clients:
            await _clients.pop().close()
        await used.stop(pod, grace=0)
