"""Leaving out what a schema does not know, as the API server does unless it is told to be strict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgesim.dialects import FieldPath


def pruned(manifest: dict[str, Any], paths: Iterable[FieldPath]) -> dict[str, Any]:
    """Return a manifest without the fields at some paths; the one given is not changed."""
    kept: Any = manifest
    for path in paths:
        kept = _without(kept, path)
    assert isinstance(kept, dict)
    return kept


def _without(value: Any, path: FieldPath) -> Any:
    step, rest = path[0], path[1:]
    if isinstance(value, list) and isinstance(step, int) and rest:
        return [_without(item, rest) if index == step else item for index, item in enumerate(value)]
    if not isinstance(value, dict) or step not in value:
        return value
    if not rest:
        return {name: item for name, item in value.items() if name != step}
    return {name: _without(item, rest) if name == step else item for name, item in value.items()}
