"""The wire format of protobuf: a message is a row of numbered values.

Source: Protocol Buffers documentation, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
_FIXED: Final = {FIXED64: 8, FIXED32: 4}
_SMALL: Final = tuple(bytes((number,)) for number in range(128))
_TRUNCATED: Final = "the protobuf message ends in the middle of a value"


def read_fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield number, wire type and value of each field: an int where it is a varint, else its bytes.

    Raises ValueError where the bytes are no message.
    """
    position = 0
    while position < len(data):
        key, position = read_varint(data, position)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise ValueError("a protobuf field has the number 0")
        if wire_type == VARINT:
            value, position = read_varint(data, position)
            yield number, wire_type, value
            continue
        start, position = _extent(data, position, wire_type)
        yield number, wire_type, data[start:position]


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Read a number of up to 64 bits; return it and where it ends. Raises ValueError."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError(_TRUNCATED)
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), position
    raise ValueError("a protobuf number is longer than ten bytes")


def signed(value: int, bits: int) -> int:
    """Read a varint as the signed number it stands for (two's complement)."""
    value &= 2**bits - 1
    return value - 2**bits if value >> (bits - 1) else value


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
    return tag(number, BYTES) + varint(len(content)) + content


def _extent(data: bytes, position: int, wire_type: int) -> tuple[int, int]:
    """Return where the bytes of a value begin and end."""
    if wire_type == BYTES:
        length, position = read_varint(data, position)
    elif wire_type in _FIXED:
        length = _FIXED[wire_type]
    else:
        raise ValueError(f"a protobuf field has the wire type {wire_type}, which is not in use")
    if position + length > len(data):
        raise ValueError(_TRUNCATED)
    return position, position + length
