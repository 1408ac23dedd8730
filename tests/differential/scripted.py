"""An upstream that notes what reached it and answers as the request asks: in `x-do`, a step for each try.

A step is a status (`503`), or one of `close`, `reset`, `hang`, `garbage`, `half` (part of a body, then the
end), `stall` (part of a body, then nothing), `switch` (101, then nothing) and `more` (101, bytes behind it, then the end); `+0.2` behind it
waits so many seconds before. The last step is repeated. Each answer is the last of its connection, so that no case meets the connection of another. `x-answer` holds lines for the answer, between bars.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

DEADLINE = 30.0
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived: its first line, its fields sorted (with case, as they came), its body."""

    line: str
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def get(self, name: str) -> str:
        """Return the values of a field, joined."""
        return ", ".join(value for key, value in self.fields if key == name)


@dataclass
class Scripted:
    """A running upstream; `seen` is keyed by the request's `x-case`."""

    port: int = 0
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    torn: dict[str, int] = field(default_factory=dict)
    """How many requests of a case never came whole, or whose connection ended while they hung."""
    stop: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket) -> None:
        """Follow the scripts of one connection's requests."""
        connection.settimeout(DEADLINE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
            while (seen := _read(stream)) is not None:
                case = seen.get("x-case")
                tries = self.seen.setdefault(case, [])
                tries.append(seen)
                steps = (seen.get("x-do") or "200").split(";")
                if not self._answer(connection, steps[min(len(tries), len(steps)) - 1], seen):
                    return

    def _answer(self, connection: socket.socket, step: str, seen: Seen) -> bool:
        what, _, wait = step.partition("+")
        if wait:
            time.sleep(float(wait))
        if what == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif what in {"hang", "stall", "switch"}:
            if what == "stall":
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
            elif what == "switch":
                connection.sendall(_response("101", seen))
            connection.recv(1)  # until the proxy gives up
            self.torn[seen.get("x-case")] = self.torn.get(seen.get("x-case"), 0) + 1
        elif what == "more":
            connection.sendall(_response("101", seen) + b"more")
        elif what == "garbage":
            connection.sendall(b"this is no HTTP\r\n\r\n")
        elif what == "half":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        elif what != "close":
            connection.sendall(_response(what, seen))
        return False


def _response(status: str, seen: Seen) -> bytes:
    bodiless = status in {"101", "204", "304"}
    body = b"" if bodiless or seen.line.startswith("HEAD") else b"answered " + status.encode()
    connection = "upgrade" if status == "101" else "close"
    lines = [f"HTTP/1.1 {status} Said", f"connection: {connection}", *filter(None, seen.get("x-answer").split("|"))]
    if not bodiless:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _read(stream: object) -> Seen | None:
    line = stream.readline()  # type: ignore[attr-defined]
    if not line:
        return None
    fields = []
    while (raw := stream.readline()) not in {b"\r\n", b""}:  # type: ignore[attr-defined]
        name, _, value = raw.decode("latin-1").rstrip("\r\n").partition(":")
        fields.append((name, value.strip()))
    known = {name.lower(): value for name, value in fields}
    body = b""
    if known.get("transfer-encoding") == "chunked":
        while size := int(stream.readline(), 16):  # type: ignore[attr-defined]
            body += stream.read(size)  # type: ignore[attr-defined]
            stream.readline()  # type: ignore[attr-defined]
        stream.readline()  # type: ignore[attr-defined]
    elif "content-length" in known:
        body = stream.read(int(known["content-length"]))  # type: ignore[attr-defined]
    return Seen(line.decode("latin-1").strip(), tuple(sorted(fields)), body)


@contextlib.contextmanager
def scripted() -> Iterator[Scripted]:
    """Run an upstream."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        upstream = Scripted(listener.getsockname()[1])

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=upstream.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield upstream
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE)


@contextlib.contextmanager
def refusing() -> Iterator[int]:
    """Yield a port nobody listens on, held so that nobody will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextlib.contextmanager
def full() -> Iterator[int]:
    """Yield a port on which no connection is ever made: nobody accepts, and no room is left to wait in."""
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(socket.socket())
        held.bind(("127.0.0.1", 0))
        held.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(held.getsockname())
        yield held.getsockname()[1]
