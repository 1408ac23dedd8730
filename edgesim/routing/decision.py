"""What routing decides for one request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from edgesim.model import Action, Destination, HeaderMutations, Route, RouteMatch, VirtualHost, WeightedCluster

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """A route chosen, and for a forwarding route its destination.

    Decisions are made when the table is compiled and shared by all requests, so whoever serves them
    may keep what it derives from one, by identity or by its `number`, which no other of the process ever has.
    Decisions of one `kind` differ in nothing but the route they belong to: policies and header changes, action
    and destination are equal, and the path stays. `rewrite` maps the path without query to the one the upstream
    sees, None keeping it. `destination` is None for redirects, direct responses, and `cluster_header` routes
    whose header is missing.
    """

    virtual_host: VirtualHost
    route: Route
    match: RouteMatch
    action: Action
    destination: Destination | None = None
    arm: WeightedCluster | None = None
    rewrite: Callable[[bytes], bytes] | None = None
    kind: object = field(default_factory=object)
    number: int = field(default_factory=_NUMBERS.__next__)


def header_levels(decision: Decision, *, most_specific_wins: bool) -> list[HeaderMutations]:
    """Return the header changes of a decision in the order they are made; the last has the last word.

    A weighted cluster comes first in any case, as in Envoy.
    """
    levels = [decision.route.headers, decision.virtual_host.headers]
    if most_specific_wins:
        levels.reverse()
    return levels if decision.arm is None else [decision.arm.headers, *levels]
