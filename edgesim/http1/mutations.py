"""Header manipulation: what routes, virtual hosts and weighted clusters add and remove.

Envoy applies the most specific level first (weighted cluster, route, virtual host), so the least
specific has the last word; within a level removal precedes addition (Gloo reference, section 6.6).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgesim.http1.fields import Fields
from edgesim.model import HeaderMutations, HeaderValue


@dataclass(frozen=True, slots=True)
class Step:
    """One level of one direction: names to remove, then fields to add (name, value, append)."""

    remove: frozenset[bytes]
    add: tuple[tuple[bytes, bytes, bool], ...]


def request_steps(levels: Iterable[HeaderMutations]) -> tuple[Step, ...]:
    """Return the steps for requests of the levels that have any, in the order given."""
    return tuple(_step(level.request_remove, level.request_add) for level in levels if _changes_request(level))


def response_steps(levels: Iterable[HeaderMutations]) -> tuple[Step, ...]:
    """Return the steps for responses of the levels that have any, in the order given."""
    return tuple(_step(level.response_remove, level.response_add) for level in levels if _changes_response(level))


def _changes_request(level: HeaderMutations) -> bool:
    return bool(level.request_remove or level.request_add)


def _changes_response(level: HeaderMutations) -> bool:
    return bool(level.response_remove or level.response_add)


def _step(remove: Iterable[str], add: Iterable[HeaderValue]) -> Step:
    names = frozenset(name.lower().encode() for name in remove)
    return Step(names, tuple((v.name.lower().encode(), v.value.encode(), v.append) for v in add))


def mutate(fields: Fields, steps: tuple[Step, ...]) -> Fields:
    """Return the fields after every step."""
    for step in steps:
        fields = [field for field in fields if field[0] not in step.remove]
        for name, value, append in step.add:
            if not append:
                fields = [field for field in fields if field[0] != name]
            fields.append((name, value))
    return fields
