"""Sets of fields, as `metadata.managedFields` writes them (FieldsV1 of structured-merge-diff), and what an object has.

A path is a tuple of FieldsV1 elements: `f:NAME` a field, `k:{...}` an item by its keys, `v:VALUE` a value of a set,
`i:N` an index.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgesim.config.patches import PatchError
from edgesim.dialects.kinds import Kind
from edgesim.kube.merge_keys import Shape, shape_of

Path = tuple[str, ...]
Fields = frozenset[Path]

BRANCH: Final = object()
"""The value of a place whose parts are owned apart."""

FRAME: Final = object()
"""The value of such a place that is always there, so that nobody owns it (`spec`)."""

_DEEPEST = 100
"""From there on a place is owned whole."""

UNOWNED_METADATA: Final = frozenset(
    {
        "name",
        "namespace",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
    }
)
"""What the server keeps itself; nobody owns it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The paths in which two objects differ."""

    added: Fields
    modified: Fields
    removed: Fields

    @property
    def touched(self) -> Fields:
        """Return what the second object has otherwise than the first."""
        return self.added | self.modified


def encode_fields(fields: Iterable[Path]) -> dict[str, Any]:
    """Write a set of paths as FieldsV1."""
    root: dict[str, Any] = {}
    for path in sorted(fields):
        place = root
        for element in path:
            place = place.setdefault(element, {})
        place["."] = {}
    return _bare(root)


def _bare(tree: dict[str, Any]) -> dict[str, Any]:
    """Leave `.` out where nothing stands beside it."""
    if tree.keys() == {"."}:
        return {}
    return {key: _bare(inner) if key != "." else {} for key, inner in tree.items()}


def decode_fields(tree: Any) -> Fields:
    """Read FieldsV1. Raises PatchError where it is none."""
    found: set[Path] = set()
    waiting: list[tuple[Path, Any]] = [((), tree)]
    while waiting:
        path, part = waiting.pop()
        if not isinstance(part, dict) or len(path) > _DEEPEST:
            raise PatchError(f"fieldsV1: {path_text(path) or 'it'} must be an object, and not nested too deeply")
        if path and (not part or "." in part):
            found.add(path)
        waiting += [((*path, _element(key)), inner) for key, inner in part.items() if key != "."]
    return frozenset(found)


def _element(text: Any) -> str:
    if not isinstance(text, str) or text[:2] not in {"f:", "k:", "v:", "i:"}:
        raise PatchError(f"fieldsV1: {text!r} is no path element")
    if text[:2] == "k:" and not isinstance(_json(text[2:]), dict):
        raise PatchError(f"fieldsV1: {text!r} names no keys")
    if text[:2] == "v:":
        _json(text[2:])
    return text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise PatchError(f"fieldsV1: {text!r} is no JSON") from None


def path_text(path: Path) -> str:
    """Write a path as Kubernetes prints it: `.spec.template.spec.containers[name="echo"].image`."""
    return "".join(_element_text(element) for element in path)


def _element_text(element: str) -> str:
    kind, rest = element[:2], element[2:]
    if kind == "f:":
        return f".{rest}"
    if kind == "k:":
        keys = json.loads(rest)
        return "[" + ",".join(f"{name}={_compact(keys[name])}" for name in sorted(keys)) + "]"
    return f"[={rest}]" if kind == "v:" else f"[{rest}]"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def item_element(item: Any, shape: Shape) -> str | None:
    """Return the path element of a list's item, or None where the item lacks a key."""
    if shape.is_set:
        return f"v:{_compact(item)}"
    if not isinstance(item, dict):
        return None
    keys = {name: item.get(name, shape.defaults.get(name)) for name in shape.keys}
    return None if None in keys.values() else f"k:{_compact(keys)}"


def item_elements(items: Sequence[Any], shape: Shape) -> list[str] | None:
    """Return the path elements of a list's items, or None where the list is owned whole."""
    if not shape.keys and not shape.is_set:
        return None
    elements = [item_element(item, shape) for item in items]
    known = [element for element in elements if element is not None]
    return known if len(known) == len(elements) else None


def values_of(manifest: Mapping[str, Any], kind: Kind) -> dict[Path, Any]:
    """Return every place of a manifest by its path; `BRANCH` and `FRAME` where the parts are owned apart."""
    found: dict[Path, Any] = {}
    _collect(found, (), _ownable(manifest), shape_of(kind))
    found.pop((), None)
    return found


def _ownable(manifest: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in manifest.items() if name not in {"apiVersion", "kind"}}
    metadata = kept.pop("metadata", None)
    if isinstance(metadata, dict):
        kept["metadata"] = {name: value for name, value in metadata.items() if name not in UNOWNED_METADATA}
    return kept


def _collect(found: dict[Path, Any], path: Path, value: Any, shape: Shape) -> None:
    parts: list[tuple[str, Any, Shape]]
    if len(path) == _DEEPEST:
        found[path] = value
        return
    if isinstance(value, dict) and not shape.atomic:
        parts = [(f"f:{name}", inner, shape.named(name)) for name, inner in value.items()]
    elif isinstance(value, list) and (elements := item_elements(value, shape)) is not None:
        parts = _items(value, elements, shape)
    else:
        found[path] = value
        return
    found[path] = FRAME if shape.inline else BRANCH
    for element, inner, inner_shape in parts:
        _collect(found, (*path, element), inner, inner_shape)


def _items(items: list[Any], elements: list[str], shape: Shape) -> list[tuple[str, Any, Shape]]:
    """Take a list apart; items that share their keys (as an old object may have them) are owned together."""
    groups: dict[str, list[Any]] = {}
    for element, item in zip(elements, items, strict=True):
        groups.setdefault(element, []).append(item)
    alone = {element: group[0] if len(group) == 1 or shape.is_set else group for element, group in groups.items()}
    return [(element, item, shape.of_items) for element, item in alone.items()]


def applied_fields(values: Mapping[Path, Any]) -> Fields:
    """Return what somebody owns who applied an object: its leaves and its items, not the maps around them."""
    around = parents(values)
    leaves = (path for path in values if path not in around or not path[-1].startswith("f:"))
    return frozenset(path for path in leaves if values[path] is not FRAME)


def parents(fields: Iterable[Path]) -> set[Path]:
    """Return all places that lead to one of these paths, without those paths themselves."""
    return {path[:length] for path in fields for length in range(1, len(path))}


def difference(before: Mapping[Path, Any], after: Mapping[Path, Any]) -> Difference:
    """Compare two objects path by path (structured-merge-diff, Compare)."""
    old, new = _without_frames(before), _without_frames(after)
    return Difference(
        added=frozenset(new.keys() - old.keys()),
        modified=frozenset(path for path in old.keys() & new.keys() if not same(old[path], new[path])),
        removed=frozenset(old.keys() - new.keys()),
    )


def _without_frames(values: Mapping[Path, Any]) -> dict[Path, Any]:
    return {path: value for path, value in values.items() if value is not FRAME}


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same; true is not 1, and 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other)
