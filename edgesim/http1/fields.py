"""Header fields between the two sides: what is dropped, what is added, and how a head is written.

A field is a (lower-case name, value) pair of bytes; a list of them keeps the order they came in.
"""

from __future__ import annotations

from collections.abc import Iterable

Field = tuple[bytes, bytes]
Fields = list[Field]

HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
"""Fields of one connection only, never forwarded (RFC 9110, section 7.6.1)."""

ROUTER_REQUEST = frozenset(
    b"x-envoy-" + name
    for name in (
        b"expected-rq-timeout-ms",
        b"hedge-on-per-try-timeout",
        b"max-retries",
        b"retriable-header-names",
        b"retriable-status-codes",
        b"retry-grpc-on",
        b"retry-on",
        b"upstream-alt-stat-name",
        b"upstream-rq-per-try-timeout-ms",
        b"upstream-rq-timeout-alt-response",
        b"upstream-rq-timeout-ms",
        b"upstream-stream-duration-ms",
    )
)
"""Request fields Envoy's router consumes or sets itself."""

NOT_FORWARDED = HOP_BY_HOP | ROUTER_REQUEST
"""Request fields the upstream does not see as they came."""

NOT_RETURNED = HOP_BY_HOP | {b"server", b"x-envoy-upstream-service-time"}
"""Response fields the client does not see as they came."""

_NEVER_NAMED = frozenset(
    (
        b"content-length",
        b"host",
        b"transfer-encoding",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
    )
)
_MOST_OPTIONS = 9
"""Envoy refuses a Connection header of ten."""


class BadFieldsError(ValueError):
    """Fields that contradict each other or themselves: the answer is `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def repeated(fields: Fields) -> dict[bytes, list[bytes]]:
    """Return every name that occurs more than once, with all its lines in order."""
    lines: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        lines.setdefault(name, []).append(value)
    return {name: values for name, values in lines.items() if len(values) > 1}


def forwardable(fields: Iterable[Field], connection: bytes | None, dropped: frozenset[bytes]) -> Fields:
    """Return the fields without the dropped ones and those that `Connection` names (RFC 9110, 7.6.1).

    Raises BadFieldsError when `Connection` names a field that frames or addresses the message or says
    whom it is from, or names more than Envoy bears.
    """
    if connection is not None:
        named = connection_options(connection)
        if not named.isdisjoint(_NEVER_NAMED) or len(named) > _MOST_OPTIONS or b":" in connection:
            raise BadFieldsError(400)
        dropped |= named
    return [field for field in fields if field[0] not in dropped]


def connection_options(value: bytes) -> frozenset[bytes]:
    """Return the options of a Connection header, lower case; `te` is end-to-end when it says `trailers`."""
    options = (option.strip() for option in value.lower().split(b","))
    return frozenset(option for option in options if option and option != b"te")


def head_bytes(start: bytes, fields: Iterable[Field], *more: bytes) -> bytes:
    """Return a whole head: start line, fields, and ready-made lines."""
    return b"\r\n".join((start, *map(b": ".join, fields), *more, b"\r\n"))
