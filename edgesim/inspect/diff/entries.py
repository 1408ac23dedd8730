"""The matchers of two virtual hosts side by side, and which of them are not on both sides alike."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import count

from edgesim.inspect.diff.literals import Literal, literals_of
from edgesim.model import PathMatcher, Route, RouteMatch
from edgesim.routing.conditions import METHOD, conditions_of
from edgesim.routing.implication import certain_text, plain_path

_MOST_COMPARED = 4000
"""So many routes between two that are alike are aligned; of more, all count as changed."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One matcher of a route for one of its methods; `order` is its route's place among all.

    `twin` is the same for the entry of the other side that is its partner, None for a changed one.
    `path` is the prefix or exact path where a regex is no more than that, `text` what every path it takes begins with.
    """

    order: int
    route: Route
    match: RouteMatch
    path: PathMatcher
    text: bytes
    literals: tuple[Literal, ...]
    twin: tuple[int, int, int] | None

    @property
    def changed(self) -> bool:
        """Tell whether the other side has no partner for it."""
        return self.twin is None


def entries_of(routes: Iterable[Route], changed: Sequence[bool]) -> Iterator[Entry]:
    """Yield the entries of a virtual host, in order."""
    unchanged = count()
    for order, route in enumerate(routes):
        number = None if changed[order] else next(unchanged)
        for index, match in enumerate(route.matches):
            path = plain_path(match.path)
            for place, conditions in enumerate(conditions_of(match)):
                ordered = sorted(conditions, key=lambda each: (each.name != METHOD, each))
                literals = dict.fromkeys(literal for each in ordered for literal in literals_of(each))
                twin = None if number is None else (number, index, place)
                yield Entry(order, route, match, path, certain_text(path), tuple(literals), twin)


def changed_routes(
    old: Sequence[Route], new: Sequence[Route], decision: Sequence[Callable[[Route], Hashable]]
) -> tuple[list[bool], list[bool]]:
    """Tell for each route of both sides whether it has no partner that is in the same place and decides the same.

    A request that meets no changed route is decided alike: the others are on both sides, in the same order.
    """
    numbers: dict[Hashable, int] = {}
    before, after = (
        [numbers.setdefault((route.matches, decide(route)), len(numbers)) for route in routes]
        for routes, decide in zip((old, new), decision, strict=True)
    )
    first = _alike(before, after)
    last = _alike(before[first:][::-1], after[first:][::-1])
    middle = before[first : len(before) - last], after[first : len(after) - last]
    flags = ([False] * len(before), [False] * len(after))
    for side, part in zip(flags, _unpaired(*middle), strict=True):
        side[first : first + len(part)] = part
    return flags


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def _unpaired(one: Sequence[int], other: Sequence[int]) -> tuple[list[bool], list[bool]]:
    found = [True] * len(one), [True] * len(other)
    if one and other and len(one) + len(other) <= _MOST_COMPARED:
        for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
            found[0][block.a : block.a + block.size] = [False] * block.size
            found[1][block.b : block.b + block.size] = [False] * block.size
    return found
