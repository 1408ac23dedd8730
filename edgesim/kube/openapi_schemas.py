"""The schemas that `kubectl explain` shows, made from the very ones that manifests are checked by.

Source: OpenAPI 3.0, and the `x-kubernetes-` extensions of the Kubernetes API reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import inspect

from edgesim.dialects.kinds import Kind
from edgesim.dialects.schema import common, kubernetes
from edgesim.dialects.schema.field_types import bare_type
from edgesim.kube.descriptions import describe_field, describe_kind, describe_struct

Schema = dict[str, Any]

_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1"
_NAMES: Final[dict[type, str]] = {
    common.Metadata: f"{_META}.ObjectMeta",
    common.OwnerReference: f"{_META}.OwnerReference",
    common.Ref: "io.solo.core.ResourceRef",
    kubernetes.EnvVar: "io.k8s.api.core.v1.EnvVar",
    kubernetes.LabelExpression: f"{_META}.LabelSelectorRequirement",
    kubernetes.LabelSelector: f"{_META}.LabelSelector",
    kubernetes.PodTemplate: "io.k8s.api.core.v1.PodTemplateSpec",
}
"""Names that clients know, where ours are others."""
_TIME: Final = {"type": "string", "format": "date-time"}
_OF_SERVERS: Final[dict[str, Schema]] = {
    "creationTimestamp": _TIME,
    "deletionGracePeriodSeconds": {"type": "integer", "format": "int64"},
    "deletionTimestamp": _TIME,
    "generateName": {"type": "string"},
    "generation": {"type": "integer", "format": "int64"},
    "managedFields": {"type": "array", "items": {"type": "object"}},
    "resourceVersion": {"type": "string"},
    "selfLink": {"type": "string"},
    "uid": {"type": "string"},
}
"""What a server writes into metadata, which manifests may bring along in any form."""
_OURS: Final = "edgesim.dialects.schema."
_KUBERNETES: Final = frozenset({"kubernetes", "rbac", "workloads"})
_FREE: Final = "x-kubernetes-preserve-unknown-fields"


def schemas(kinds: Sequence[Kind]) -> dict[str, Schema]:
    """Return the schemas of kinds and of everything inside them, by their names."""
    found: dict[str, Schema] = {}
    infos = inspect.multi_type_info([kind.schema for kind in kinds])  # together they are read once
    for kind, whole in zip(kinds, infos, strict=True):
        assert isinstance(whole, inspect.StructType)
        found[schema_name(kind)] = _of_kind(kind, whole)
        for struct in _inside(whole):
            name = _struct_name(struct.cls)
            if struct.cls is not kind.schema and name not in found:
                found[name] = _of_struct(struct)
    return found


def schema_name(kind: Kind) -> str:
    """Return the name of a kind's schema: its group backwards, version and kind."""
    group = kind.group or "core"
    known = "." not in group or group.endswith(".k8s.io")
    place = f"io.k8s.api.{group.partition('.')[0]}" if known else ".".join(reversed(group.split(".")))
    return f"{place}.{kind.version}.{kind.kind}"


def _of_kind(kind: Kind, struct: inspect.StructType) -> Schema:
    identity = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    return {
        **_of_struct(struct),
        "description": describe_kind(kind),
        "x-kubernetes-group-version-kind": [identity],
    }


def _of_struct(struct: inspect.StructType) -> Schema:
    properties = {field.encode_name: _property(struct.cls, field) for field in struct.fields}
    schema = {"type": "object", "description": describe_struct(struct.cls), "properties": properties}
    required = [field.encode_name for field in struct.fields if field.required and field.encode_name not in _IDENTITY]
    return {**schema, "required": required} if required else schema


_IDENTITY: Final = frozenset({"apiVersion", "kind", "metadata"})
"""Every object has these, and no schema of Kubernetes calls them required."""


def _property(owner: type[msgspec.Struct], field: inspect.Field) -> Schema:
    kind, marks = bare_type(field.type)
    description = describe_field(owner, field.encode_name, marks)
    schema = _OF_SERVERS.get(field.encode_name, {}) if owner is common.Metadata else {}
    schema = schema or _of_type(kind)
    if "$ref" in schema:
        schema = {"allOf": [schema]}
    return {"description": description, **schema} if description else schema


def _of_type(kind: inspect.Type) -> Schema:
    kind, _marks = bare_type(kind)
    return _SCHEMAS.get(type(kind), _anything)(kind)


def _anything(_kind: inspect.Type) -> Schema:
    return {_FREE: True}


def _reference(kind: inspect.StructType) -> Schema:
    return {"$ref": f"#/components/schemas/{_struct_name(kind.cls)}"}


def _struct_name(struct: type[msgspec.Struct]) -> str:
    if struct in _NAMES:
        return _NAMES[struct]
    module = struct.__module__.removeprefix(_OURS)
    return f"{'io.k8s.api.core.v1' if module in _KUBERNETES else 'io.solo'}.{struct.__name__}"


def _choice(kind: inspect.LiteralType) -> Schema:
    """Return the names one may choose; that their numbers are taken too is not worth a word."""
    return {"type": "string", "enum": [value for value in kind.values if isinstance(value, str)]}


def _integer(kind: inspect.IntType) -> Schema:
    small = kind.le is not None and kind.le < 2**31
    limits = {"minimum": kind.ge, "maximum": kind.le}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return {"type": "integer", "format": "int32" if small else "int64", **given}


def _text(kind: inspect.StrType) -> Schema:
    return {"type": "string"} if kind.pattern is None else {"type": "string", "pattern": kind.pattern}


_SCHEMAS: Final[dict[type[inspect.Type], Callable[[Any], Schema]]] = {
    inspect.BoolType: lambda _kind: {"type": "boolean"},
    inspect.DictType: lambda kind: {"type": "object", "additionalProperties": _of_type(kind.value_type)},
    inspect.FloatType: lambda _kind: {"type": "number", "format": "double"},
    inspect.IntType: _integer,
    inspect.LiteralType: _choice,
    inspect.StrType: _text,
    inspect.StructType: _reference,
    inspect.UnionType: lambda _kind: {"type": "string", "format": "int-or-string", "x-kubernetes-int-or-string": True},
    inspect.VarTupleType: lambda kind: {"type": "array", "items": _of_type(kind.item_type)},
}


def _inside(struct: inspect.StructType) -> Iterator[inspect.StructType]:
    """Yield a struct and every one its fields lead to, each once."""
    waiting, seen = [struct], {struct.cls}
    while waiting:
        current = waiting.pop()
        yield current
        for field in current.fields:
            for found in _structs(field.type):
                if found.cls not in seen:
                    seen.add(found.cls)
                    waiting.append(found)


def _structs(kind: inspect.Type) -> list[inspect.StructType]:
    kind = bare_type(kind)[0]
    match kind:
        case inspect.StructType():
            return [kind]
        case inspect.VarTupleType(item_type=item) | inspect.DictType(value_type=item):
            return _structs(item)
        case _:
            return []
