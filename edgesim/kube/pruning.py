"""Leaving out what a schema does not know, as the API server does unless it is told to be strict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgesim.dialects import FieldPath

_Branch = dict[str | int, Any]
"""The steps of paths that begin alike; where a path ends stands an empty one. No path goes through the end of another."""


def pruned(manifest: dict[str, Any], paths: Iterable[FieldPath]) -> dict[str, Any]:
    """Return a manifest without the fields at some paths; the one given is not changed."""
    root: _Branch = {}
    for path in paths:
        branch = root
        for step in path:
            branch = branch.setdefault(step, {})
    kept = _without(manifest, root) if root else manifest
    assert isinstance(kept, dict)
    return kept


def _without(value: Any, branch: _Branch) -> Any:
    if isinstance(value, list):
        return [_without(item, branch[index]) if branch.get(index) else item for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {name: item for name, item in value.items() if branch.get(name) != {}}
    return {name: _without(item, branch[name]) if name in branch else item for name, item in kept.items()}
