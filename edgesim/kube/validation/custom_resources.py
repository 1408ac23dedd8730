"""Gloo's kinds, which a cluster knows by CustomResourceDefinitions: the words of an OpenAPI schema's validation.

Source: k8s.io/apiextensions-apiserver and k8s.io/kube-openapi, `spec.x in body must be of type ...`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec import inspect

from edgesim.dialects import FieldPath, Kind
from edgesim.dialects.check import Finding
from edgesim.kube.strict_decoding import dotted
from edgesim.kube.validation.faults import Fault, forbidden, invalid, not_supported, quoted, required, type_invalid

_NAMES: Final[dict[type[inspect.Type], str]] = {
    inspect.StrType: "string",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.BoolType: "boolean",
    inspect.LiteralType: "string",
    inspect.VarTupleType: "array",
    inspect.StructType: "object",
    inspect.DictType: "object",
}


def schema_faults(kind: Kind, manifest: dict[str, Any], findings: list[Finding]) -> Iterator[Fault]:
    """Iterate over the findings of a kind's schema in the words of a cluster."""
    missing: set[FieldPath] = set()
    for finding in findings:
        schema = _schema_at(inspect.type_info(kind.schema), finding.path)
        value = _value_at(manifest, finding.path)
        match finding.code:
            case "ES0105":
                if finding.path not in missing:
                    yield from _required(schema, value, finding.path)
                missing.add(finding.path)
            case "ES0108":
                yield forbidden(dotted(finding.path), finding.message.replace("can be set", "may be set"))
            case _:
                yield _fault(schema, value, finding)


def _fault(schema: inspect.Type, value: Any, finding: Finding) -> Fault:
    field, plain = dotted(finding.path), _unwrapped(schema)
    if isinstance(plain, inspect.LiteralType) and isinstance(value, str):
        return not_supported(field, value, sorted(each for each in plain.values if isinstance(each, str)))
    if finding.code in {"ES0104", "ES0107"}:
        found = json_type(value)
        return type_invalid(field, found, f"{field} in body must be of type {_wanted(schema)}: {quoted(found)}")
    if finding.code == "ES0109":
        return invalid(field, value, _pattern(plain, value, field, finding))
    return _out_of_bounds(plain, value, field, finding)


def _pattern(schema: inspect.Type, value: Any, field: str, finding: Finding) -> str:
    if "a duration" in finding.message:
        return f"{field} in body must be of type duration: {quoted(value)}"
    pattern = schema.pattern if isinstance(schema, inspect.StrType) else None
    return f"{field} in body should match '{pattern}'" if pattern else finding.message


def _out_of_bounds(schema: inspect.Type, value: Any, field: str, finding: Finding) -> Fault:
    if isinstance(schema, inspect.VarTupleType) and isinstance(value, list):
        return invalid(field, len(value), f"{field} in body should have at least {schema.min_length} items")
    if isinstance(schema, inspect.IntType) and schema.ge is not None and schema.le is not None:
        below = value < schema.ge
        bound = f"greater than or equal to {schema.ge}" if below else f"less than or equal to {schema.le}"
        return invalid(field, value, f"{field} in body should be {bound}")
    return invalid(field, value, finding.message)


def _required(schema: inspect.Type, value: Any, path: FieldPath) -> Iterator[Fault]:
    struct = _unwrapped(schema)
    given = value if isinstance(value, dict) else {}
    if isinstance(struct, inspect.StructType):
        for member in struct.fields:
            if member.required and given.get(member.encode_name) is None:
                yield required(dotted((*path, member.encode_name)))


def json_type(value: Any) -> str:
    """Return what JSON calls the type of a value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if value is None:
        return "null"
    return {float: "number", str: "string", list: "array", dict: "object"}[type(value)]


def _wanted(schema: inspect.Type) -> str:
    if isinstance(schema, inspect.Metadata):
        return _wanted(schema.type)
    members = schema.types if isinstance(schema, inspect.UnionType) else (schema,)
    return ",".join(dict.fromkeys(_NAMES[type(each)] for each in members if type(each) in _NAMES)) or "object"


def _unwrapped(schema: inspect.Type) -> inspect.Type:
    """Return what is inside a note or an optional type."""
    if isinstance(schema, inspect.Metadata):
        return _unwrapped(schema.type)
    if isinstance(schema, inspect.UnionType):
        return _unwrapped(next(each for each in schema.types if not isinstance(each, inspect.NoneType)))
    return schema


def _schema_at(schema: inspect.Type, path: FieldPath) -> inspect.Type:
    found = schema
    for step in path:
        inner = _unwrapped(found)
        if isinstance(inner, inspect.StructType):
            found = next((each.type for each in inner.fields if each.encode_name == step), inspect.AnyType())
        elif isinstance(inner, inspect.VarTupleType):
            found = inner.item_type
        else:
            found = inner.value_type if isinstance(inner, inspect.DictType) else inspect.AnyType()
    return found


def _value_at(manifest: Any, path: FieldPath) -> Any:
    value = manifest
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
