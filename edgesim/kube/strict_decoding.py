"""What strict decoding finds in a body before anything is validated: unknown fields and fields written twice.

Source: Kubernetes' field validation (`fieldValidation=Strict|Warn|Ignore`), whose words these are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, Literal

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from edgesim.config.api_errors import ApiError
from edgesim.config.read import compose
from edgesim.dialects import FieldPath, Kind

FieldValidation = Literal["Strict", "Warn", "Ignore"]


MAX_ERRORS: Final = 100
"""Errors of strict decoding that are told; Kubernetes stops there, too."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written, its repeated names included."""


def dotted(path: FieldPath) -> str:
    """Return a path as Kubernetes writes it: `spec.routes[0].name`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def unknown_fields(paths: Sequence[FieldPath]) -> tuple[str, ...]:
    """Return what strict decoding says of fields that a kind does not have."""
    return tuple(f"unknown field {json.dumps(dotted(path), ensure_ascii=False)}" for path in paths[:MAX_ERRORS])


def duplicate_fields(text: str) -> tuple[str, ...]:
    """Return what strict decoding says of fields that a JSON or YAML body has twice; nothing where it cannot be read."""
    try:
        paths = list(_in_json(json.loads(text, object_pairs_hook=_Pairs), ()))
    except (ValueError, RecursionError):
        paths = _in_yaml_text(text)
    said = dict.fromkeys(f"duplicate field {json.dumps(dotted(path), ensure_ascii=False)}" for path in paths)
    return tuple(islice(said, MAX_ERRORS))


def cannot_be_handled(kind: Kind, why: str) -> ApiError:
    """Return the 400 for a body that cannot be decoded as its kind."""
    return ApiError("BadRequest", f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')


def strict_error(kind: Kind, said: Sequence[str]) -> ApiError:
    """Return the 400 for a body with fields that are unknown or written twice."""
    return cannot_be_handled(kind, f"strict decoding error: {', '.join(said)}")


def _in_json(value: Any, path: FieldPath) -> Iterator[FieldPath]:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for name, item in value:
            if name in seen:
                yield (*path, name)
            seen.add(name)
            yield from _in_json(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _in_json(item, (*path, index))


def _in_yaml_text(text: str) -> list[FieldPath]:
    try:
        root = compose(text)
        return [] if root is None else list(_in_yaml(root, (), set()))
    except (yaml.YAMLError, UnicodeError, RecursionError):
        return []


def _in_yaml(node: Node, path: FieldPath, visited: set[int]) -> Iterator[FieldPath]:
    if id(node) in visited:
        return  # an alias: what it stands for was looked at where it is written
    visited.add(id(node))
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, item in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            if name in seen and name != "<<":
                yield (*path, name)
            seen.add(name)
            yield from _in_yaml(item, (*path, name), visited)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _in_yaml(item, (*path, index), visited)
