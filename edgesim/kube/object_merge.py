"""The two steps of server-side apply on objects: lay one over the other, and take paths out. Both keep their input."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping
from typing import Any

from edgesim.config.patches import PatchError
from edgesim.kube.field_sets import Path, item_element, item_elements, path_text
from edgesim.kube.merge_keys import Shape


def laid_over(live: Any, wanted: Any, shape: Shape) -> Any:
    """Return `live` with what `wanted` says (structured-merge-diff, Merge): nothing goes away."""
    if isinstance(live, dict) and isinstance(wanted, dict) and not shape.atomic:
        merged = dict(live)
        for name, value in wanted.items():
            merged[name] = laid_over(live.get(name), value, shape.named(name))
        return merged
    if isinstance(live, list) and isinstance(wanted, list):
        before, after = item_elements(live, shape), item_elements(wanted, shape)
        if before is not None and after is not None and len(set(before)) == len(before):
            return _items(dict(zip(before, live, strict=True)), dict(zip(after, wanted, strict=True)), shape)
    return copy.deepcopy(wanted)


def _items(live: dict[str, Any], wanted: dict[str, Any], shape: Shape) -> list[Any]:
    """Merge two keyed lists: the order is the wanted one; an item of others stays before what it stood before."""
    merged: list[Any] = []
    others = deque(element for element in live if element not in wanted)
    places = {element: place for place, element in enumerate(live)}
    for element, item in wanted.items():
        while element in live and others and places[others[0]] < places[element]:
            merged.append(live[others.popleft()])
        merged.append(laid_over(live.get(element), item, shape.of_items))
    return merged + [live[element] for element in others]


def without(value: Any, doomed: Mapping[str, Any], shape: Shape) -> Any:
    """Return a value without the paths of a FieldsV1 tree."""
    if isinstance(value, dict):
        parts = [(name, doomed.get(f"f:{name}"), inner) for name, inner in value.items()]
        return {
            name: inner if tree is None else without(inner, tree, shape.named(name))
            for name, tree, inner in parts
            if tree is None or not _is_member(tree)
        }
    if isinstance(value, list):
        items = [(doomed.get(item_element(item, shape) or ""), item) for item in value]
        return [
            item if tree is None else without(item, tree, shape.of_items)
            for tree, item in items
            if tree is None or not _is_member(tree)
        ]
    return value


def _is_member(tree: Mapping[str, Any]) -> bool:
    return not tree or "." in tree


def without_nulls(value: Any) -> Any:
    """Return a copy without fields that are null: an applied configuration does not say them."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def check_items(value: Any, shape: Shape, path: Path = ()) -> None:
    """See that the items of every keyed list have their keys, each once. Raises PatchError in Kubernetes' words."""
    if isinstance(value, dict) and not shape.atomic:
        for name, inner in value.items():
            check_items(inner, shape.named(name), (*path, f"f:{name}"))
    if not isinstance(value, list) or not (shape.keys or shape.is_set):
        return
    seen: set[str] = set()
    for place, item in enumerate(value):
        element = item_element(item, shape)
        if element is None:
            raise PatchError(f"{path_text(path)}: element {place}: {_lacking(item, shape)}")
        if element in seen:
            raise PatchError(f"{path_text(path)}: duplicate entries for key {path_text((element,))}")
        seen.add(element)
        check_items(item, shape.of_items, (*path, element))


def _lacking(item: Any, shape: Shape) -> str:
    if not isinstance(item, dict):
        return "associative list with keys may not have non-map elements"
    key = next(name for name in shape.keys if item.get(name, shape.defaults.get(name)) is None)
    return f'associative list with keys has an element that omits key field "{key}" (and doesn\'t have default value)'
