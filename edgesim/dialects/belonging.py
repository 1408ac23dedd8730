"""Where a field belongs that stands in the wrong message: one level too deep, too high, or beside its place.

Asked only of a field that is unknown where it stands, so that the walk over the schema may take its time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import msgspec
from msgspec import inspect

from edgesim.dialects.resource import FieldPath

Schema = type[msgspec.Struct]
Messages = list[tuple[FieldPath, Schema]]


def belongs_in(name: str, schema: Schema, path: FieldPath) -> FieldPath | None:
    """Return the message that has a field of this name, near the message at `path` of a document; None for none.

    Messages inside it come first, then those around it, from the nearest on, each followed by those inside. Inside the
    document itself (`metadata`, `spec`) it is looked only for what stands right there, or one level down.
    """
    around = _around(schema, path)
    for depth, (place, message) in enumerate(reversed(around)):
        if name in _kinds(message):
            return place
        if place or depth < 2:
            for owner, inside in _inside(message):
                if name in _kinds(inside):
                    return (*place, owner)
    return None


def _around(schema: Schema, path: FieldPath) -> Messages:
    """Return the messages from the document to what stands at `path`."""
    found: Messages = [((), schema)]
    kind: inspect.Type | None = None
    for depth, step in enumerate(path, 1):
        kind = _step(found[-1][1] if kind is None else kind, step)
        if isinstance(kind, inspect.StructType):
            found.append((path[:depth], kind.cls))
            kind = None
        elif kind is None:
            return found
    return found


def _step(at: Schema | inspect.Type, step: str | int) -> inspect.Type | None:
    """Return the type one step further in, None where a schema does not say."""
    if isinstance(at, inspect.VarTupleType):
        return _bare(at.item_type)
    if isinstance(at, inspect.DictType):
        return _bare(at.value_type)
    return _kinds(at).get(str(step)) if isinstance(at, type) else None


def _inside(message: Schema) -> Iterator[tuple[str, Schema]]:
    return ((name, kind.cls) for name, kind in _kinds(message).items() if isinstance(kind, inspect.StructType))


@cache
def _kinds(message: Schema) -> Mapping[str, inspect.Type]:
    info = inspect.type_info(message)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: _bare(field.type) for field in info.fields}


def _bare(kind: inspect.Type) -> inspect.Type:
    """Return a type without what is said about it, and without the None of a field that may be absent."""
    if isinstance(kind, inspect.Metadata):
        return _bare(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _bare(next((each for each in kind.types if not isinstance(each, inspect.NoneType)), kind.types[0]))
    return kind
