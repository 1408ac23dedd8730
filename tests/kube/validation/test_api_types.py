from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec import inspect

from edgesim.dialects import KINDS, Kind
from edgesim.kube.validation.api_types import STRUCTS, read_types

BUILT_IN = [kind for kind in KINDS if not kind.group.endswith("solo.io")]


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.kind)
def test_what_kubernetes_decodes_edgesim_reads(kind: Kind) -> None:
    """Every field of a built-in kind is one of edgesim's schema, of the same shape, or inside of a free-form one."""
    assert not list(unread(kind.kind, inspect.type_info(kind.schema), kind.kind, set()))


def unread(go: str, schema: inspect.Type, path: str, seen: set[tuple[str, type]]) -> Iterator[str]:
    plain = unwrapped(schema)
    if isinstance(plain, inspect.AnyType) or go == "any":
        return
    if go.startswith("[]"):
        assert isinstance(plain, inspect.VarTupleType), path
        yield from unread(go[2:], plain.item_type, path, seen)
    elif go.startswith("{}"):
        assert isinstance(plain, inspect.DictType), path
    elif go in STRUCTS:
        assert isinstance(plain, inspect.StructType), path
        if (go, plain.cls) not in seen:
            seen.add((go, plain.cls))
            fields = {member.encode_name: member.type for member in plain.fields}
            for name, kind in STRUCTS[go].items():
                if name not in fields:
                    yield f"{path}.{name}"
                else:
                    yield from unread(kind, fields[name], f"{path}.{name}", seen)


def unwrapped(schema: inspect.Type) -> inspect.Type:
    if isinstance(schema, inspect.Metadata):
        return unwrapped(schema.type)
    if isinstance(schema, inspect.UnionType):
        return unwrapped(schema.types[0])
    return schema


def test_every_type_of_the_table_is_known() -> None:
    """A struct's name begins with a capital letter and is in the table, unless it is one of Go's named texts."""
    plain = {"string", "bool", "int32", "int64", "bytes", "any"}
    for fields in STRUCTS.values():
        for kind in fields.values():
            name = kind.removeprefix("[]").removeprefix("{}")
            assert name in plain or name in STRUCTS or name[0].isupper(), name


def test_a_struct_may_bring_in_another() -> None:
    """`+Struct` stands for the fields of another struct."""
    assert read_types("A: x int32; +B\nB: y string")["A"] == {"x": "int32", "y": "string"}
