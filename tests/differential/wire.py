"""Messages as a strict reader sees them.

Nothing here shares code with edgesim, so that a mistake of its parser cannot hide itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
