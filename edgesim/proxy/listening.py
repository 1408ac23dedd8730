"""A worker's listeners: what their connections share, and the sockets they take connections from."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from edgesim.proxy.handshakes import TlsListener
from edgesim.proxy.loopback import is_loopback, unpaced
from edgesim.proxy.messages import Memory, Request
from edgesim.telemetry.states import TLS

if TYPE_CHECKING:
    from edgesim.proxy.ports import Place
    from edgesim.proxy.serving import ListenerSnapshot
    from edgesim.proxy.worker import Worker

BACKLOG = 4096


class ActiveListener:
    """What the connections of one listener share. A connection belongs to one from its first moment on.

    `snapshot` is swapped with each update. A listener that is gone keeps its last one: its connections drain.
    While it is `draining` answers end their connections; one that is `leaving` takes no new ones.
    """

    __slots__ = (
        "accepted",
        "connections",
        "draining",
        "leaving",
        "lines",
        "name",
        "requests",
        "scheme",
        "snapshot",
        "tls",
    )

    def __init__(self, snapshot: ListenerSnapshot) -> None:
        """Begin with a snapshot."""
        self.name = snapshot.listener.name
        self.scheme = snapshot.table.scheme
        self.snapshot = snapshot
        self.requests: Memory[Request] = Memory()
        self.lines: Memory[Request] = Memory()
        self.connections = 0
        self.accepted = 0
        self.tls = Counter(dict.fromkeys(TLS if self.scheme == b"https" else (), 0))
        """What became of handshakes, by Envoy's names."""
        self.draining = self.leaving = False

    def is_full(self, coming: int = 0) -> bool:
        """Tell whether there are as many connections as may be, with those that are coming."""
        most = self.snapshot.options.max_connections
        return bool(most) and self.connections + coming >= most

    def swap(self, snapshot: ListenerSnapshot) -> None:
        """Serve another snapshot from now on; what was derived from the one before is forgotten."""
        self.snapshot = snapshot
        self.requests.clear()
        self.lines.clear()


class Acceptor(Protocol):
    """Takes connections from a socket until it is closed."""

    def close(self) -> None:
        """Accept no more."""


class Listeners:
    """The listening sockets, all of them the parent's as well: clients wait in them while a worker is replaced."""

    def __init__(self, worker: Worker) -> None:
        """Begin with none."""
        self._worker = worker
        self._held: dict[Place, socket.socket] = {}
        self._accepting: dict[Place, tuple[ActiveListener, Acceptor]] = {}

    def take(self, sockets: Iterable[tuple[Place, socket.socket]]) -> None:
        """Take sockets that are bound and may not listen yet."""
        for place, bound in sockets:
            if (old := self._held.pop(place, None)) is not None:
                old.close()
            self._held[place] = bound

    async def open(self, opened: Mapping[str, Place]) -> None:
        """Take connections for these listeners, and no others. Raises OSError."""
        wanted = {place: self._worker.listeners[name] for name, place in opened.items()}
        for place, (listener, acceptor) in list(self._accepting.items()):
            if wanted.get(place) is not listener:
                del self._accepting[place]
                acceptor.close()
        for place in self._held.keys() - wanted.keys():
            self._held.pop(place).close()
        for place, listener in wanted.items():
            if place not in self._accepting:
                self._accepting[place] = listener, await self._accept(place, listener)

    async def _accept(self, place: Place, listener: ActiveListener) -> Acceptor:
        """Listen with a copy of the socket: closing that one leaves clients where they wait."""
        listening = self._held[place].dup()
        try:
            if is_loopback(place[0]):
                unpaced(listening)
            if listener.scheme == b"https":
                listening.listen(BACKLOG)
                return TlsListener(self._worker, listener, listening)
            worker = self._worker
            return await asyncio.get_running_loop().create_server(
                lambda: worker.accept(listener), sock=listening, backlog=BACKLOG
            )
        except BaseException:
            listening.close()
            raise

    def close(self) -> None:
        """Accept no more."""
        for _listener, acceptor in self._accepting.values():
            acceptor.close()
        for held in self._held.values():
            held.close()
        self._accepting.clear()
        self._held.clear()
