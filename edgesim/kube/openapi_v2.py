"""An OpenAPI v2 document, in JSON and, as far as kubectl reads it, in protobuf.

Source: OpenAPIv2.proto of gnostic-models; the numbers below are its field numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

Node = Mapping[str, Any]
_COMPONENTS: Final = "#/components/schemas/"
_DEFINITIONS: Final = "#/definitions/"
_VENDOR: Final = "x-kubernetes-"


def as_protobuf(info: Node, paths: Mapping[str, Node], schemas: Mapping[str, Node]) -> bytes:
    """Return a Document with the operations of `paths` that patch, and with `schemas` as its definitions."""
    parts = [
        _text(1, "2.0"),
        _message(2, [_text(1, info["title"]), _text(2, info["version"])]),
        _message(8, [_named(2, path, [_message(8, _operation(item["patch"]))]) for path, item in paths.items()]),
        _message(9, [_named(1, name, _schema(schema)) for name, schema in schemas.items()]),
    ]
    return b"".join(parts)


def as_json(info: Node, paths: Mapping[str, Node], schemas: Mapping[str, Node]) -> dict[str, Any]:
    """Return the same document as one reads it."""
    shown = {path: {"patch": _patch(item["patch"])} for path, item in paths.items()}
    definitions = {name: _with_own_references(schema) for name, schema in schemas.items()}
    return {"swagger": "2.0", "info": info, "paths": shown, "definitions": definitions}


def _patch(operation: Node) -> dict[str, Any]:
    parameters = [{**each, **each["schema"]} for each in operation["parameters"]]
    plain = [{name: value for name, value in each.items() if name != "schema"} for each in parameters]
    kept = {name: value for name, value in operation.items() if name != "requestBody"}
    return {**kept, "consumes": list(operation["requestBody"]["content"]), "parameters": plain}


def _with_own_references(value: Any) -> Any:
    """Return a schema whose references lead where version 2 keeps its schemas."""
    if isinstance(value, dict):
        return {name: _with_own_references(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_own_references(inner) for inner in value]
    return value.replace(_COMPONENTS, _DEFINITIONS) if isinstance(value, str) else value


def _operation(operation: Node) -> list[bytes]:
    consumes = [_text(7, kind) for kind in operation["requestBody"]["content"]]
    answer = _message(1, [_text(1, operation["responses"]["200"]["description"])])
    return [
        _text(5, operation["operationId"]),
        *consumes,
        *(_message(8, [_message(1, _parameter(each))]) for each in operation["parameters"]),
        _message(9, [_named(1, "200", [answer])]),
        *_vendor(13, operation),
    ]


def _parameter(parameter: Node) -> list[bytes]:
    """Return Parameter.non_body_parameter.query_parameter_sub_schema."""
    query = [_text(2, "query"), _text(4, parameter["name"]), _text(6, "string"), _number(20, 1)]
    return [_message(2, [_message(3, query)])]


def _schema(schema: Node) -> list[bytes]:
    if "allOf" in schema:  # version 2 puts a description beside the reference itself
        return [*_schema(schema["allOf"][0]), *_texts(4, schema, "description")]
    if "$ref" in schema:
        return [_text(1, schema["$ref"].replace(_COMPONENTS, _DEFINITIONS))]
    return [
        *_texts(2, schema, "format"),
        *_texts(4, schema, "description"),
        *(_text(19, name) for name in schema.get("required", ())),
        *(_message(20, [_text(2, json.dumps(value))]) for value in schema.get("enum", ())),
        *_inner(schema),
        *_vendor(31, schema),
    ]


def _inner(schema: Node) -> list[bytes]:
    """Return the type of a schema and the schemas inside it."""
    parts = [_message(22, [_text(1, schema["type"])])] if "type" in schema else []
    if "additionalProperties" in schema:
        parts.append(_message(21, [_message(1, _schema(schema["additionalProperties"]))]))
    if "items" in schema:
        parts.append(_message(23, [_message(1, _schema(schema["items"]))]))
    if "properties" in schema:
        parts.append(_message(25, [_named(1, name, _schema(each)) for name, each in schema["properties"].items()]))
    return parts


def _vendor(number: int, node: Node) -> list[bytes]:
    """Return the extensions of Kubernetes: each is a name and a text of YAML, which JSON is too."""
    extensions = {name: value for name, value in node.items() if name.startswith(_VENDOR)}
    return [_named(number, name, [_text(2, json.dumps(value))]) for name, value in extensions.items()]


def _texts(number: int, node: Node, name: str) -> list[bytes]:
    return [_text(number, node[name])] if node.get(name) else []


def _named(number: int, name: str, value: Iterable[bytes]) -> bytes:
    """Return a pair of a name and a message, which is what a map is in these documents."""
    return _message(number, [_text(1, name), _message(2, value)])


def _message(number: int, parts: Iterable[bytes]) -> bytes:
    data = b"".join(parts)
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _text(number: int, text: str) -> bytes:
    return _message(number, [text.encode()])


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
