"""Changing a manifest: merge patches, JSON patches, and the three-way merge of `apply`. All pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]

_MOST_COPIED = 3 * 1024 * 1024
"""Bytes of JSON that the copies of one JSON patch may add up to, as in a Kubernetes API server."""


_DEEPEST = 101
"""Levels that the result of a JSON patch may be nested, as those of a body: moves nest it deeper than anything can read."""


class PatchError(ValueError):
    """A patch that does not fit what it is applied to, in one sentence."""


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386): objects merge, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def three_way(last: Mapping[str, Any], current: Mapping[str, Any], wanted: Mapping[str, Any]) -> Manifest:
    """Return what `apply` makes of `current`, as kubectl's client-side apply does.

    What `wanted` says wins; what `last` said and `wanted` no longer says goes; what others put into
    `current` stays. Lists are replaced whole.
    """
    merged = {key: value for key, value in current.items() if key in wanted or key not in last}
    for key, value in wanted.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = three_way(_mapping(last.get(key)), _mapping(current.get(key)), value)
        else:
            merged[key] = value
    return merged


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def json_patch(target: Any, operations: Any) -> Any:
    """Apply a JSON patch (RFC 6902). Raises PatchError, and then nothing has changed."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    document, copied = copy.deepcopy(target), 0
    for number, operation in enumerate(operations):
        try:
            copied += _copied(document, operation)
            document = _operate(document, operation)
        except PatchError as error:
            raise PatchError(f"operation {number}: {error}") from None
        except RecursionError:
            raise PatchError(f"operation {number}: what it makes is nested too deeply") from None
        if copied > _MOST_COPIED:
            raise PatchError(f"operation {number}: copies add up to more than {_MOST_COPIED} bytes")
    if _depth(document) > _DEEPEST:
        raise PatchError("what it makes is nested too deeply")
    return document


def _depth(document: Any) -> int:
    """Return how many levels there are, without calling itself for each."""
    depth, level = 0, [document] if isinstance(document, dict | list) else []
    while level:
        depth += 1
        inside = (part.values() if isinstance(part, dict) else part for part in level)
        level = [each for parts in inside for each in parts if isinstance(each, dict | list)]
    return depth


def _copied(document: Any, operation: Any) -> int:
    """Return how many bytes of JSON an operation copies: a few copies of copies fill any memory."""
    if not isinstance(operation, dict) or operation.get("op") != "copy" or not isinstance(operation.get("from"), str):
        return 0
    return len(json.dumps(_found(document, _pointer(operation["from"])), default=str))


def _operate(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise PatchError('an operation is an object with "op" and "path"')
    name, path = str(operation.get("op")), _pointer(operation["path"])
    if name in {"add", "replace", "test"}:
        if "value" not in operation:
            raise PatchError(f'"{name}" needs a "value"')
        return _with_value(document, name, path, copy.deepcopy(operation["value"]))
    if name == "remove":
        return _removed(document, path)
    if name in {"move", "copy"}:
        if not isinstance(operation.get("from"), str):
            raise PatchError(f'"{name}" needs a "from"')
        origin = _pointer(operation["from"])
        value = _found(document, origin)
        if name == "copy":
            return _added(document, path, copy.deepcopy(value))
        if path[: len(origin)] == origin and path != origin:
            raise PatchError("a value cannot be moved into itself")
        return _added(_removed(document, origin), path, value)
    raise PatchError(f"{name!r} is no operation: add, remove, replace, move, copy or test")


def _with_value(document: Any, name: str, path: list[str], value: Any) -> Any:
    if name == "add":
        return _added(document, path, value)
    there = _found(document, path)
    if name == "replace":
        return _added(_removed(document, path), path, value) if path else value
    if there != value or isinstance(there, bool) != isinstance(value, bool):
        raise PatchError(f"test failed: {_text(path)} holds another value")
    return document


def _pointer(text: str) -> list[str]:
    """Split a JSON pointer (RFC 6901)."""
    if text and not text.startswith("/"):
        raise PatchError(f"{text!r} is no JSON pointer: it must begin with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _text(path: list[str]) -> str:
    return "/" + "/".join(path)


def _found(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(document, part, len(document) - 1)]
        else:
            raise PatchError(f"{_text(path)} does not exist")
    return document


def _index(items: list[Any], part: str, last: int) -> int:
    if not (part.isascii() and part.isdigit()) or (part != "0" and part.startswith("0")) or len(part) > 9:
        raise PatchError(f"{part!r} is no index of a list")
    if int(part) > last:
        raise PatchError(f"index {part} is outside a list of {len(items)}")
    return int(part)


def _added(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _found(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(parent, last, len(parent)), value)
    else:
        raise PatchError(f"{_text(path[:-1])} is neither an object nor a list")
    return document


def _removed(document: Any, path: list[str]) -> Any:
    if not path:
        return None
    _found(document, path)
    parent, last = _found(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        del parent[last]
    else:
        del parent[_index(parent, last, len(parent) - 1)]
    return document
