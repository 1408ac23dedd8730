"""Numbers, texts and names of enums in protobuf's JSON, as they stand on the wire."""

from __future__ import annotations

import struct
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from edgesim.policies.protobuf_wire import BYTES, FIXED32, FIXED64, VARINT, varint

Encode = Callable[[Any], bytes]
"""Turns a value of protobuf's JSON into what stands on the wire, without a tag."""


class UnencodableError(ValueError):
    """What a message cannot hold."""

    def __init__(self, reason: str, path: str = "") -> None:
        """Say what is wrong, and where it is below the message that was to be encoded."""
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path

    def below(self, step: str | int) -> UnencodableError:
        """Return the same, seen from the message around it."""
        place = f"[{step}]" if isinstance(step, int) else step
        joined = place + ("." if self.path and not self.path.startswith("[") else "") + self.path
        return UnencodableError(self.reason, joined)


@dataclass(frozen=True, slots=True)
class Scalar:
    """How a type that is no message is written: `whole` with its length where it has one, `zero` its default."""

    wire_type: int
    whole: Encode
    zero: bytes


def scalar(proto_type: str, kind: Any) -> Scalar:
    """Return how a type is written, by its name in protobuf; `kind` is the class of an enum."""
    if proto_type == "enum":
        return Scalar(VARINT, _enum(kind), varint(0))
    return _SCALARS[proto_type]


def _enum(kind: Any) -> Encode:
    """Values of an enum are named, or numbers; some are called otherwise in Python."""
    renamed: dict[str, int] = kind.betterproto_renamed_proto_names_to_value()
    named = {each.name: int(each) for each in kind} | renamed

    def encode(value: Any) -> bytes:
        number = named.get(value) if isinstance(value, str) else value
        if not isinstance(number, int) or isinstance(number, bool):
            raise UnencodableError(f"{value!r} is no {kind.__name__}")
        return varint(number & _ALL_BITS)

    return encode


def _whole_number(lowest: int, highest: int) -> Encode:
    def encode(value: Any) -> bytes:
        return varint(_integer(value, lowest, highest) & _ALL_BITS)

    return encode


def _zigzag(lowest: int, highest: int) -> Encode:
    def encode(value: Any) -> bytes:
        number = _integer(value, lowest, highest)
        return varint(number << 1 if number >= 0 else (-number << 1) - 1)

    return encode


def _integer(value: Any, lowest: int, highest: int) -> int:
    """Return a number of JSON, or one in a string as 64 bits are written."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = lowest - 1
    if isinstance(value, bool) or not lowest <= number <= highest or (isinstance(value, float) and value != number):
        raise UnencodableError(f"{value!r} is no number from {lowest} to {highest}")
    return number


def _fixed(form: str, lowest: int, highest: int) -> Encode:
    return lambda value: struct.pack(form, _integer(value, lowest, highest))


def _floating(form: str) -> Encode:
    def encode(value: Any) -> bytes:
        try:
            return struct.pack(form, float(value))
        except (TypeError, ValueError, OverflowError):
            raise UnencodableError(f"{value!r} is no number") from None

    return encode


def _boolean(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise UnencodableError(f"{value!r} is neither true nor false")
    return varint(value)


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise UnencodableError(f"{value!r} is no text")
    try:
        content = value.encode()
    except UnicodeEncodeError:
        raise UnencodableError(f"{value!r} is no UTF-8") from None
    return varint(len(content)) + content


def _octets(value: Any) -> bytes:
    try:
        content = b64decode(value, validate=True)
    except (TypeError, ValueError):
        raise UnencodableError(f"{value!r} is no base64") from None
    return varint(len(content)) + content


_ALL_BITS: Final = (1 << 64) - 1
_INT32: Final = (-(1 << 31), (1 << 31) - 1)
_INT64: Final = (-(1 << 63), (1 << 63) - 1)
_UINT32: Final = (0, (1 << 32) - 1)
_UINT64: Final = (0, _ALL_BITS)
_SCALARS: Final = {
    "bool": Scalar(VARINT, _boolean, varint(0)),
    "int32": Scalar(VARINT, _whole_number(*_INT32), varint(0)),
    "int64": Scalar(VARINT, _whole_number(*_INT64), varint(0)),
    "uint32": Scalar(VARINT, _whole_number(*_UINT32), varint(0)),
    "uint64": Scalar(VARINT, _whole_number(*_UINT64), varint(0)),
    "sint32": Scalar(VARINT, _zigzag(*_INT32), varint(0)),
    "sint64": Scalar(VARINT, _zigzag(*_INT64), varint(0)),
    "fixed32": Scalar(FIXED32, _fixed("<I", *_UINT32), bytes(4)),
    "sfixed32": Scalar(FIXED32, _fixed("<i", *_INT32), bytes(4)),
    "float": Scalar(FIXED32, _floating("<f"), bytes(4)),
    "fixed64": Scalar(FIXED64, _fixed("<Q", *_UINT64), bytes(8)),
    "sfixed64": Scalar(FIXED64, _fixed("<q", *_INT64), bytes(8)),
    "double": Scalar(FIXED64, _floating("<d"), bytes(8)),
    "string": Scalar(BYTES, _text, varint(0)),
    "bytes": Scalar(BYTES, _octets, varint(0)),
}
