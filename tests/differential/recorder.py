"""An upstream that records the bytes of every connection, and answers each whole request.

One thread does all of it, so that it can tell when it has dealt with everything there was: `turn`.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.differential.kernel import send
from tests.differential.wire import AmbiguousError, read_requests

DEADLINE = 60.0
_RESET = b"\1\0\0\0\0\0\0\0"
"""Linger for no time: closing resets."""


@dataclass(slots=True, eq=False)
class Connection:
    """One connection, what came over it, and how many requests of that were answered."""

    socket: socket.socket
    data: bytearray = field(default_factory=bytearray)
    answered: int = 0


@dataclass(slots=True)
class Upstream:
    """A running upstream.

    `whole` sends the answer in one piece, otherwise one byte at a time. `close` ends the connection behind it.
    """

    listener: socket.socket
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    whole: bool = True
    close: bool = True
    reset: bool = False
    moves: int = 0
    """How often anything happened."""
    connections: set[Connection] = field(default_factory=set)
    _received: list[bytearray] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _wake: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)
    _had_turn: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.listener.getsockname()[1]
        return port

    @property
    def busy(self) -> bool:
        """Whether a connection that carried something is not over."""
        return any(each.data for each in tuple(self.connections))

    def clear(self) -> None:
        """Forget what came."""
        self._received = []

    def bytes_of_all(self) -> list[bytes]:
        """Return what came since, by connection."""
        return [bytes(data) for data in self._received if data]

    def push(self, data: bytes) -> None:
        """Send bytes nobody asked for on every open connection."""
        for connection in tuple(self.connections):
            with contextlib.suppress(OSError):
                connection.socket.sendall(data)

    def turn(self) -> None:
        """Wait until everything that was there when asked is dealt with."""
        self._had_turn.clear()
        self._wake[0].send(b"t")
        assert self._had_turn.wait(DEADLINE), "the upstream hangs"

    def run(self) -> None:
        """Serve until the waking end is closed."""
        self._selector.register(self.listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._wake[1], selectors.EVENT_READ)
        while True:
            ready = [key for key, _ in self._selector.select()]
            for key in ready:
                if key.data is not None:
                    key.data()
            if any(key.data is None for key in ready):  # last: whatever was ready with it had its turn
                if not self._wake[1].recv(1):
                    return
                self._had_turn.set()

    def _accept(self) -> None:
        accepted, _ = self.listener.accept()
        accepted.settimeout(DEADLINE)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(accepted)
        self.moves += 1
        self.connections.add(connection)
        self._selector.register(accepted, selectors.EVENT_READ, lambda: self._read(connection))

    def _read(self, connection: Connection) -> None:
        self.moves += 1
        try:
            piece = connection.socket.recv(65536)
            if piece and not connection.data:
                self._received.append(connection.data)  # only now: a connection may be older than the case it serves
            connection.data += piece
            is_over = not piece or self._answer(connection)
        except OSError:
            is_over = True
        if is_over:
            self._selector.unregister(connection.socket)
            self.connections.discard(connection)
            connection.socket.close()

    def _answer(self, connection: Connection) -> bool:
        """Answer what became whole; tell whether the connection ends with it."""
        whole = _requests_in(bytes(connection.data))
        while connection.answered < whole:
            connection.answered += 1
            send(connection.socket, self.answer, whole=self.whole)
            if self.reset:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if self.close or self.reset:
                return True
        return False

    def end(self) -> None:
        """Close everything; the thread that runs it must have ended."""
        for connection in self.connections:
            connection.socket.close()
        self._selector.close()
        self._wake[1].close()


def _requests_in(data: bytes) -> int:
    try:
        return len(read_requests(data)[0])
    except AmbiguousError:
        return 0  # the test looks at the bytes again, and fails there


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy's port, and what stands behind it."""

    port: int
    upstream: Upstream


@contextlib.contextmanager
def recording() -> Iterator[Upstream]:
    """Run an upstream."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = Upstream(listener)
        thread = threading.Thread(target=upstream.run, daemon=True)
        thread.start()
        yield upstream
        upstream._wake[0].close()  # the two halves of one thing
        thread.join(DEADLINE)
        upstream.end()
