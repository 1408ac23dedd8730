"""A connection from a client, as a connection: whose it is, writing, closing, and holding back. What is said over it is `downstream`'s."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from edgesim.model import RequestHead
from edgesim.policies.hashing import Connection
from edgesim.policies.remote import Client, identify
from edgesim.proxy.ends import both_ends

if TYPE_CHECKING:
    from edgesim.proxy.listening import ActiveListener
    from edgesim.proxy.worker import Worker

_RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing resets."""


class ClientConnection(asyncio.Protocol):
    """One connection from a client: its ends, and bytes towards it."""

    __slots__ = (
        "addresses",
        "closing",
        "listener",
        "paused",
        "scheme",
        "since",
        "slow",
        "touched",
        "transport",
        "unsent",
        "worker",
    )

    def __init__(self, worker: Worker, listener: ActiveListener) -> None:
        """Belong to a worker and to the listener that took the connection."""
        self.worker = worker
        self.listener = listener
        self.scheme = listener.scheme
        self.transport: asyncio.Transport | None = None
        self.addresses: tuple[bytes, bytes] | None = None
        self.closing = False
        self.paused = self.slow = False
        # For the sweep (`limits`): whether anything moved since it last looked, and since when nothing did.
        self.touched = True
        self.since = 0.0
        self.unsent = 0

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""
        if self.transport is not None:
            self.touched = True
            self.transport.write(data)

    def close(self) -> None:
        """Close after what was written is sent."""
        self.closing = True
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Reset the connection: an answer begun cannot be completed, and a clean end would pass for its end."""
        self.closing = True
        if self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()

    def pause_reading(self) -> None:
        """Read no more from the client for now."""
        if not self.paused and self.transport is not None:
            self.paused = True
            self.transport.pause_reading()

    @property
    def peer(self) -> bytes:
        """The other end of the connection as `ip:port`."""
        return self.both_ends()[0]

    @property
    def local(self) -> bytes:
        """This end of the connection as `ip:port`."""
        return self.both_ends()[1]

    def both_ends(self) -> tuple[bytes, bytes]:
        """Ask the system once: of a connection that was reset it tells no more."""
        if self.addresses is None:
            self.addresses = both_ends(self.transport)
        return self.addresses

    @property
    def ends(self) -> Connection:
        """What hash policies read of a connection."""
        peer = self.peer
        return Connection(peer.rpartition(b":")[0], peer, self.local)

    def client(self, head: RequestHead) -> Client:
        """Return who sent a request, and what follows."""
        return identify(self.listener.snapshot.remote, head, self.peer)
