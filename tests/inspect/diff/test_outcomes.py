"""When two decisions are the same, and how much of their requests ends elsewhere."""

from __future__ import annotations

from fractions import Fraction

import pytest

from edgesim.inspect.diff.outcomes import Effect, Outcome, Outcomes, effect, moved_share
from edgesim.model import (
    Action,
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    PathKind,
    PathMatcher,
    Policies,
    RedirectAction,
    Route,
    RouteMatch,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.policies import RetryPolicy

A, B = Destination("a"), Destination("b")
TAGGED = HeaderMutations(request_add=(HeaderValue("x", "1"),))
RETRIED = Policies(retries=RetryPolicy(("5xx",)))


def _outcome(
    action: Action, host: VirtualHost | None = None, route: Route | None = None, prefix: str = "/a"
) -> Outcome:
    match = RouteMatch(PathMatcher(PathKind.PREFIX, prefix))
    made = route or Route((match,), action)
    return Outcomes(host or VirtualHost("host", ("*",)), {}).of_match(made, match)


def _split(*weights: int) -> ForwardAction:
    return ForwardAction(
        weighted=tuple(WeightedCluster(to, weight) for to, weight in zip((A, B), weights, strict=False))
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (_split(1, 1), _split(50, 50), None),
        (_split(1, 0), ForwardAction(A), None),
        (_split(1, 1), _split(1, 3), Effect.MOVES),
        (ForwardAction(A), ForwardAction(A, timeout=15.0), None),
        (ForwardAction(A), ForwardAction(A, timeout=0.0), Effect.OPTIONS),
        (ForwardAction(A), ForwardAction(A, prefix_rewrite="/a"), None),
        (ForwardAction(A), ForwardAction(A, prefix_rewrite="/b"), Effect.SENT),
        (ForwardAction(A), DirectResponseAction(404), Effect.MOVES),
        (DirectResponseAction(200, "x"), DirectResponseAction(200, "y"), Effect.MOVES),
        (RedirectAction(host="a"), RedirectAction(host="b"), Effect.MOVES),
    ],
)
def test_effects(one: Action, other: Action, expected: Effect | None) -> None:
    """Decisions are compared by what they come to, not by how that is written."""
    assert effect(_outcome(one), _outcome(other)) is expected
    assert effect(_outcome(other), _outcome(one)) is expected


def test_policies_of_the_host_are_those_of_its_routes() -> None:
    """A policy moved from every route to their virtual host changes nothing; one that is new is an option."""
    match = RouteMatch(PathMatcher(PathKind.PREFIX, "/a"))
    inside = _outcome(ForwardAction(A), route=Route((match,), ForwardAction(A), policies=RETRIED))
    outside = _outcome(ForwardAction(A), host=VirtualHost("host", ("*",), policies=RETRIED))
    assert effect(inside, outside) is None
    assert effect(_outcome(ForwardAction(A)), outside) is Effect.OPTIONS


def test_headers_are_what_is_sent() -> None:
    """A header that is added on the way is sent otherwise, to the same place; which level adds it is no difference."""
    match = RouteMatch(PathMatcher(PathKind.PREFIX, "/a"))
    tagged = _outcome(ForwardAction(A), route=Route((match,), ForwardAction(A), headers=TAGGED))
    assert effect(_outcome(ForwardAction(A)), tagged) is Effect.SENT
    assert effect(_outcome(ForwardAction(A), host=VirtualHost("host", ("*",), headers=TAGGED)), tagged) is None


def test_the_part_that_moves() -> None:
    """Of a change of shares as many requests move as some destination gains; of any other change all do."""
    assert moved_share(_outcome(_split(9, 1)), _outcome(_split(3, 1))) == Fraction(3, 20)
    assert moved_share(_outcome(ForwardAction(A)), _outcome(_split(1, 1))) == Fraction(1, 2)
    assert moved_share(_outcome(ForwardAction(A)), _outcome(DirectResponseAction(404))) == 1
