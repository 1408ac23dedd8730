"""What a head must be besides what the parser demands: one framing, one addressee, as Envoy has it.

The parser (llhttp) refuses most of what RFC 9112 forbids: bare CR and LF, folded lines, spaces before a
colon, control bytes, repeated or malformed lengths, a length beside a transfer coding. What it lets
through and Envoy 1.40 does not is decided here, from the fields alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from edgesim.http1.fields import Fields, connection_options

HOST_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+;=:@%[]"
"""What a Host may hold."""
UNKNOWN_METHODS = frozenset((b"M-SEARCH", b"QUERY", b"PRI"))
"""Methods of the parser that Envoy does not know."""
_FORBIDDEN_IN_REASON = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")
_OTHER_STATUS = re.compile(rb"HTTP/\d\.\d (\d{4,5})(?=[ \r])")
_STATUS_LINE_START = re.compile(rb"HTTP/\d\.\d (?:\d{3})(?:[ \r]|$)")
_LONGEST_START = 16
_FIRST, _NO_CONTENT, _FINAL, _LAST = 100, 204, 200, 0xFFFF
_REASONS = frozenset(status.phrase.encode() for status in HTTPStatus)

CHUNKED = b"chunked"
GRPC_REFUSAL: tuple[int, bytes, Fields] = (
    200,
    b"",
    [
        (b"content-type", b"application/grpc"),
        (b"grpc-status", b"12"),
        (b"grpc-message", b"gRPC needs HTTP/2, edgesim serves HTTP/1.1"),
    ],
)
"""UNIMPLEMENTED in the form of Envoy's local replies to gRPC: status, body, fields."""


def error_status(error: str) -> int:
    """Return the status for a head the parser refused, by the parser's own words."""
    if error == "Invalid HTTP version":
        return 426
    return 501 if "Transfer-Encoding" in error and "can't be present" not in error else 400


def error_details(error: str) -> bytes:
    """Return Envoy's words for why a head was refused that the parser could not read."""
    if "can't be present" in error:
        return b"http1.content_length_and_chunked_not_allowed"
    details = {426: b"low_version", 501: b"http1.invalid_transfer_encoding"}
    return details.get(error_status(error), b"http1.codec_error")


def is_http2(error: str) -> bool:
    """Tell whether the parser met HTTP/2's connection preface (RFC 9113, section 3.4)."""
    return "PRI" in error or "HTTP/2" in error


def sanitized_te(fields: Fields, headers: dict[bytes, bytes]) -> None:
    """Leave of TE only `trailers`, as Envoy does, in lower case: other codings concern this connection alone."""
    codings = {coding.strip() for coding in headers[b"te"].split(b",")}
    kept: Fields = [(b"te", b"trailers")] if b"trailers" in codings else []
    fields[:] = [field for field in fields if field[0] != b"te"] + kept
    headers.pop(b"te")
    headers.update(kept)


def is_grpc(content_type: bytes) -> bool:
    """Tell whether a request is gRPC, which needs HTTP/2; gRPC-Web does not."""
    return content_type[:16].lower() == b"application/grpc" and content_type[16:17] in {b"", b"+", b";"}


def upgrade_of(headers: Mapping[bytes, bytes]) -> bytes | None:
    """Return the protocol a request asks to switch to, lower case, or None (RFC 9110, section 7.8).

    `h2c` is none: Envoy takes such a request as if it had not asked.
    """
    upgrade = headers.get(b"upgrade")
    if upgrade is None or b"upgrade" not in connection_options(headers.get(b"connection", b"")):
        return None
    return None if upgrade.lower() == b"h2c" else upgrade.lower()


def agrees(fields: Fields) -> bool:
    """Tell whether a 101 agrees to switch: it says to what, and that `Connection` is upgraded (RFC 9110, section 7.8)."""
    lines = {name: b",".join(value for each, value in fields if each == name) for name in (b"connection", b"upgrade")}
    return bool(upgrade_of(lines))


class MalformedError(ValueError):
    """A response that has no single meaning."""


def check_framing(status: int, fields: Fields, headers: Mapping[bytes, bytes]) -> None:
    """Raise MalformedError for a response whose framing has no single meaning (RFC 9112, section 6.3).

    A transfer coding must be `chunked` alone; what has no body by its status (1xx, 204) must not claim
    one; a status below 100 is none. A length of nothing is taken from the fields of a 204, as Envoy does.
    """
    coding = headers.get(b"transfer-encoding")
    if coding is not None and (coding.lower() != CHUNKED or _count(fields, b"transfer-encoding") > 1):
        raise MalformedError
    if status == _NO_CONTENT or status < _FINAL:
        if status < _FIRST or coding is not None or headers.get(b"content-length", b"").strip(b"0"):
            raise MalformedError
        fields[:] = [field for field in fields if field[0] != b"content-length"]


def _count(fields: Fields, name: bytes) -> int:
    return sum(field[0] == name for field in fields)


def check_reason(reason: bytes) -> None:
    """Raise MalformedError for a reason phrase with control bytes."""
    if reason not in _REASONS and _FORBIDDEN_IN_REASON.search(reason):
        raise MalformedError


def split_start(data: bytes) -> tuple[int, bytes] | None:
    """Read an unusual start: return a status of more digits and the rest as status 200, or None to wait for more.

    Status 0 stands for a start that is left to the parser. Envoy passes statuses on that no parser of
    three digits knows. Raises MalformedError for what is no HTTP status line.
    """
    found = _OTHER_STATUS.match(data)
    if found is not None:
        status = int(found[1])
        if not _FINAL <= status <= _LAST:
            raise MalformedError
        return status, b"HTTP/1.1 200" + data[found.end() :]
    if len(data) < _LONGEST_START and b"\n" not in data:
        return None
    if not _STATUS_LINE_START.match(data):
        raise MalformedError
    return 0, data
