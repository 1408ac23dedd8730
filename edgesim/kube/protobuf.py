"""Kubernetes' protobuf bodies become what their JSON would be.

kubectl (from 1.32 on, `create`) and Helm (its release Secrets) send them, and do not try again as JSON. Answers are
always JSON. Source: Kubernetes API concepts, "Kubernetes Protobuf encoding".
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from edgesim.kube.protobuf_messages import ROOTS, Field, Message, messages
from edgesim.policies.protobuf_wire import BYTES, VARINT, read_fields, read_varint, signed

CONTENT_TYPE: Final = "application/vnd.kubernetes.protobuf"
_MAGIC: Final = b"k8s\x00"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_POINTERS: Final = frozenset({"metadata", "spec", "strategy", "resources"})
"""Messages that Go always writes, even empty; elsewhere an empty one means something, as in `emptyDir: {}`."""


def decode_protobuf(body: bytes) -> dict[str, Any]:
    """Return the object a body holds, with its `apiVersion` and `kind`.

    Fields that the tables do not have are left out, as an API server of an older version does.
    Raises ValueError, in one sentence, where the body is not what it is said to be.
    """
    if not body.startswith(_MAGIC):
        raise ValueError("the protobuf body does not begin with the bytes k8s and zero")
    identity, raw = _envelope(body[len(_MAGIC) :])
    if identity["kind"] not in ROOTS:
        raise ValueError(f"the kind {identity['kind'][:80]!r} cannot be read as protobuf: send it as JSON")
    return {**identity, **_message(raw, messages()[identity["kind"]])}


def _envelope(data: bytes) -> tuple[dict[str, str], bytes]:
    """Read runtime.Unknown: which kind it is, and the bytes of the object."""
    parts = _texts(data)
    if parts.get(3) or parts.get(4, b"") not in {b"", CONTENT_TYPE.encode()}:
        raise ValueError("the protobuf envelope holds content of another encoding")
    names = _texts(parts.get(1, b""))
    identity = {"apiVersion": _text(names.get(1, b"")), "kind": _text(names.get(2, b""))}
    if not all(identity.values()):
        raise ValueError("the protobuf envelope names no apiVersion or no kind")
    return identity, parts.get(2, b"")


def _message(data: bytes, fields: Message) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, wire_type, value in read_fields(data):
        if (field := fields.get(number)) is not None:
            _take(field, wire_type, value, found)
    return found


def _take(field: Field, wire_type: int, value: int | bytes, found: dict[str, Any]) -> None:
    """Add one value of the wire to what was found."""
    if field.mark == "{}":
        found.setdefault(field.name, {}).update([_entry(_expect(field, wire_type, value), field.type)])
    elif field.mark == "[]":
        found.setdefault(field.name, []).extend(_items(field, wire_type, value))
    elif field.mark == "+":
        found.update(_message(_expect(field, wire_type, value), messages()[field.type]))
    else:
        read = _value(field, wire_type, value)
        if _stands(field, read):
            found[field.name] = read
        else:
            found.pop(field.name, None)


def _stands(field: Field, read: Any) -> bool:
    """Tell whether a value is written in JSON: zero and empty are not, unless they mean something."""
    if field.mark == "*" or read:
        return True
    return isinstance(read, dict) and field.name not in _NOT_POINTERS


def _entry(data: bytes, type_: str) -> tuple[str, Any]:
    """Read one entry of a map: field 1 is the key, field 2 the value."""
    key, item = "", _value(Field("value", "", type_), BYTES, b"")
    for number, wire_type, value in read_fields(data):
        if number == 1:
            key = _text(_expect(Field("key", "", "string"), wire_type, value))
        elif number == 2:
            item = _value(Field("value", "", type_), wire_type, value)
    return key, item


def _items(field: Field, wire_type: int, value: int | bytes) -> list[Any]:
    """Read one item of a list, or several where numbers are packed."""
    if field.type not in _INTEGERS or isinstance(value, int):
        return [_value(field, wire_type, value)]
    items, position = [], 0
    while position < len(value):
        number, position = read_varint(value, position)
        items.append(_value(field, VARINT, number))
    return items


def _value(field: Field, wire_type: int, value: int | bytes) -> Any:
    if field.type in _INTEGERS:
        if wire_type != VARINT or not isinstance(value, int):
            raise ValueError(f"the protobuf field {field.name} is not a number")
        return _INTEGERS[field.type](value)
    data = _expect(field, wire_type, value)
    return _SCALARS[field.type](data) if field.type in _SCALARS else _message(data, messages()[field.type])


def _expect(field: Field, wire_type: int, value: int | bytes) -> bytes:
    if wire_type != BYTES or isinstance(value, int):
        raise ValueError(f"the protobuf field {field.name} is a number where text or a message belongs")
    return value


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("a text of the protobuf message is not UTF-8") from None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _texts(data: bytes) -> dict[int, bytes]:
    return {number: value for number, _wire, value in read_fields(data) if isinstance(value, bytes)}


def _numbers(data: bytes) -> dict[int, int]:
    return {number: value for number, _wire, value in read_fields(data) if isinstance(value, int)}


def _quantity(data: bytes) -> str:
    """Read resource.Quantity, which is its text."""
    return _text(_texts(data).get(1, b"")) or "0"


def _int_or_string(data: bytes) -> int | str:
    """Read intstr.IntOrString: field 1 says which of the others counts."""
    numbers = _numbers(data)
    return _text(_texts(data).get(3, b"")) if numbers.get(1) == 1 else signed(numbers.get(2, 0), 32)


def _time(data: bytes) -> str | None:
    """Read meta/v1 Time as RFC 3339; an empty message is no time."""
    seconds = _numbers(data).get(1)
    if seconds is None:
        return None
    try:
        return f"{_EPOCH + timedelta(seconds=signed(seconds, 64)):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError:
        raise ValueError("a time of the protobuf message is out of range") from None


def _extra(data: bytes) -> list[str]:
    """Read ExtraValue, a list of texts."""
    return [_text(value) for number, _wire, value in read_fields(data) if number == 1 and isinstance(value, bytes)]


_INTEGERS: Final[Mapping[str, Callable[[int], int | bool]]] = {
    "bool": bool,
    "int32": lambda value: signed(value, 32),
    "int64": lambda value: signed(value, 64),
}
_SCALARS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "string": _text,
    "bytes": _base64,
    "Quantity": _quantity,
    "IntOrString": _int_or_string,
    "Time": _time,
    "ExtraValue": _extra,
}
