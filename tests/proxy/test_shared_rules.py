"""What is compiled of policies is shared by the routes that say the same, and by no others."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

import pytest

from edgesim.model import (
    DEFAULT_LISTENER,
    Destination,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    Policies,
    RedirectAction,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.policies import Cors, RetryPolicy
from edgesim.proxy.plan import Plan
from edgesim.proxy.shared_rules import AllRules
from edgesim.routing import Decision
from tests.proxy.scenes import to

MARK = HeaderMutations(request_add=(HeaderValue("x-mark", "1"),))
CORS = Policies(cors=Cors(allow_origin=("http://a.test",)))


def decision(path: str = "/", **changes: object) -> Decision:
    """A decision for a route with some policies at every level."""
    action = ForwardAction(Destination("echo"), timeout=3.25)
    arm = WeightedCluster(Destination("echo"), 1, MARK, Policies(retries=RetryPolicy(("5xx",))))
    route = replace(to(path=path), action=action, headers=MARK, policies=CORS)
    host = VirtualHost("any", ("*",), (route,), MARK)
    made = Decision(host, route, route.matches[0], action, arm.destination, arm)
    return replace(made, **changes)  # type: ignore[arg-type]


def another(change: Callable[[Decision], Decision]) -> Decision:
    """A decision that differs, and shares no object with the first."""
    copied: Decision = pickle.loads(pickle.dumps(change(decision("/other"))))  # made here
    return copied


def test_routes_that_say_the_same_share_their_rules() -> None:
    """Also where equal policies are different objects, as they are in what was read from different files."""
    rules = AllRules(DEFAULT_LISTENER)
    first = rules.of(decision())
    assert rules.of(decision("/x")) is first
    assert rules.of(another(lambda same: same)) is first
    assert rules.of(another(lambda same: same)) is first


@pytest.mark.parametrize(
    "change",
    [
        lambda d: replace(d, arm=None),
        lambda d: replace(d, arm=replace(d.arm, policies=Policies())),
        lambda d: replace(d, arm=replace(d.arm, headers=HeaderMutations())),
        lambda d: replace(d, route=replace(d.route, policies=Policies())),
        lambda d: replace(d, route=replace(d.route, headers=HeaderMutations())),
        lambda d: replace(d, virtual_host=replace(d.virtual_host, policies=CORS)),
        lambda d: replace(d, virtual_host=replace(d.virtual_host, headers=HeaderMutations())),
        lambda d: replace(d, action=replace(d.action, timeout=4.0)),
        lambda d: replace(d, action=replace(d.action, host_rewrite=HostRewrite(HostRewriteKind.LITERAL, "b"))),
        lambda d: replace(d, action=replace(d.action, destination=None, cluster_header="x-to")),
        lambda d: replace(d, action=RedirectAction()),
        lambda d: replace(d, rewrite=bytes.upper),
    ],
)
def test_a_difference_at_any_level_makes_other_rules(change: Callable[[Decision], Decision]) -> None:
    """Nothing that rules are made from is left out of what they are found by."""
    rules = AllRules(DEFAULT_LISTENER)
    first = rules.of(decision())
    assert rules.of(change(decision())) is not first
    assert rules.of(decision()) is first


def test_a_redirect_that_rewrites_has_rules_of_its_own() -> None:
    """Its answer and log line know the new path; those of a redirect without have none."""
    rules = AllRules(DEFAULT_LISTENER)
    plain = rules.of(decision(action=RedirectAction()))
    assert rules.of(decision(action=RedirectAction(host="b"))) is plain
    assert rules.of(decision(action=RedirectAction(), rewrite=bytes.upper)) is not plain


def test_a_plan_is_small() -> None:
    """A plan holds what is its route's alone, the rest it shares."""
    rules = AllRules(DEFAULT_LISTENER)
    plans = [Plan(decision(str(number)), None, rules.of(decision()), {}) for number in range(2)]
    assert plans[0].rules is plans[1].rules
    assert not hasattr(plans[0], "__dict__")
