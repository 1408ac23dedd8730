"""From what the parser read to a request head that has one meaning (RFC 9112, sections 3 and 6)."""

from __future__ import annotations

from typing import Protocol

from edgesim.http1.fields import Fields, connection_options, repeated
from edgesim.http1.strict import CHUNKED, HOST_BYTES, UNKNOWN_METHODS, is_grpc, sanitized_te
from edgesim.http1.target import BadTargetError, check_authority, split_target, without_port
from edgesim.model import ListenerOptions, RequestHead

_CONNECT = b"CONNECT"
_WITHOUT_BODY = frozenset((b"GET", b"HEAD", b"DELETE", b"TRACE", _CONNECT))
_USUAL_METHODS = frozenset((b"GET", b"HEAD", b"DELETE"))
_PIECES = (b"GET", b"/", b"HTTP/1.1")
"""A request line: method, target, version."""
OLDER, SWITCHES, GRPC = 1, 2, 4
"""What few heads are: HTTP/1.0, asking to switch protocols (or seeming to), gRPC."""
_FRAMING = (b"content-length", b"transfer-encoding")


class RefusedError(ValueError):
    """A request that is not served; the answer has this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Parser(Protocol):
    """What is asked of the parser that read a head."""

    def get_method(self) -> bytes:
        """Return the method."""

    def get_http_version(self) -> str:
        """Return major and minor version."""

    def should_keep_alive(self) -> bool:
        """Tell whether the connection stays, by version and `Connection`."""


def read_head(  # noqa: C901  # once for each head: a call saved is a microsecond's tenth
    parser: Parser, target: bytes, fields: Fields, size: int, options: ListenerOptions
) -> tuple[RequestHead, int]:
    """Return the head and which of the above it is; in `fields` is left what may be forwarded: one Host, one framing.

    `size` is how many bytes the head took at most. Raises RefusedError.
    """
    headers = dict(fields)
    # HTTP/1.0 keeps a connection alive only if `connection` says so: the version is looked up only then.
    usual = b"connection" not in headers and parser.should_keep_alive()
    special = 0 if usual else _age(parser.get_http_version(), options)
    method = parser.get_method()
    lines = repeated(fields) if len(headers) != len(fields) else None
    if len(fields) > options.max_headers or (size > options.max_headers_bytes and _exceeds(target, fields, options)):
        raise RefusedError(431)
    authority: bytes | None
    try:
        if method == _CONNECT:
            authority, path, query = _endpoint(target, options), b"/", None
            special |= SWITCHES
        else:
            authority, path, query = split_target(target, options)
    except BadTargetError:
        raise RefusedError(400) from None
    host = headers.get(b"host")
    if authority is not None or host is None or options.strip_any_host_port:
        host = _address(fields, _host(authority, host, options, older=bool(special & OLDER)))
        headers = dict(fields)
        lines = repeated(fields) if lines is not None else None
    if host.translate(None, HOST_BYTES) or method in UNKNOWN_METHODS:
        raise RefusedError(400)
    if b"transfer-encoding" in headers:
        _check_coding(headers, lines)
    elif method not in _WITHOUT_BODY and b"content-length" not in headers:
        fields.append((b"content-length", b"0"))
    if lines is not None:
        _join(headers, lines)
    if b"te" in headers:
        sanitized_te(fields, headers)
    if b"upgrade" in headers:
        special |= SWITCHES
    if b"content-type" in headers and is_grpc(headers[b"content-type"]):
        special |= GRPC
    return RequestHead(method, host, path, query, headers, lines), special


def read_usual_start(line: bytes, options: ListenerOptions) -> tuple[bytes, bytes, bytes | None] | None:
    """Return method, path and query of a usual request line; None for any other, which is the parser's to judge."""
    pieces = line.split(b" ")
    if len(pieces) != len(_PIECES) or pieces[2] != _PIECES[2] or pieces[0] not in _USUAL_METHODS:
        return None
    if not pieces[1].startswith(b"/"):
        return None
    try:
        _, path, query = split_target(pieces[1], options)
    except BadTargetError:
        return None
    return pieces[0], path, query


def _age(version: str, options: ListenerOptions) -> int:
    if version == "1.1":
        return 0
    if version == "2.0" or not options.accept_http_10:
        raise RefusedError(426)
    return OLDER


def _exceeds(target: bytes, fields: Fields, options: ListenerOptions) -> bool:
    return len(target) + sum(len(name) + len(value) for name, value in fields) > options.max_headers_bytes


def _endpoint(target: bytes, options: ListenerOptions) -> bytes:
    """Return where a CONNECT leads. Raises BadTargetError, and RefusedError where none is taken: no route matches."""
    authority = check_authority(target, needs_port=True)
    if not options.allow_connect:
        raise RefusedError(404)
    return authority


def _check_coding(headers: dict[bytes, bytes], lines: dict[bytes, list[bytes]] | None) -> None:
    """Raise RefusedError for any transfer coding but `chunked` alone (RFC 9112, section 6.1)."""
    if headers[b"transfer-encoding"].lower() != CHUNKED or (lines is not None and b"transfer-encoding" in lines):
        raise RefusedError(501)


def _join(headers: dict[bytes, bytes], lines: dict[bytes, list[bytes]]) -> None:
    """Take the lines of a list that decides about the message as one (RFC 9110, section 5.3)."""
    if b"host" in lines:
        raise RefusedError(400)
    for name in (b"connection", b"upgrade", b"te"):
        if name in lines:
            headers[name] = b", ".join(lines[name])


def _host(authority: bytes | None, host: bytes | None, options: ListenerOptions, *, older: bool) -> bytes:
    """Return the one host that holds: an absolute target's before the field's (RFC 9112, section 3.2.2)."""
    if authority is None:
        authority = host
    if authority is None and older:
        authority = options.default_host_for_http_10.encode()
    if authority is None or (older and not authority):
        raise RefusedError(400)
    return without_port(authority) if options.strip_any_host_port else authority


def _address(fields: Fields, host: bytes) -> bytes:
    fields[:] = [(b"host", host), *(field for field in fields if field[0] != b"host")]
    return host


def is_framed(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a head announces a body."""
    return any(name in headers for name in _FRAMING)


def closes(headers: dict[bytes, bytes]) -> bool:
    """Tell whether `Connection` says `close`."""
    return b"close" in connection_options(headers.get(b"connection", b""))


def body_of(headers: dict[bytes, bytes]) -> bytes:
    """Return a head that announces the same body and nothing else, for a parser that begins at the body."""
    lines = [b"%b: %b" % (name, headers[name]) for name in _FRAMING if name in headers]
    if closes(headers):
        lines.append(b"connection: close")
    return b"\r\n".join((b"POST / HTTP/1.1", *lines, b"\r\n"))
