"""The types of a schema's fields, as those who describe them read them."""

from __future__ import annotations

from typing import Any

from msgspec import inspect


def bare_type(kind: inspect.Type) -> tuple[inspect.Type, dict[str, Any]]:
    """Take marks and `| None` off a type; return the marks too."""
    marks: dict[str, Any] = {}
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            marks |= kind.extra or {}
            kind = kind.type
            continue
        others = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
        if len(others) > 1:
            break
        kind = others[0]
    return kind, marks
