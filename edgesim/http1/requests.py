"""From what the parser read to a request head that has one meaning (RFC 9112, sections 3 and 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from edgesim.http1.fields import HOP_BY_HOP, BadFieldsError, Fields, connection_options, forwardable, repeated
from edgesim.http1.strict import CHUNKED, HOST_BYTES, UNKNOWN_METHODS, is_grpc, sanitized_te, upgrade_of
from edgesim.http1.target import BadTargetError, check_authority, split_target, without_port
from edgesim.model import ListenerOptions, RequestHead

_CONNECT = b"CONNECT"
_WITHOUT_BODY = frozenset((b"GET", b"HEAD", b"DELETE", b"TRACE", _CONNECT))
_USUAL_METHODS = frozenset((b"GET", b"HEAD", b"DELETE"))
_PIECES = (b"GET", b"/", b"HTTP/1.1")
"""A request line: method, target, version."""
_FRAMING = (b"content-length", b"transfer-encoding")
_CONTINUE = b"100-continue"
_SWITCHING = frozenset((b"connection", b"upgrade"))
_OF_THE_CONNECTION = HOP_BY_HOP | {b"te", b"expect"}
"""Fields of which nothing, or not all, is the request's: no route sees them."""

CODEC_ERROR = b"http1.codec_error"
TOO_MANY_HEADERS = b"http1.too_many_headers"
HEADERS_TOO_LARGE = b"http1.headers_too_large"
MISSING_HOST = b"missing_host_header"
BAD_PATH = b"path_normalization_failed"
NO_ROUTE = b"route_not_found"
LOW_VERSION = b"low_version"
INVALID_CODING = b"http1.invalid_transfer_encoding"


class RefusedError(ValueError):
    """A request that is not served; the answer has this status, for a reason in Envoy's words (code details)."""

    def __init__(self, status: int, details: bytes = CODEC_ERROR) -> None:
        super().__init__(status)
        self.status = status
        self.details = details


@dataclass(frozen=True, slots=True)
class Special:
    """What is known of a head besides its fields, where there is more: few heads have any of it.

    `upgrade` is the protocol to switch to, `connects` says CONNECT; `body` announces the same body and nothing
    else, for a parser that begins there.
    """

    older: bool = False
    connects: bool = False
    grpc: bool = False
    chunked: bool = False
    expects: bool = False
    closes: bool = False
    upgrade: bytes | None = None
    framed: bool = False
    body: bytes = b""


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
) -> tuple[RequestHead, Special | None]:
    """Return the head as routes see it, and what else there is to know of it, None for the usual one.

    In `fields` is left what may be forwarded: one Host, nothing of this connection. `size` is how many bytes the
    head took at most. Raises RefusedError.
    """
    headers = dict(fields)
    # HTTP/1.0 keeps a connection alive only if `connection` says so: the version is looked up only then.
    usual = b"connection" not in headers and parser.should_keep_alive()
    older = not usual and _is_older(parser.get_http_version(), options)
    method = parser.get_method()
    connects = method == _CONNECT
    lines = repeated(fields) if len(headers) != len(fields) else None
    if len(fields) > options.max_headers or (size > options.max_headers_bytes and _exceeds(target, fields, options)):
        raise RefusedError(431, TOO_MANY_HEADERS if len(fields) > options.max_headers else HEADERS_TOO_LARGE)
    authority: bytes | None
    try:
        if connects:
            authority, path, query = _endpoint(target, options), b"/", None
        else:
            authority, path, query = split_target(target, options)
    except BadTargetError as bad:
        raise RefusedError(400, bad.details) from None
    host = headers.get(b"host")
    if authority is not None or host is None or options.strip_any_host_port:
        host = _address(fields, _host(authority, host, options, older=older))
        headers = dict(fields)
        lines = repeated(fields) if lines is not None else None
    if host.translate(None, HOST_BYTES) or method in UNKNOWN_METHODS:
        raise RefusedError(400, CODEC_ERROR if method in UNKNOWN_METHODS else b"http.invalid_authority")
    if lines is not None:
        _join(headers, lines)
    if method not in _WITHOUT_BODY and b"content-length" not in headers and b"transfer-encoding" not in headers:
        fields.append((b"content-length", b"0"))
    special = None
    if not _OF_THE_CONNECTION.isdisjoint(headers):
        special = _take_out(headers, fields, lines, older=older)
    elif older:
        special = Special(older=True)
    if connects:
        special = replace(special or Special(framed=is_framed(headers)), connects=True)
    if b"content-type" in headers and is_grpc(headers[b"content-type"]):
        special = replace(special or Special(), grpc=True)
    return RequestHead(method, host, path, query, headers, lines or None), special


def _take_out(
    headers: dict[bytes, bytes], fields: Fields, lines: dict[bytes, list[bytes]] | None, *, older: bool
) -> Special:
    """Take out what is said of this connection only, before anything is decided by it; return what was said.

    Those that ask to switch keep `connection` and `upgrade`, by which a route may tell them. Raises RefusedError.
    """
    coding, upgrade = headers.get(b"transfer-encoding"), upgrade_of(headers)
    if coding is not None:
        _check_coding(coding, lines)
    special = Special(
        older=older,
        chunked=coding is not None,
        expects=headers.get(b"expect", b"").lower() == _CONTINUE,
        closes=closes(headers),
        upgrade=upgrade,
        framed=is_framed(headers),
        body=body_of(headers) if b"upgrade" in headers else b"",
    )
    dropped = HOP_BY_HOP | {b"expect"} if special.expects else HOP_BY_HOP
    try:
        kept = forwardable(fields, headers.get(b"connection"), dropped)
    except BadFieldsError:
        raise RefusedError(400, b"http1.connection_header_rejected") from None
    # Who asks to switch has its `Connection` passed on as it is, and so what that names (measured on Envoy 1.40).
    fields[:] = kept if upgrade is None else forwardable(fields, None, dropped)
    if b"te" in headers:
        sanitized_te(fields, headers)
    left = {name for name, _ in fields}
    if upgrade is not None:
        left |= _SWITCHING
    for name in headers.keys() - left:
        del headers[name]
    if lines is not None:
        for name in _SWITCHING | (lines.keys() - left):
            lines.pop(name, None)  # what is left of a switch is one line
    return special


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


def _is_older(version: str, options: ListenerOptions) -> bool:
    if version == "1.1":
        return False
    if version == "2.0" or not options.accept_http_10:
        raise RefusedError(426, LOW_VERSION)
    return True


def _exceeds(target: bytes, fields: Fields, options: ListenerOptions) -> bool:
    return len(target) + sum(len(name) + len(value) for name, value in fields) > options.max_headers_bytes


def _endpoint(target: bytes, options: ListenerOptions) -> bytes:
    """Return where a CONNECT leads. Raises BadTargetError, and RefusedError where none is taken: no route matches."""
    authority = check_authority(target, needs_port=True)
    if not options.allow_connect:
        raise RefusedError(404, NO_ROUTE)
    return authority


def _check_coding(coding: bytes, lines: dict[bytes, list[bytes]] | None) -> None:
    """Raise RefusedError for any transfer coding but `chunked` alone (RFC 9112, section 6.1)."""
    if coding.lower() != CHUNKED or (lines is not None and b"transfer-encoding" in lines):
        raise RefusedError(501, INVALID_CODING)


def _join(headers: dict[bytes, bytes], lines: dict[bytes, list[bytes]]) -> None:
    """Take the lines of a list that decides about the message as one (RFC 9110, section 5.3)."""
    if b"host" in lines:
        raise RefusedError(400)
    for name in (b"connection", b"upgrade", b"te"):
        if name in lines:
            headers[name] = b",".join(lines[name])


def _host(authority: bytes | None, host: bytes | None, options: ListenerOptions, *, older: bool) -> bytes:
    """Return the one host that holds: an absolute target's before the field's (RFC 9112, section 3.2.2)."""
    if authority is None:
        authority = host
    if authority is None and older:
        authority = options.default_host_for_http_10.encode()
    if authority is None or (older and not authority):
        raise RefusedError(400, MISSING_HOST)
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
