"""A constant load: kept connections that ask again and again, from an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Self, cast
from urllib.parse import urlsplit

import uvloop

from tests.running import DEADLINE, Gateway, wait_until

_LENGTH = re.compile(rb"^content-length: (\d+)\r$", re.MULTILINE)
_PAUSE = 0.005
"""Seconds between an answer and the next request of a connection: a load, not a race for the processor."""


class Load:
    """Clients that ask again and again on kept connections; what each got is counted.

    What is no whole answer counts as `cut` (some of it came), `closed` or `refused`. A connection that
    breaks is replaced. With a `body`, an answer of 200 must have it.
    """

    def __init__(self, gateway: Gateway, clients: int = 32, path: str = "/", body: bytes | None = None) -> None:
        parts = urlsplit(gateway.proxy)
        self.address = (parts.hostname or "", parts.port or 80)
        self.request = f"GET {path} HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode()
        self.body = body
        self.seen: Counter[str] = Counter()
        self.open: set[int] = set()
        """The clients' ports."""
        self.answered: set[int] = set()
        """Of those, the ones that had an answer: a worker has them, they wait in no queue of the system."""
        self.broken: list[int] = []
        """The ports of those that broke, in order."""
        self.stopping = False
        self._opening: set[asyncio.Task[None]] = set()
        self._clients = clients
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        for _ in range(self._clients):
            asyncio.run_coroutine_threadsafe(self.connect(), self._loop)
        wait_until(lambda: len(self.open) == self._clients, f"not all clients are let in: {self.seen}")
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping = True  # each client ends with the answer it waits for
        try:
            wait_until(lambda: not self.open, "clients never got their last answer")
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(DEADLINE)
            self._loop.close()

    async def connect(self) -> None:
        """Open a connection, for as long as it takes."""
        while not self.stopping:
            try:
                await self._loop.create_connection(lambda: _Client(self), *self.address)
            except OSError:
                self.seen["refused"] += 1
                await asyncio.sleep(_PAUSE)
            else:
                return

    def left(self, port: int) -> None:
        """Forget a connection that ended."""
        self.open.discard(port)
        self.answered.discard(port)

    def lost(self, port: int, how: str) -> None:
        """Count a connection that broke, and open another."""
        self.seen[how] += 1
        self.broken.append(port)
        task = self._loop.create_task(self.connect())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def more(self, count: int = 100, what: str = "200") -> None:
        """Wait until so many more were answered well, or as is said."""
        wanted = self.seen[what] + count
        wait_until(lambda: self.seen[what] >= wanted, f"the load stands still: {self.seen}")

    def every(self, count: int = 3, what: str = "200") -> None:
        """Wait until there were so many more answers as there are clients, times a count, and each open one had some."""
        self.more(count * self._clients, what)
        wait_until(lambda: self.answered == self.open, "a client gets no answer")

    def broke(self, count: int) -> None:
        """Wait until so many connections broke and as many clients as ever are back."""
        wait_until(lambda: len(self.broken) >= count, f"no more than {len(self.broken)} of {count} connections break")
        wait_until(lambda: len(self.open) == self._clients, "not all clients are back")

    @property
    def failures(self) -> dict[str, int]:
        """What was seen besides good answers."""
        return {what: count for what, count in self.seen.items() if what != "200"}


class _Client(asyncio.Protocol):
    """One connection of a load."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.read = b""
        self.port = 0
        self.waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.port = transport.get_extra_info("sockname")[1]
        self.load.open.add(self.port)
        self.ask()

    def ask(self) -> None:
        """Send the next request, or leave."""
        if self.transport.is_closing():
            return
        if self.load.stopping:
            self.load.left(self.port)
            self.transport.close()
            return
        self.waits = True
        self.transport.write(self.load.request)

    def data_received(self, data: bytes) -> None:
        self.read += data
        head, blank, body = self.read.partition(b"\r\n\r\n")
        found = _LENGTH.search(head + b"\r\n") if blank else None
        if found is None or len(body) < int(found[1]):
            return
        status = head[9:12].decode()
        is_right = self.waits and (status != "200" or self.load.body in {None, body})
        self.load.seen[status if is_right else "wrong"] += 1
        self.load.answered.add(self.port)
        self.read, self.waits = b"", False
        asyncio.get_running_loop().call_later(_PAUSE, self.ask)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self.port in self.load.open:
            self.load.left(self.port)
            self.load.lost(self.port, "cut" if self.read else "closed")


def peers(pid: int, port: int) -> set[int]:
    """Return the other ports of a process's TCP connections (IPv4) of which one end is a port."""
    own = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            own.add(str(each.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    found = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        here, there = (int(fields[at].rpartition(":")[2], 16) for at in (1, 2))
        if f"socket:[{fields[9]}]" in own and there and port in {here, there}:
            found.add(there if here == port else here)
    return found
