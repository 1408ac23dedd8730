"""Answers edgesim gives itself, worded as Envoy's (Gloo reference, section 13.5)."""

from __future__ import annotations

from edgesim.http1.fields import Fields, head_bytes
from edgesim.http1.reasons import REASONS

STATUS_LINES = {code: b"HTTP/1.1 %d %b" % (code, reason.encode()) for code, reason in REASONS.items()}

BODILESS = frozenset((204, 304))
"""Final statuses without a body."""
_OF_A_BODY = frozenset((b"content-length", b"content-type"))

NO_HEALTHY_UPSTREAM = b"no healthy upstream"
REQUEST_TIMEOUT = b"upstream request timeout"
STREAM_TIMEOUT = b"stream timeout"
DURATION_TIMEOUT = b"downstream duration timeout"
STREAM_DURATION = b"upstream max stream duration reached"


def status_line(status: int, *, older: bool = False) -> bytes:
    """Return the status line with the reason Envoy gives, whatever the upstream's was; `older` is HTTP/1.0."""
    line = STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown" % status
    return b"HTTP/1.0" + line[len(b"HTTP/1.0") :] if older else line


def reset_body(reason: str, *, retried: bool = False) -> bytes:
    """Return the body of a 503 or 502 for an upstream that failed before its head."""
    latest = "retried and the latest reset reason" if retried else "reset reason"
    return f"upstream connect error or disconnect/reset before headers. {latest}: {reason}".encode()


def local_fields(body: bytes) -> Fields:
    """Return the fields that describe a local reply's body; without a body there are none."""
    return [(b"content-length", b"%d" % len(body)), (b"content-type", b"text/plain")] if body else []


def finished(fields: Fields, date: bytes, server: bytes = b"envoy") -> Fields:
    """Return a response's fields with what comes last, whatever a route adds: our `server`, and a date if none is there."""
    dated = any(name == b"date" for name, _ in fields)
    ours = [(b"server", server)] if dated else [(b"date", date), (b"server", server)]
    return [*(field for field in fields if field[0] != b"server"), *ours]


def reply_bytes(
    status: int,
    fields: Fields,
    body: bytes,
    date: bytes,
    *,
    close: bool,
    head_only: bool,
    server: bytes = b"envoy",
    older: bool = False,
) -> bytes:
    """Return a whole local reply. `fields` describe the body already; an empty one gets its length here.

    A status that has no body (RFC 9110, section 6.4.1) is sent without, though Envoy sends it.
    """
    more = [b"connection: close"] if close else [b"connection: keep-alive"] if older else []
    if status in BODILESS:
        fields = [field for field in fields if field[0] not in _OF_A_BODY]
    elif not body:
        more.insert(0, b"content-length: 0")
    head = head_bytes(status_line(status, older=older), finished(fields, date, server), *more)
    return head if head_only or status in BODILESS else head + body
