"""A built-in kind's body against Kubernetes' own types: unknown fields, and the first error of Go's decoder.

The words are those of Go's `encoding/json` and of the types that decode themselves (quantities, times, base64).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edgesim.dialects import FieldPath, Kind
from edgesim.kube.validation.api_types import STRUCTS
from edgesim.kube.validation.corruption import corrupt_at

_QUANTITY: Final = re.compile(r"[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*\Z")
_AMOUNT: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?\Z")
_LONGEST: Final = 100
"""Characters of a quantity: no amount needs more."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)\Z")
_BITS: Final = {"int32": 32, "int64": 64}
_PLAIN: Final = {"string", "bool", "int32", "int64"}
_META: Final = {"apiVersion": "string", "kind": "string", "metadata": "ObjectMeta"}


@dataclass(slots=True)
class Decoding:
    """What a walk has found: fields that are unknown, and errors of which Go tells the first."""

    unknown: list[FieldPath] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def decode_built_in(kind: Kind, manifest: dict[str, Any]) -> Decoding:
    """Look for what Go's decoder would not take; of a kind without a table the metadata only."""
    found = Decoding()
    fields = None if kind.group.endswith(".solo.io") else STRUCTS.get(kind.kind)
    _struct(kind.kind, _META | (fields or dict.fromkeys(manifest, "any") | _META), manifest, (), found)
    return found


def _struct(name: str, fields: Mapping[str, str], value: dict[str, Any], path: FieldPath, found: Decoding) -> None:
    for key, item in value.items():
        kind = fields.get(key)
        if kind is None:
            found.unknown.append((*path, key))
        elif item is not None:
            _value(kind, item, (*path, key), name, found)


def _value(kind: str, value: Any, path: FieldPath, owner: str, found: Decoding) -> None:
    if kind == "any":
        return
    if kind in _SELF_DECODING:
        error = _SELF_DECODING[kind](value)
        if error:
            found.errors.append(error)
    elif kind.startswith("[]"):
        _list(kind, value, path, owner, found)
    elif kind.startswith("{}"):
        _mapping(kind, value, path, owner, found)
    elif kind in STRUCTS:
        if isinstance(value, dict):
            _struct(kind, STRUCTS[kind], value, path, found)
        else:
            _refuse(_what(value), kind, path, owner, found)
    else:
        _scalar(kind, value, path, owner, found)


def _list(kind: str, value: Any, path: FieldPath, owner: str, found: Decoding) -> None:
    if not isinstance(value, list):
        _refuse(_what(value), kind, path, owner, found)
        return
    for index, item in enumerate(value):
        if item is None:  # Go takes an empty value for it, which nobody can have meant
            _refuse("null", kind[2:], path, owner, found)
        else:
            _value(kind[2:], item, (*path, index), owner, found)


def _mapping(kind: str, value: Any, path: FieldPath, owner: str, found: Decoding) -> None:
    if not isinstance(value, dict):
        _refuse(_what(value), kind, path, owner, found)
        return
    for item in value.values():
        if item is not None:
            _value(kind[2:], item, path, owner, found)  # Go does not name the key


def _scalar(kind: str, value: Any, path: FieldPath, owner: str, found: Decoding) -> None:
    if kind in _BITS:
        fits = isinstance(value, int) and -(2 ** (_BITS[kind] - 1)) <= value < 2 ** (_BITS[kind] - 1)
        if isinstance(value, bool) or not fits:
            shown = f" {value}" if isinstance(value, int | float) and not isinstance(value, bool) else ""
            _refuse(f"{_what(value)}{shown}", kind, path, owner, found)
    elif not isinstance(value, bool if kind == "bool" else str):
        _refuse(_what(value), kind, path, owner, found)


def _refuse(what: str, kind: str, path: FieldPath, owner: str, found: Decoding) -> None:
    place = ".".join(step for step in path if isinstance(step, str))
    found.errors.append(f"json: cannot unmarshal {what} into Go struct field {owner}.{place} of type {_go_type(kind)}")


def _what(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "number"


def _go_type(kind: str) -> str:
    if kind.startswith("[]"):
        return f"[]{_go_type(kind[2:])}"
    if kind.startswith("{}"):
        return "v1.ResourceList" if kind == "{}Quantity" else f"map[string]{_go_type(kind[2:])}"
    return {"bytes": "[]uint8", "UID": "types.UID"}.get(kind, kind if kind in _PLAIN else f"v1.{kind}")


def _int_or_string(value: Any) -> str:
    if isinstance(value, str):
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31:
        return ""
    shown = f" {value}" if isinstance(value, int | float) and not isinstance(value, bool) else ""
    return f"json: cannot unmarshal {_what(value)}{shown} into Go value of type int32"


def _quantity(value: Any) -> str:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _QUANTITY.match(text):
        return r"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    return "" if _AMOUNT.match(text) and len(text) <= _LONGEST else "unable to parse quantity's suffix"


def _time(value: Any) -> str:
    if not isinstance(value, str):
        return f"json: cannot unmarshal {_what(value)} into Go value of type string"
    if _TIME.match(value):
        return ""
    return f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'


def _bytes(value: Any) -> str:
    if not isinstance(value, str):
        return f"json: cannot unmarshal {_what(value)} into Go value of type []uint8"
    at = corrupt_at(value)
    return "" if at is None else f"illegal base64 data at input byte {at}"


_SELF_DECODING: Final = {"IntOrString": _int_or_string, "Quantity": _quantity, "Time": _time, "bytes": _bytes}
