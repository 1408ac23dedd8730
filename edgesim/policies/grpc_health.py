"""gRPC's health service: its two messages, and how Envoy judges the answer to a call.

https://github.com/grpc/grpc/blob/master/doc/health-checking.md. The messages have one field each, so that they are
written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from edgesim.policies.health_checks import Fields, Outcome
from edgesim.policies.protobuf_wire import VARINT, length_delimited, read_fields

CHECK: Final = b"/grpc.health.v1.Health/Check"
CONTENT_TYPE: Final = b"application/grpc"
_PREFIX: Final = 5
"""Bytes before a message: whether it is compressed, and its length."""
_SERVICE = _STATUS = 1
"""The only field of a request, and of an answer."""
_LONGEST: Final = 1 << 16
"""Bytes of an answer that are looked at: a right one has seven."""
_LARGEST_TIMEOUT: Final = 99_999_999


class Serving(IntEnum):
    """What a service says of itself."""

    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2


def check_request(service: str) -> bytes:
    """Return a HealthCheckRequest with its prefix."""
    return framed(length_delimited(_SERVICE, service.encode()) if service else b"")


def check_response(serving: Serving) -> bytes:
    """Return a HealthCheckResponse with its prefix. A default, such as UNKNOWN, is not written."""
    return framed(bytes((_STATUS << 3, serving)) if serving else b"")


def framed(message: bytes) -> bytes:
    """Return a message behind the prefix of one that is not compressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def is_grpc(content_type: bytes) -> bool:
    """Tell whether a content type is gRPC's, as Envoy does: nothing but a codec may follow, behind a `+`."""
    return content_type.startswith(CONTENT_TYPE) and content_type[len(CONTENT_TYPE) :][:1] in {b"", b"+"}


def timeout_value(seconds: float) -> bytes:
    """Return a `grpc-timeout`: milliseconds, or the first larger unit in which it has eight digits."""
    value, unit = int(seconds * 1000), b"m"
    for larger, factor in ((b"S", 1000), (b"M", 60), (b"H", 60)):
        if value > _LARGEST_TIMEOUT:
            value, unit = value // factor, larger
    return b"%d%s" % (min(value, _LARGEST_TIMEOUT), unit)


class CallJudgement:
    """The answer to one call so far. Each part tells the outcome, if it is certain with it.

    As with Envoy everything that is answered is a refusal, but for the status OK with one message that says SERVING.
    """

    __slots__ = ("_received",)

    def __init__(self) -> None:
        """Begin without an answer."""
        self._received = b""

    def head(self, fields: Fields, *, ends: bool) -> Outcome | None:
        """Take the head. Where it is all of the answer, no message came, whatever the status."""
        found = dict(fields)
        good = found.get(b":status") == b"200" and is_grpc(found.get(b"content-type", b""))
        return None if good and not ends else Outcome.REFUSED

    def data(self, data: bytes, *, ends: bool) -> Outcome | None:
        """Take a piece of the body, which must not be the end."""
        self._received += data
        try:
            good = not ends and len(self._received) <= _LONGEST and _are_fitting([*_messages(self._received)])
        except ValueError:
            good = False
        return None if good else Outcome.REFUSED

    def trailers(self, fields: Fields) -> Outcome:
        """Take the trailers, which have the status of the call."""
        status = dict(fields).get(b"grpc-status", b"")
        serving = [_status_of(each) for each in _messages(self._received)]
        good = status.isdigit() and not status.strip(b"0") and serving == [Serving.SERVING]
        return Outcome.PASSED if good else Outcome.REFUSED


def _are_fitting(messages: list[bytes]) -> bool:
    """Tell whether these can be the messages of an answer. Raises ValueError for one that is none at all."""
    for each in messages:
        _status_of(each)
    return len(messages) <= 1


def _messages(data: bytes) -> Iterator[bytes]:
    """Yield the whole messages of a body, but for empty ones. Raises ValueError for a prefix that is not expected."""
    while data:
        if data[0]:
            raise ValueError("a message is compressed")
        end = _PREFIX + int.from_bytes(data[1:_PREFIX], "big")
        if len(data) < max(end, _PREFIX):
            return
        if end > _PREFIX:
            yield data[_PREFIX:end]
        data = data[end:]


def _status_of(message: bytes) -> int:
    """Return the status a HealthCheckResponse says. Raises ValueError where the bytes are no message."""
    said = [value for number, kind, value in read_fields(message) if (number, kind) == (_STATUS, VARINT)]
    last = said[-1] if said else Serving.UNKNOWN
    assert isinstance(last, int)
    return last
