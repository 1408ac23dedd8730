"""Raw bytes in, raw bytes out: a client that sends what it is told, an upstream that records what it gets.

Nothing here shares code with edgesim, so that a mistake of its parser cannot hide itself.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.differential import kernel

QUIET = 0.1
"""Seconds of silence, and turns a proxy has had to answer others, after which it is taken to be waiting for more."""
TURNS = 20
SOON = 0.01
"""Seconds to listen on when everything expected was heard."""
_DEADLINE = 20.0
_STUCK = 5.0
"""Seconds after which bytes are taken to be left unread for good."""
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/1\.1")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3,})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")


class AmbiguousError(AssertionError):
    """Bytes that two readers could understand differently."""


class IncompleteError(Exception):
    """The message goes on beyond the bytes at hand."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response as a strict reader sees it; `start` is the method and target, or the status."""

    start: tuple[bytes, ...]
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""

    @property
    def is_interim(self) -> bool:
        return len(self.start[0]) == 3 and self.start[0].startswith(b"1")

    @property
    def is_final(self) -> bool:
        return not self.is_interim or self.start[0] == b"101"

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key == name]


def read_requests(data: bytes) -> tuple[list[Message], bytes]:
    """Return whole requests and what is left. Raises AmbiguousError for what RFC 9112 does not allow to send."""
    messages = []
    while data:
        try:
            message, data = _read(data, _REQUEST_LINE, has_body=lambda _message: True, ended=False)
        except IncompleteError:
            break
        if len(message.all(b"host")) != 1:
            raise AmbiguousError(f"not one Host: {message.fields}")
        messages.append(message)
    return messages, data


def read_responses(
    data: bytes, methods: Sequence[bytes], *, ended: bool, forwarded: bytes = b""
) -> tuple[list[Message], bytes]:
    """Return whole responses, interim ones too, and what is left.

    `methods` are those of the requests. Where only some were forwarded, and theirs are the methods, `forwarded` is
    a field that only their answers have.
    """
    messages = []
    waiting = list(methods)
    while data:
        theirs = forwarded in data.partition(b"\r\n\r\n")[0].lower()
        head_only = theirs and waiting[:1] == [b"HEAD"]

        def has_body(message: Message, *, head_only: bool = head_only) -> bool:
            return not (head_only or message.is_interim or message.start[0] in {b"204", b"304"})

        try:
            message, data = _read(data, _STATUS_LINE, has_body, ended=ended)
        except IncompleteError:
            break
        messages.append(message)
        if message.start[0] == b"101":
            break
        if theirs and not message.is_interim:
            del waiting[:1]
    return messages, data


def _read(
    data: bytes, line: re.Pattern[bytes], has_body: Callable[[Message], bool], *, ended: bool
) -> tuple[Message, bytes]:
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        raise IncompleteError
    first, *lines = head.split(b"\r\n")
    start = line.fullmatch(first)
    if start is None:
        raise AmbiguousError(f"start line {first!r}")
    fields = tuple(map(_field, lines))
    message = Message(tuple(part or b"" for part in start.groups()), fields)
    if first.startswith(b"HTTP/1.0") and (message.is_interim or message.all(b"transfer-encoding")):
        raise AmbiguousError(f"not of HTTP/1.0: {message}")
    if not has_body(message):
        return message, rest
    is_request = line is _REQUEST_LINE
    body, rest = _body(message, rest, is_request=is_request, ended=ended)
    return Message(message.start, fields, body), rest


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise AmbiguousError(f"field {line!r}")
    return name.lower(), value.strip(b" \t")


def _body(message: Message, rest: bytes, *, is_request: bool, ended: bool) -> tuple[bytes, bytes]:
    lengths, codings = message.all(b"content-length"), message.all(b"transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise AmbiguousError(f"framed twice: {message.fields}")
    if lengths:
        if not lengths[0].isdigit():
            raise AmbiguousError(f"length {lengths[0]!r}")
        length = int(lengths[0])
        if len(rest) < length:
            raise IncompleteError
        return rest[:length], rest[length:]
    if codings:
        if codings[0].lower() != b"chunked":
            raise AmbiguousError(f"coding {codings[0]!r}")
        return _chunks(rest)
    if is_request:
        return b"", rest
    if not ended:
        raise IncompleteError
    return rest, b""


def _chunks(rest: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, end, rest = rest.partition(b"\r\n")
        if not end:
            raise IncompleteError
        if not _CHUNK_SIZE.fullmatch(size):
            raise AmbiguousError(f"chunk size {size!r}")
        length = int(size, 16)
        if not length:
            break
        if len(rest) < length + 2:
            raise IncompleteError
        if rest[length : length + 2] != b"\r\n":
            raise AmbiguousError(f"chunk of {length} ends with {rest[length : length + 2]!r}")
        body, rest = body + rest[:length], rest[length + 2 :]
    while not rest.startswith(b"\r\n"):
        line, end, rest = rest.partition(b"\r\n")
        if not end:
            raise IncompleteError
        _field(line)
    return body, rest[2:]


# -- the upstream ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Upstream:
    """A server that records every connection's bytes and answers each whole request with `answer`.

    `whole` sends the answer in one piece, otherwise one byte at a time. `close` ends the connection behind it.
    """

    port: int
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    whole: bool = True
    close: bool = True
    reset: bool = False
    received: list[bytearray] = field(default_factory=list)
    connections: set[socket.socket] = field(default_factory=set)
    busy: set[socket.socket] = field(default_factory=set)
    """Connections that carried something, and are not over."""
    sending: int = 0
    """How many answers are under way: each byte waits until the last is read, which takes its time."""

    def settle(self) -> None:
        """Wait until what a case began is over, so that none of it is taken for the next one's."""
        deadline = time.monotonic() + _DEADLINE
        while self.busy:
            assert time.monotonic() < deadline, "a connection stays open behind a client that has gone"
            time.sleep(0.001)

    def clear(self) -> None:
        self.received = []

    def bytes_of_all(self) -> list[bytes]:
        return [bytes(data) for data in self.received if data]

    def serve(self, connection: socket.socket) -> None:
        data = bytearray()
        answered = 0
        self.connections.add(connection)
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while piece := connection.recv(65536):
                if not data:
                    self.received.append(data)  # only now: a connection may be older than the case it serves
                    self.busy.add(connection)
                data += piece
                whole = _requests_in(bytes(data))
                while answered < whole:
                    answered += 1
                    self.sending += 1
                    try:
                        send(connection, self.answer, whole=self.whole)
                    finally:
                        self.sending -= 1
                    if self.reset:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    if self.close or self.reset:
                        break
                else:
                    continue
                break
        self.connections.discard(connection)
        self.busy.discard(connection)

    def push(self, data: bytes) -> None:
        """Send bytes nobody asked for on every open connection."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.sendall(data)


def _requests_in(data: bytes) -> int:
    try:
        return len(read_requests(data)[0])
    except AmbiguousError:
        return 0  # the test looks at the bytes again, and fails there


@contextlib.contextmanager
def recording() -> Iterator[Upstream]:
    """Run an upstream."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = Upstream(listener.getsockname()[1])

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=upstream.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield upstream
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(_DEADLINE)


def send(connection: socket.socket, data: bytes, *, whole: bool) -> None:
    """Send bytes, in one piece or one at a time."""
    if whole:
        connection.sendall(data)
        return
    for at in range(len(data)):
        connection.sendall(data[at : at + 1])
        if not _is_read(connection):
            return


def _is_read(connection: socket.socket) -> bool:
    """Wait until the other end has read all of it, so that the next byte is a read of its own; False if it never will."""
    deadline = time.monotonic() + _STUCK
    while kernel.CAN_TELL and (unread := kernel.unread(connection)) != 0:
        if unread is None or time.monotonic() > deadline:
            return False
    return True


# -- the client ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client heard: whole responses, what came after them, and how it ended (`eof`, `reset`, `open`)."""

    responses: tuple[Message, ...]
    rest: bytes
    end: str

    @property
    def statuses(self) -> tuple[int, ...]:
        return tuple(int(response.start[0]) for response in self.responses if response.is_final)


def ask(
    port: int, data: bytes, *, whole: bool = True, expected: int = 1, is_pending: Callable[[], object] = bool
) -> Heard:
    """Send bytes and listen until the proxy closes, resets, or is quiet for long while nothing is pending upstream.

    When `expected` final responses are there, only a moment more is listened.
    """
    methods = [line.split(b" ", 1)[0] for line in data.split(b"\r\n") if line.endswith(b"HTTP/1.1")]
    with socket.create_connection(("127.0.0.1", port), timeout=_DEADLINE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sender = threading.Thread(target=_send_quietly, args=(client, data, whole), daemon=True)
        sender.start()
        heard, end = _listen(client, methods, expected, lambda: sender.is_alive() or is_pending())
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        sender.join(_DEADLINE)
    responses, rest = read_responses(heard, methods, ended=end == "eof")
    return Heard(tuple(responses), rest, end)


def _send_quietly(client: socket.socket, data: bytes, whole: bool) -> None:
    with contextlib.suppress(OSError):
        send(client, data, whole=whole)


def _listen(
    client: socket.socket, methods: Sequence[bytes], expected: int, is_pending: Callable[[], object]
) -> tuple[bytes, str]:
    heard = b""
    deadline = time.monotonic() + _DEADLINE
    while time.monotonic() < deadline:
        there = _finals(heard, methods)
        client.settimeout(SOON if expected and there >= expected else QUIET)
        is_sent = not is_pending()
        try:
            piece = client.recv(65536)
        except TimeoutError:
            if (expected and there >= expected) or (is_sent and _is_waiting(client)):
                return heard, "open"
            continue
        except ConnectionResetError:
            return heard, "reset"
        if not piece:
            return heard, "eof"
        heard += piece
    return heard, "open"


def _is_waiting(client: socket.socket) -> bool:
    """Tell whether the proxy stays silent although it has had its turns.

    On a busy machine silence alone may mean that the proxy, or the upstream, had no processor. So others are
    answered in between, who need a turn of both sides of the test, and of the same loop in the proxy.
    """
    for _ in range(TURNS):
        with socket.create_connection(client.getpeername(), timeout=_DEADLINE) as other:
            other.sendall(b"no request\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                other.recv(65536)
    return not select.select([client], [], [], 0)[0]


def _finals(heard: bytes, methods: Sequence[bytes]) -> int:
    try:
        responses, _ = read_responses(heard, methods, ended=False)
    except AmbiguousError:
        return 0
    return sum(response.is_final for response in responses)
