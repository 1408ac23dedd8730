"""What is read off a decision."""

from __future__ import annotations

from edgesim.model import (
    Destination,
    ForwardAction,
    HeaderMutations,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    VirtualHost,
    WeightedCluster,
)
from edgesim.routing import Decision, header_levels

OF_ROUTE, OF_HOST, OF_ARM = (HeaderMutations(request_remove=(name,)) for name in ("route", "host", "arm"))
MATCH = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))
ROUTE = Route((MATCH,), ForwardAction(Destination("c")), headers=OF_ROUTE)
HOST = VirtualHost("h", ("*",), headers=OF_HOST)


def test_header_changes_go_from_the_route_outwards_or_the_other_way() -> None:
    """The last has the last word: the virtual host, unless the most specific is to win."""
    decision = Decision(HOST, ROUTE, MATCH, ROUTE.action)
    assert header_levels(decision, most_specific_wins=False) == [OF_ROUTE, OF_HOST]
    assert header_levels(decision, most_specific_wins=True) == [OF_HOST, OF_ROUTE]


def test_header_changes_of_a_weighted_cluster_come_first() -> None:
    """Whoever wins among route and virtual host, the arm's changes are made before theirs."""
    decision = Decision(HOST, ROUTE, MATCH, ROUTE.action, arm=WeightedCluster(Destination("c"), 1, headers=OF_ARM))
    assert header_levels(decision, most_specific_wins=False) == [OF_ARM, OF_ROUTE, OF_HOST]
    assert header_levels(decision, most_specific_wins=True) == [OF_ARM, OF_HOST, OF_ROUTE]
