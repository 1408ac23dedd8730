"""Protobuf's JSON, as the exporter writes it, turned into messages.

The tables of Envoy's messages (fields, numbers, types) are those of `envoy-data-plane`. Its own classes would do the
same, at two milliseconds for a route; reading their tables takes a hundredth of that. What a table does not know is an
error, never left out (https://protobuf.dev/programming-guides/json).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final, get_args, get_type_hints

from edgesim.envoy.scalars import Encode, Scalar, UnencodableError, scalar
from edgesim.envoy.well_known import WELL_KNOWN
from edgesim.policies.protobuf_wire import BYTES, length_delimited, tag, varint

_PREFIX: Final = "type.googleapis.com/"
_TABLES: Final = "envoy_data_plane"
_WRAPPERS: Final = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)
_NEWER: Final = {"envoy.config.core.v3.HealthCheck": (("name", 27, "string"),)}
"""Fields that Envoy has by now and the tables lack."""
Write = Callable[[Any], bytes]
"""Turns the value of a field into that field, tag and all."""


def packed(content: Mapping[str, Any]) -> bytes:
    """Return a message with an `@type` as a `google.protobuf.Any`.

    Raises UnencodableError for what is no such message, with the path to what is wrong.
    """
    url = content.get("@type")
    if not isinstance(url, str):
        raise UnencodableError("a message without @type")
    kind = _message(url)
    rest = {name: value for name, value in content.items() if name != "@type"}
    encode = encoder(kind)
    special = _name(kind) in WELL_KNOWN or _name(kind) in _WRAPPERS
    value = encode(rest.get("value") if special else rest)
    return length_delimited(1, url.encode()) + length_delimited(2, value)


@cache
def _message(url: str) -> type:
    """Return the class of a type URL; its module is imported when it is wanted first."""
    name = url.removeprefix(_PREFIX)
    package = ".".join(part for part in name.split(".") if part[:1].islower())
    try:
        _table(package)
    except ModuleNotFoundError:
        raise UnencodableError(f"unknown type {url}") from None
    found: type | None = _pool().url_to_type.get(_PREFIX + name)
    if found is None:
        raise UnencodableError(f"unknown type {url}")
    return found


@cache
def _pool() -> Any:
    """Return the names of all messages whose modules were imported."""
    return _table("message_pool").default_message_pool


def _table(name: str) -> ModuleType:
    """Import a module of the tables: how they are written is deprecated by pydantic, which is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module(f"{_TABLES}.{name}")


def _name(kind: type) -> str:
    url: str = _pool().type_to_url[kind]
    return url.removeprefix(_PREFIX)


@cache
def encoder(kind: type) -> Encode:
    """Return what encodes the JSON of a message of a class of `envoy-data-plane`."""
    name = _name(kind)
    if name == "google.protobuf.Any":
        return packed
    if name in _WRAPPERS:
        whole = _Message(kind)
        return lambda value: whole({"value": value})
    return WELL_KNOWN.get(name) or _Message(kind)


@dataclass(frozen=True, slots=True)
class _Row:
    """A field in the table of `envoy-data-plane`."""

    number: int
    proto_type: str
    map_meta: tuple[Any, Any] | None = None
    group: str | None = None
    unwrap: Callable[[], type] | None = None
    optional: bool = False
    repeated: bool = False
    hint: Any = str
    """The class of what it holds."""


class _Message:
    """Encodes messages of one class; fields are compiled when they are met first."""

    def __init__(self, kind: type) -> None:
        self._name = _name(kind)
        self._rows = {_plain(name): row for name, row in _rows(kind)}
        self._writes: dict[str, tuple[Write, str | None]] = {}

    def __call__(self, value: Any) -> bytes:
        if not isinstance(value, Mapping):
            raise UnencodableError(f"{value!r} is no {self._name}")
        made: list[bytes] = []
        chosen: dict[str, str] = {}
        for name, item in value.items():
            if item is None:
                continue
            write, group = self._writes.get(name) or self._compile(name)
            if group is not None and chosen.setdefault(group, name) != name:
                raise UnencodableError(f"{name} beside {chosen[group]} in {self._name}")
            try:
                made.append(write(item))
            except UnencodableError as found:
                raise found.below(name) from None
        return b"".join(made)

    def _compile(self, name: str) -> tuple[Write, str | None]:
        row = self._rows.get(_plain(name))
        if row is None:
            raise UnencodableError(f"{self._name} has no field {name}")
        found = self._writes[name] = _write(row), row.group
        return found


def _rows(kind: type) -> Iterator[tuple[str, _Row]]:
    hints = get_type_hints(kind, vars(sys.modules[kind.__module__]))
    for each in fields(kind):
        table = each.metadata["betterproto"]
        more = (table.group, table.unwrap, bool(table.optional), bool(table.repeated))
        yield each.name, _Row(table.number, table.proto_type, table.map_meta, *more, hints[each.name])
    for name, number, proto_type in _NEWER.get(_name(kind), ()):
        yield name, _Row(number, proto_type)


def _plain(name: str) -> str:
    """Return a name without what JSON, protobuf and Python spell in different ways."""
    return name.replace("_", "").lower()


def _write(row: _Row) -> Write:
    if row.map_meta is not None:
        return _map(row.number, row.map_meta, get_args(row.hint)[1])
    if row.proto_type == "message":
        encode = encoder(row.unwrap() if row.unwrap else _within(row.hint))
        return _repeated_messages(row.number, encode) if row.repeated else _one_message(row.number, encode)
    found = scalar(row.proto_type, _within(row.hint))
    if row.repeated:
        return _repeated_scalars(row.number, found)
    return _one_scalar(row.number, found, always=row.optional or row.group is not None)


def _within(hint: Any) -> Any:
    """Return the class that a list or an optional field is of."""
    return next((each for each in get_args(hint) if each is not type(None)), hint)


def _one_message(number: int, encode: Encode) -> Write:
    before = tag(number, BYTES)

    def write(value: Any) -> bytes:
        content = encode(value)
        return before + varint(len(content)) + content

    return write


def _repeated_messages(number: int, encode: Encode) -> Write:
    one = _one_message(number, encode)
    return lambda values: b"".join(_each(values, one))


def _each(values: Any, encode: Encode) -> list[bytes]:
    if not isinstance(values, list | tuple):
        raise UnencodableError(f"{values!r} is no list")
    made: list[bytes] = []
    for index, value in enumerate(values):
        try:
            made.append(encode(value))
        except UnencodableError as found:
            raise found.below(index) from None
    return made


def _one_scalar(number: int, kind: Scalar, *, always: bool) -> Write:
    """Return what writes a number or text; where a field cannot be absent, its zero is not written."""
    before, encode = tag(number, kind.wire_type), kind.whole

    def write(value: Any) -> bytes:
        content = encode(value)
        return b"" if not always and content == kind.zero else before + content

    return write


def _repeated_scalars(number: int, kind: Scalar) -> Write:
    if kind.wire_type == BYTES:
        before = tag(number, BYTES)
        return lambda values: b"".join(before + each for each in _each(values, kind.whole))
    return lambda values: length_delimited(number, b"".join(_each(values, kind.whole))) if values else b""


def _map(number: int, kinds: tuple[Any, Any], hint: Any) -> Write:
    key = _one_scalar(1, scalar(kinds[0].proto_type, str), always=True)
    if kinds[1].proto_type == "message":
        value = _one_message(2, encoder(kinds[1].unwrap() if kinds[1].unwrap else hint))
    else:
        value = _one_scalar(2, scalar(kinds[1].proto_type, hint), always=True)

    def write(entries: Any) -> bytes:
        if not isinstance(entries, Mapping):
            raise UnencodableError(f"{entries!r} is no map")
        return b"".join(length_delimited(number, key(name) + value(item)) for name, item in entries.items())

    return write
