"""The matchers of a virtual host taken apart for lint: one path with conditions that must all hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgesim.model import OriginStep, PathMatcher, Route, RouteMatch, VirtualHost
from edgesim.routing.conditions import Condition, conditions_of
from edgesim.routing.implication import certain_text, plain_path


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """One matcher for one of its methods. `order` is the place of its route, `index` its own among the matchers.

    `path` is the prefix or exact path where a regex is no more than that; `text` is what every path it
    matches begins with.
    """

    order: int
    index: int
    route: Route
    match: RouteMatch
    path: PathMatcher
    text: bytes
    conditions: frozenset[Condition]

    @property
    def step(self) -> OriginStep:
        """Return where the matcher is written."""
        own = self.route.origin[-1]
        path = (*own.path, "matchers", self.index)
        return OriginStep(own.kind, own.namespace, own.name, own.file, path)


def atoms_of(order: int, route: Route) -> Iterator[Atom]:
    """Yield the atoms of one route; a matcher with several methods gives one for each."""
    for index, match in enumerate(route.matches):
        path = plain_path(match.path)
        text = certain_text(path)
        for conditions in conditions_of(match):
            yield Atom(order, index, route, match, path, text, conditions)


def written_routes(host: VirtualHost) -> Iterator[tuple[int, Route]]:
    """Yield the routes that were written somewhere, with their place among all."""
    return ((order, route) for order, route in enumerate(host.routes) if route.origin)
