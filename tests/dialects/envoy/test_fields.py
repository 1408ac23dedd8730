"""Every field of the model is in what is exported, or is listed as something Envoy cannot do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_type_hints

from edgesim.dialects.envoy import bootstrap, inexpressible
from edgesim.model import Model, OriginStep, Position
from tests.dialects.envoy.scenes import ASSIGNMENTS, everything

Field = tuple[str, str]
"""A class and a field of it."""
FOR_PEOPLE = {
    ("Cluster", "origin"),
    ("Endpoint", "pod"),
    ("InheritedOption", "field"),
    ("InheritedOption", "step"),
    ("Listener", "origin"),
    ("OriginStep", "file"),
    ("OriginStep", "kind"),
    ("OriginStep", "name"),
    ("OriginStep", "namespace"),
    ("OriginStep", "path"),
    ("Route", "inherited"),
    ("Route", "number"),
    ("Route", "origin"),
    ("VirtualHost", "origin"),
}
"""What says where a piece comes from: comments have it, no proxy does."""


def fields_below(kind: Any, seen: set[type]) -> Iterator[Field]:
    """Name every field of a class and of all classes its fields' types mention."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind not in seen:
        seen.add(kind)
        hints = get_type_hints(kind)
        for each in dataclasses.fields(kind):
            yield kind.__name__, each.name
            yield from fields_below(hints[each.name], seen)
    for part in get_args(kind):
        yield from fields_below(part, seen)


def variants(node: Any) -> Iterator[tuple[frozenset[Field], Any]]:
    """Change each field of a value, one at a time, however deep; yield it with the fields it is in, and what came of it."""
    if isinstance(node, tuple):
        for index, item in enumerate(node):
            for what, changed in variants(item):
                yield what, (*node[:index], changed, *node[index + 1 :])
    if not dataclasses.is_dataclass(node) or isinstance(node, type):
        return
    hints = get_type_hints(type(node))
    for each in dataclasses.fields(node):
        value, here = getattr(node, each.name), frozenset({(type(node).__name__, each.name)})
        for other in others(value, hints[each.name]):
            yield here, dataclasses.replace(node, **{each.name: other})
        for what, changed in variants(value):
            yield here | what, dataclasses.replace(node, **{each.name: changed})


def others(value: Any, hint: Any) -> list[Any]:
    """Return other values of a field: none where it holds nothing that could be changed alone."""
    if NoneType in get_args(hint) and value is not None:
        return [None]
    if isinstance(value, Enum):
        return [each for each in type(value) if each is not value]
    if isinstance(value, tuple | frozenset):
        return [type(value)()] if value else []
    changes: dict[type, Any] = {bool: not value, str: f"{value}x", bytes: b"other"}
    if type(value) in changes:
        return [changes[type(value)]]
    return [value + 1] if isinstance(value, int | float) else []


def exported(model: Model) -> tuple[Any, ...]:
    """Return what is exported of a model with and without its pods, and what is said of the rest."""
    return (
        bootstrap(model, ASSIGNMENTS),
        bootstrap(model),
        [each.summary for each in inexpressible(model, None, nowhere)],
    )


def nowhere(step: OriginStep) -> Position:
    """Find every step at the same place."""
    return Position(step.file and "", 1, 1)


def test_every_field_of_the_model_is_exported_or_listed() -> None:
    """Changing any field of a model that says everything changes what is exported, or what is listed beside it."""
    whole = everything()
    before = exported(whole)
    acting: set[Field] = set()
    for what, changed in variants(whole):
        if not what <= acting and not what & FOR_PEOPLE and _differs(changed, before):
            acting |= what
    assert sorted(set(fields_below(Model, set())) - acting - FOR_PEOPLE) == []


def _differs(changed: Model, before: tuple[Any, ...]) -> bool:
    try:
        return exported(changed) != before
    except (AttributeError, KeyError, ValueError):
        return False  # not a model: another variant of the field has to show
