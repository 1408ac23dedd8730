"""Messages of `google.protobuf` that JSON writes in a way of their own: durations, and JSON itself."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any, Final

from edgesim.envoy.scalars import Encode, UnencodableError, scalar
from edgesim.policies.protobuf_wire import FIXED64, VARINT, length_delimited, tag, varint

_SECONDS: Final = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s")
_INT64, _INT32 = scalar("int64", int), scalar("int32", int)


def _duration(value: Any) -> bytes:
    found = _SECONDS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise UnencodableError(f"{value!r} is no duration")
    sign = -1 if found[1] else 1
    seconds, nanos = sign * int(found[2]), sign * int((found[3] or "").ljust(9, "0"))
    before = tag(1, VARINT) + _INT64.whole(seconds) if seconds else b""
    return before + (tag(2, VARINT) + _INT32.whole(nanos) if nanos else b"")


def _struct(value: Any) -> bytes:
    if not isinstance(value, Mapping):
        raise UnencodableError(f"{value!r} is no object")
    return b"".join(length_delimited(1, _entry(name, item)) for name, item in value.items())


def _entry(name: str, item: Any) -> bytes:
    try:
        return length_delimited(1, name.encode()) + length_delimited(2, _value(item))
    except UnencodableError as found:
        raise found.below(name) from None


def _value(value: Any) -> bytes:
    if value is None:
        return tag(1, VARINT) + varint(0)
    if isinstance(value, bool):
        return tag(4, VARINT) + varint(value)
    if isinstance(value, int | float):
        return tag(2, FIXED64) + struct.pack("<d", value)
    if isinstance(value, str):
        return length_delimited(3, value.encode())
    if isinstance(value, Mapping):
        return length_delimited(5, _struct(value))
    return length_delimited(6, _list(value))


def _list(value: Any) -> bytes:
    if not isinstance(value, list | tuple):
        raise UnencodableError(f"{value!r} is no JSON")
    return b"".join(length_delimited(1, _value(each)) for each in value)


def _unsupported(value: Any) -> bytes:
    raise UnencodableError(f"{value!r}: such a message is not written here")


WELL_KNOWN: Final[Mapping[str, Encode]] = {
    "google.protobuf.Duration": _duration,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _value,
    "google.protobuf.ListValue": _list,
    "google.protobuf.Timestamp": _unsupported,
    "google.protobuf.FieldMask": _unsupported,
}
