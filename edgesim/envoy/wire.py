"""Protobuf's wire format: numbers, and fields of a message (https://protobuf.dev/programming-guides/encoding)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5
_SIZES: Final = {FIXED64: 8, FIXED32: 4}
_SMALL: Final = tuple(bytes((number,)) for number in range(128))
_LONGEST: Final = 10
"""Bytes a varint may have."""


def varint(number: int) -> bytes:
    """Return a number from 0 to 2**64 - 1."""
    if number < 128:
        return _SMALL[number]
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    made.append(number)
    return bytes(made)


def tag(number: int, wire_type: int) -> bytes:
    """Return what stands before a field's value."""
    return varint(number << 3 | wire_type)


def length_delimited(number: int, content: bytes) -> bytes:
    """Return a field that holds a text, bytes or a message."""
    return tag(number, LENGTH) + varint(len(content)) + content


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the value of each field: an int of a varint, bytes of everything else.

    Raises ValueError where it is no message.
    """
    at = 0
    while at < len(message):
        key, at = _varint_at(message, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, at = _varint_at(message, at)
            yield number, value
            continue
        size, at = _varint_at(message, at) if wire_type == LENGTH else (_SIZES.get(wire_type), at)
        if size is None or at + size > len(message):
            raise ValueError("no protobuf message")
        yield number, message[at : at + size]
        at += size


def _varint_at(message: bytes, at: int) -> tuple[int, int]:
    """Return a number, and where it ends."""
    number = 0
    for index, byte in enumerate(message[at : at + _LONGEST]):
        number |= (byte & 127) << 7 * index
        if byte < 128:
            return number, at + index + 1
    raise ValueError("no protobuf message")
