"""Header manipulation: what routes, virtual hosts and weighted clusters add and remove.

Envoy applies the most specific level first (weighted cluster, route, virtual host), so the least
specific has the last word; within a level removal precedes addition (Gloo reference, section 6.6), values
that overwrite precede those that are appended, and empty values are not added (measured on Envoy 1.40).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from edgesim.http1.fields import Fields
from edgesim.model import JOINED, HeaderMutations, HeaderValue

Value = bytes | Callable[[Any], bytes]
"""A value as it is, or a function that makes it from what is known of the exchange."""


def literal(text: str) -> Value:
    """Return a value without command operators."""
    return text.encode()


@dataclass(frozen=True, slots=True)
class Step:
    """One level of one direction: names to remove, then fields to add (name, value, append)."""

    remove: frozenset[bytes]
    add: tuple[tuple[bytes, Value, bool], ...]


def request_steps(levels: Iterable[HeaderMutations], value: Callable[[str], Value] = literal) -> tuple[Step, ...]:
    """Return the steps for requests of the levels that have any, in the order given; `value` compiles texts."""
    return tuple(_step(level.request_remove, level.request_add, value) for level in levels if _changes_request(level))


def response_steps(levels: Iterable[HeaderMutations], value: Callable[[str], Value] = literal) -> tuple[Step, ...]:
    """Return the steps for responses of the levels that have any, in the order given; `value` compiles texts."""
    return tuple(
        _step(level.response_remove, level.response_add, value) for level in levels if _changes_response(level)
    )


def are_fixed(steps: Iterable[Step]) -> bool:
    """Tell whether no step needs to know the exchange."""
    return all(isinstance(value, bytes) for step in steps for _, value, _ in step.add)


def _changes_request(level: HeaderMutations) -> bool:
    return bool(level.request_remove or level.request_add)


def _changes_response(level: HeaderMutations) -> bool:
    return bool(level.response_remove or level.response_add)


def _step(remove: Iterable[str], add: Iterable[HeaderValue], value: Callable[[str], Value]) -> Step:
    names = frozenset(name.lower().encode() for name in remove)
    ordered = sorted((v for v in add if v.value), key=attrgetter("append"))
    return Step(names, tuple((v.name.lower().encode(), value(v.value), v.append) for v in ordered))


def mutate(
    fields: Fields, steps: tuple[Step, ...], known: Any = None, show: Callable[[Any, Fields], None] | None = None
) -> Fields:
    """Return the fields after every step. `known` is what values are made from; an empty one is not added.

    `show` tells `known` the fields as they are before each step adds to them.
    """
    for step in steps:
        fields = [field for field in fields if field[0] not in step.remove]
        if show is not None:
            show(known, fields)
        for name, given, append in step.add:
            value = given if isinstance(given, bytes) else given(known)
            if not value:
                continue
            if not append:
                fields = [field for field in fields if field[0] != name]
            fields = with_value(fields, name, value)
    return fields


def with_value(fields: Fields, name: bytes, value: bytes) -> Fields:
    """Return the fields with another value: a line of its own, or behind the one line some fields have."""
    if name in JOINED:
        before = [old for key, old in fields if key == name]
        if before:
            return [*(field for field in fields if field[0] != name), (name, b",".join([*before, value]))]
    return [*fields, (name, value)]
