"""Strategic merge patches (Kubernetes documentation, "Update API Objects in Place Using kubectl patch"). Pure.

Errors are worded as Kubernetes words them (apimachinery, `mergepatch/errors.go`).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from typing import Any

from edgesim.config.patches import PatchError
from edgesim.dialects.kinds import Kind
from edgesim.kube.merge_keys import Shape, shape_of

Manifest = dict[str, Any]

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def strategic_merge(target: Manifest, patch: Manifest, kind: Kind) -> Manifest:
    """Apply a strategic merge patch; lists merge by the keys of their kind. Both are kept. Raises PatchError."""
    try:
        return _merged_map(target, patch, shape_of(kind))
    except RecursionError:
        raise PatchError("the patch is nested too deeply") from None


def _merged_map(original: Manifest, patch: Manifest, shape: Shape) -> Manifest:
    directive = patch.get(_DIRECTIVE, "merge")
    if directive == "delete":
        return {}
    if directive not in ("merge", "replace"):
        raise PatchError(f"unknown patch type: {_go(directive)} in map: {_go(patch)}")
    merged = dict(_retained(original, patch)) if directive == "merge" else {}
    for name in _names(patch):
        _merge_field(merged, patch, name, shape.named(name))
    return merged


def _names(patch: Manifest) -> list[str]:
    """Return the fields a patch speaks of, each once."""
    bare = (name.removeprefix(_DELETE).removeprefix(_ORDER) for name in patch)
    return list(dict.fromkeys(name for name in bare if name not in {_DIRECTIVE, _RETAIN}))


def _retained(original: Manifest, patch: Manifest) -> Manifest:
    """Drop what `$retainKeys` does not name: the way to change from one kind of a union to another."""
    if _RETAIN not in patch:
        return original
    retained = _list(patch[_RETAIN], "invalid patch format of retainKeys")
    given = [name for name, value in patch.items() if value is not None and not name.startswith("$")]
    if any(name not in retained for name in given):
        raise PatchError("patch content doesn't match retainKeys list")
    return {name: value for name, value in original.items() if name in retained}


def _list(value: Any, message: str) -> list[Any]:
    if not isinstance(value, list):
        raise PatchError(message)
    return value


def _merge_field(merged: Manifest, patch: Manifest, name: str, shape: Shape) -> None:
    """Merge one field, with what stands beside it for its list."""
    if name in patch and not isinstance(patch[name], list):
        _merge_value(merged, name, patch[name], shape)
        return
    if name not in patch and name not in merged:
        return
    here = merged.get(name)
    original = here if isinstance(here, list) else []
    given = patch.get(name, [])
    deleted = _list(patch.get(_DELETE + name, []), "invalid patch format of primitive list")
    items = _merged_list(original, given, shape) if name in patch else original
    gone = {_identity(item) for item in deleted}
    items = [item for item in items if _identity(item) not in gone] if gone else items
    if _ORDER + name in patch:
        order = _list(patch[_ORDER + name], "invalid patch format of setElementOrder list")
        _check_order(given, order, shape)
        items = _ordered(items, order, original, shape)
    merged[name] = items


def _merge_value(merged: Manifest, name: str, value: Any, shape: Shape) -> None:
    if value is None:
        merged.pop(name, None)
    elif isinstance(value, dict):
        here = {} if shape.replaced else merged.get(name)
        merged[name] = _merged_map(here if isinstance(here, dict) else {}, value, shape)
    else:
        merged[name] = value


def _merged_list(original: list[Any], patch: list[Any], shape: Shape) -> list[Any]:
    if shape.is_set:
        everything = {_identity(item): item for item in (*original, *patch)}
        return _ordered(list(everything.values()), patch, original, shape)
    if not shape.patch_key:
        return patch
    return _merged_items(original, patch, shape)


def _merged_items(original: list[Any], patch: list[Any], shape: Shape) -> list[Any]:
    for item in patch:
        if not isinstance(item, dict):
            raise PatchError(f"expected a map, but received a {_type(item)}")
    plain = [item for item in patch if item.get(_DIRECTIVE, "merge") == "merge"]
    if any(item.get(_DIRECTIVE) == "replace" for item in patch):
        return [_merged_map({}, item, shape.of_items) for item in plain]
    merged = _without(original, [item for item in patch if item.get(_DIRECTIVE, "merge") != "merge"], shape.patch_key)
    places = _places(merged, shape)
    for item in plain:
        place = places.setdefault(_key(item, shape.patch_key), len(merged))
        there = merged[place] if place < len(merged) else {}
        merged[place : place + 1] = [_merged_map(there, item, shape.of_items)]
    return _ordered(merged, plain, original, shape)


def _without(original: list[Any], directives: list[Manifest], merge_key: str) -> list[Any]:
    """Return a list without the items that are to be deleted."""
    for item in directives:
        if item[_DIRECTIVE] != "delete":
            raise PatchError(f"unknown patch type: {_go(item[_DIRECTIVE])} in map: {_go(item)}")
    gone = {_key(item, merge_key) for item in directives}
    return [item for item in original if _key_of(item, merge_key) not in gone]


def _key(item: Any, merge_key: str) -> str:
    key = _key_of(item, merge_key)
    if key is None:
        raise PatchError(f"map: {_go(item)} does not contain declared merge key: {merge_key}")
    return key


def _key_of(item: Any, merge_key: str) -> str | None:
    if not isinstance(item, dict) or item.get(merge_key) is None:
        return None
    return _identity(item[merge_key])


def _identity(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _element(item: Any, shape: Shape) -> str | None:
    return _key_of(item, shape.patch_key) if shape.patch_key else _identity(item)


def _check_order(patch: Sequence[Any], order: Sequence[Any], shape: Shape) -> None:
    """See that a list and its `$setElementOrder` agree."""
    remaining = iter([_element(item, shape) for item in order])
    given = [item for item in patch if not (isinstance(item, dict) and _DIRECTIVE in item)]
    if not all(_element(item, shape) in remaining for item in given):
        raise PatchError(
            f"the order in patch list:\n{_go(list(patch))}\n doesn't match {_ORDER[:-1]} list:\n{_go(list(order))}"
        )


def _ordered(items: list[Any], order: Sequence[Any], original: Sequence[Any], shape: Shape) -> list[Any]:
    """Bring the items that `order` names into that order; the others keep theirs, before what they stood before."""
    places, before = _places(order, shape), _places(original, shape)
    known = [(_element(item, shape), item) for item in items]
    named = sorted((pair for pair in known if pair[0] in places), key=lambda pair: places[pair[0]])
    others = deque(pair for pair in known if pair[0] not in places)
    arranged: list[Any] = []
    for element, item in named:
        place = before.get(element, -1)
        while others and before.get(others[0][0], place) < place:
            arranged.append(others.popleft()[1])
        arranged.append(item)
    return arranged + [item for _, item in others]


def _places(items: Sequence[Any], shape: Shape) -> dict[str | None, int]:
    places: dict[str | None, int] = {}
    for place, item in enumerate(items):
        places.setdefault(_element(item, shape), place)
    return places


def _type(value: Any) -> str:
    return "slice" if isinstance(value, list) else "string" if isinstance(value, str) else type(value).__name__


def _go(value: Any) -> str:
    """Write a value as Go's `%v` does, in which these messages are."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{name}:{_go(value[name])}" for name in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_go(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)
