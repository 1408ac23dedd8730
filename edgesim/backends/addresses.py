"""Where a pod listens: a loopback address of its own, with the ports its program asks for."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

FIRST: Final = IPv4Address("127.1.0.1")
LAST: Final = IPv4Address("127.254.255.254")
BLOCK: Final = 256
"""How far to go on when an address is taken: another running edgesim holds a run of them."""
MAX_TRIES: Final = 64
LOOPBACK: Final = "127.0.0.1"

Bind = Callable[[str, int], socket.socket]
"""Opens a listening socket; port 0 means any free one. Raises OSError."""


@dataclass(frozen=True, slots=True)
class PodAddress:
    """Where a pod really listens: `ports` maps the port it asked for to the one it has.

    With `own` the address belongs to this pod alone, so that any other port of it refuses, as a pod's
    does. `any_port` is the port that answers for whatever number a Service names.
    """

    host: str
    ports: Mapping[int, int]
    own: bool = True
    any_port: int | None = None

    def port(self, asked: int) -> int | None:
        """Return the port to connect to for a target port; None where nothing may be tried."""
        if asked in self.ports:
            return self.ports[asked]
        if self.any_port is not None:
            return self.any_port
        return asked if self.own else None


@dataclass(frozen=True, slots=True)
class Bound:
    """An address and its open sockets."""

    address: PodAddress
    sockets: tuple[socket.socket, ...]


def open_socket(host: str, port: int) -> socket.socket:
    """Open a listening TCP socket on loopback."""
    made = socket.create_server((host, port), backlog=1024)
    made.setblocking(False)
    return made


class Addresses:
    """Hands out loopback addresses, each to one pod, and goes past those another process holds."""

    def __init__(self, bind: Bind = open_socket) -> None:
        """Take the function that opens a listening socket."""
        self._bind = bind
        self._next = FIRST

    def bind(self, ports: Sequence[int], *, any_port: bool = False) -> Bound:
        """Listen on an address of the pod's own, else on 127.0.0.1 and free ports.

        Raises:
            OSError: not even that is possible.
        """
        for _ in range(MAX_TRIES):
            host = str(self._next)
            try:
                sockets = self._open(host, ports)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    self._step(BLOCK)
                    continue
                return self._fallback(ports, error, any_port=any_port)
            self._step(1)
            return _bound(host, ports, sockets, own=True, any_port=any_port)
        # Something holds the port on every address, such as a server on 0.0.0.0.
        return self._own_address(ports, any_port=any_port)

    def _fallback(self, ports: Sequence[int], error: OSError, *, any_port: bool) -> Bound:
        if error.errno in {errno.EACCES, errno.EPERM}:  # a privileged port: another on the same address
            return self._own_address(ports, any_port=any_port)
        return self._free_ports(LOOPBACK, ports, own=False, any_port=any_port)

    def _own_address(self, ports: Sequence[int], *, any_port: bool) -> Bound:
        host = str(self._next)
        self._step(1)
        return self._free_ports(host, ports, own=True, any_port=any_port)

    def _free_ports(self, host: str, ports: Sequence[int], *, own: bool, any_port: bool) -> Bound:
        return _bound(host, ports, self._open(host, [0] * len(ports)), own=own, any_port=any_port)

    def _open(self, host: str, ports: Sequence[int]) -> tuple[socket.socket, ...]:
        opened: list[socket.socket] = []
        try:
            opened.extend(self._bind(host, port) for port in ports)
        except OSError:
            for one in opened:
                one.close()
            raise
        return tuple(opened)

    def _step(self, width: int) -> None:
        """Go on by one address or to the next block, over those a subnet reserves, and around at the end."""
        following = self._next + 1 if width == 1 else IPv4Address((int(self._next) // BLOCK + 1) * BLOCK + 1)
        while int(following) % BLOCK in {0, BLOCK - 1}:
            following += 1
        self._next = following if following <= LAST else FIRST


def _bound(host: str, ports: Sequence[int], sockets: tuple[socket.socket, ...], *, own: bool, any_port: bool) -> Bound:
    had = [one.getsockname()[1] for one in sockets]
    mapping = dict(zip(ports, had, strict=True))
    return Bound(PodAddress(host, mapping, own=own, any_port=had[0] if any_port else None), sockets)
