"""Keys as a schema spells them, and the paths of a document as its author spelt them."""

from __future__ import annotations

import re
from typing import Any

from edgesim.dialects.resource import FieldPath

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake(name: str) -> str:
    """Spell a camelCase name with underscores."""
    return _HUMP.sub(lambda found: "_" + found[1].lower(), name)


def snake_keys(value: Any) -> Any:
    """Return plain data with every key in snake_case; where both spellings stand the author's own order wins."""
    if isinstance(value, dict):
        return {snake(key): snake_keys(item) for key, item in value.items() if item is not None}
    return [snake_keys(item) for item in value] if isinstance(value, list) else value


def as_written(path: FieldPath, value: Any) -> FieldPath:
    """Return a path of `snake_keys(value)` with the keys that `value` itself has."""
    found: list[str | int] = []
    for step in path:
        key: str | int = step
        if isinstance(value, dict):
            key = next((name for name in value if snake(name) == step), step)
            value = value.get(key)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            value = None
        found.append(key)
    return tuple(found)
