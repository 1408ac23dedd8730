"""Which decisions are served alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgesim.model import (
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    PathKind,
    PathMatcher,
    Policies,
    RedirectAction,
    RegexRewrite,
    RequestHead,
    Route,
    RouteMatch,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.policies import LocalRateLimit
from edgesim.routing import Decision, compile_table, decide

MARKED = HeaderMutations(response_add=(HeaderValue("x-mark", "yes", append=False),))
LIMITED = Policies(local_rate_limit=LocalRateLimit(1, 1, 1.0))
V1, V2 = (Destination("echo", (("version", version),)) for version in ("v1", "v2"))


def route(path: str = "/a", **changes: Any) -> Route:
    return Route((RouteMatch(PathMatcher(PathKind.PREFIX, path)),), replace(ForwardAction(V1), **changes))


def decisions(*routes: Route) -> list[Decision]:
    """Return a decision for each route; they have the paths /0, /1, ..."""
    placed = [replace(each, matches=route(f"/{number}").matches) for number, each in enumerate(routes)]
    table = compile_table([VirtualHost("any", ("*",), tuple(placed))])
    heads = [RequestHead(b"GET", b"any", b"/%d" % number, None, {}) for number in range(len(placed))]
    found = [decide(table, head, 0) for head in heads]
    assert all(found)
    return [decision for decision in found if decision is not None]


def test_routes_that_say_the_same_are_of_one_kind() -> None:
    """Wherever they are, and where equal policies are different objects, too; only arms of one destination are alike."""
    policies = [Policies(max_stream_duration=3.0) for _ in range(2)]
    one, other = decisions(*(replace(route(), policies=each) for each in policies))
    assert one.kind is other.kind
    weighted = ForwardAction(weighted=(WeightedCluster(V1, 1), WeightedCluster(V2, 1)))
    table = compile_table([VirtualHost("any", ("*",), tuple(replace(route(p), action=weighted) for p in ("/a", "/b")))])
    heads = [RequestHead(b"GET", b"any", path, None, {}) for path in (b"/a", b"/b")]
    arms = [decide(table, head, draw) for head in heads for draw in range(2)]
    kinds = [arm.kind for arm in arms if arm is not None]
    assert kinds[0] is kinds[2]
    assert kinds[1] is kinds[3]
    assert kinds[0] is not kinds[1]


@pytest.mark.parametrize(
    "change",
    [
        lambda r: replace(r, policies=Policies(max_stream_duration=4.0)),
        lambda r: replace(r, headers=MARKED),
        lambda r: replace(r, action=ForwardAction(V2)),
        lambda r: replace(r, action=ForwardAction(Destination("other", V1.subset))),
        lambda r: replace(r, action=replace(r.action, timeout=4.0)),
        lambda r: replace(r, action=replace(r.action, host_rewrite=HostRewrite(HostRewriteKind.LITERAL, "b"))),
        lambda r: replace(r, action=ForwardAction(weighted=(WeightedCluster(V1, 1),))),
        lambda r: replace(r, action=RedirectAction()),
    ],
)
def test_any_difference_in_treatment_is_another_kind(change: Callable[[Route], Route]) -> None:
    """Nothing that a request's treatment follows from is left out."""
    one, other = decisions(route(), change(route()))
    assert one.kind is not other.kind


@pytest.mark.parametrize(
    "special",
    [
        route(prefix_rewrite="/x"),
        route(regex_rewrite=RegexRewrite("a", "b")),
        replace(route(), action=DirectResponseAction(200, "a")),
        replace(route(), action=RedirectAction()),
        replace(route(), policies=LIMITED),
        replace(route(), action=ForwardAction(weighted=(WeightedCluster(V1, 1, policies=LIMITED),))),
        route(destination=None, cluster_header="x-to"),
    ],
)
def test_what_is_a_routes_own_is_of_its_own_kind(special: Route) -> None:
    """A rewritten path, an answer, a redirect and tokens belong to one route, however equal another is."""
    one, other = decisions(special, special)
    assert one.kind is not other.kind


@pytest.mark.parametrize("change", [{"policies": Policies(max_stream_duration=4.0)}, {"headers": MARKED}])
def test_arms_that_are_treated_otherwise_are_of_other_kinds(change: dict[str, Any]) -> None:
    """Policies and header changes of an arm count, though route and destination are equal; equal arms are alike."""
    plain = WeightedCluster(V1, 1)
    one, same, other = (
        replace(route(), action=ForwardAction(weighted=(arm,))) for arm in (plain, plain, replace(plain, **change))
    )
    kinds = [decision.kind for decision in decisions(one, same, other)]
    assert kinds[0] is kinds[1]
    assert kinds[0] is not kinds[2]
