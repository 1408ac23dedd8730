"""Opening connections: the address, TLS, and what the client itself may lack."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from functools import partial
from typing import Any

from edgesim.load.connection import Connection, Engine
from edgesim.load.scenario import Scenario, Target
from edgesim.telemetry.slots import slot_of
from edgesim.telemetry.sources import nanoseconds

_SHORT = {
    errno.EMFILE: "files",
    errno.ENFILE: "files",
    errno.EADDRNOTAVAIL: "ports",
    errno.ENOBUFS: "memory",
    errno.ENOMEM: "memory",
}

_PATIENCE = 2.0
"""Seconds that an address has to answer where there is another one to try."""


class ConnectError(Exception):
    """There is no connection; `kind` is the kind of error, or what the client lacks where it is `short`."""

    def __init__(self, kind: str, *, short: bool = False) -> None:
        """Name the kind."""
        super().__init__(kind)
        self.kind = kind
        self.short = short


class Connector:
    """Opens connections to a target, to its addresses in turn."""

    def __init__(self, scenario: Scenario, addresses: list[tuple[int, Any]]) -> None:
        """Take the addresses that `resolve` found. Raises OSError or ssl.SSLError for a CA file that cannot be had."""
        self._scenario = scenario
        self._addresses = addresses
        self._next = 0
        self._context = _context(scenario.target)

    async def open(self, engine: Engine) -> Connection:
        """Return a connection that is ready for a request. Raises ConnectError."""
        started = nanoseconds()
        sock: socket.socket | None = None
        try:
            async with asyncio.timeout(self._scenario.timeout):
                sock = await self._connected()
                made = await self._ready(engine, sock)
        except BaseException as wrong:
            if sock is not None:
                sock.close()
            if isinstance(wrong, OSError | TimeoutError):
                raise _told(wrong) from None
            raise
        slot = slot_of((nanoseconds() - started) // 1000)
        connects = engine.recorder.connects
        connects[slot] = connects.get(slot, 0) + 1
        return made

    async def _connected(self) -> socket.socket:
        family, address = self._addresses[self._next % len(self._addresses)]
        self._next += 1
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock

    async def _ready(self, engine: Engine, sock: socket.socket) -> Connection:
        target, context = self._scenario.target, self._context
        make = partial(Connection, engine, sock, self._scenario.per_connection, secure=context is not None)
        loop = asyncio.get_running_loop()
        if context is None:
            _, made = await loop.create_connection(make, sock=sock)
        else:
            name = target.server_name or target.host
            _, made = await loop.create_connection(make, sock=sock, ssl=context, server_hostname=name)
        return made


def _told(wrong: OSError) -> ConnectError:
    if wrong.errno in _SHORT:
        return ConnectError(_SHORT[wrong.errno], short=True)
    return ConnectError("tls" if isinstance(wrong, ssl.SSLError) else "connect")


def _context(target: Target) -> ssl.SSLContext | None:
    if target.scheme != "https":
        return None
    context = ssl.create_default_context(cafile=target.ca_file or None)
    if target.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


async def resolve(target: Target) -> list[tuple[int, Any]]:
    """Return the addresses of the target, of the first family that somebody answers in. Raises OSError.

    `localhost` is two addresses, and most servers listen on one of them only.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    return await reachable([(family, address) for family, _, _, _, address in found])


async def reachable(every: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Return the addresses of the first family in which the first address answers; of the first where none does."""
    families = list(dict.fromkeys(family for family, _ in every))
    chosen = families[0]
    for family in families if len(families) > 1 else ():
        if await _answers(family, next(address for each, address in every if each == family)):
            chosen = family
            break
    return [each for each in every if each[0] == chosen]


async def _answers(family: int, address: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            async with asyncio.timeout(_PATIENCE):
                await asyncio.get_running_loop().sock_connect(sock, address)
    except OSError:
        return False
    return True
