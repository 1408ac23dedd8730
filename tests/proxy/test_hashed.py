"""By what a ring's endpoint is chosen."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from edgesim.model import (
    NO_MUTATIONS,
    BalancerKind,
    Destination,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    LoadBalancer,
    Policies,
    RegexRewrite,
    Route,
    WeightedCluster,
)
from edgesim.model.policies import HashKind, HashPolicy
from tests.proxy.scenes import OK, cluster, gateway, model, prefix, upstream, with_options

USERS = 24
TO = ForwardAction(Destination("echo"))
ADDED = HeaderMutations(request_add=(HeaderValue("x-key", "all", append=False),))


async def endpoints_asked(hashed: str, action: ForwardAction, changes: HeaderMutations, line: str) -> int:
    """Return how many of four endpoints get what 24 users send, each with a path, host and header line of its own."""
    policies = Policies(hash_policies=(HashPolicy(HashKind.HEADER, hashed),))
    async with AsyncExitStack() as stack:
        ups = [await stack.enter_async_context(upstream(OK)) for _ in range(4)]
        ring = cluster(*(up.endpoint for up in ups), balancer=LoadBalancer(BalancerKind.RING_HASH))
        route = Route((prefix(),), action, policies=policies, headers=changes)
        gw = await stack.enter_async_context(gateway(model([route], [ring])))
        client = await gw.client()
        for user in range(USERS):
            head = f"GET /{user} HTTP/1.1\r\nhost: host-{user}\r\n{line.format(user=user)}\r\n\r\n"
            assert (await client.ask(head.encode())).status == 200
        return sum(bool(up.heads) for up in ups)


@pytest.mark.parametrize(
    ("hashed", "action", "changes"),
    [
        ("x-key", TO, ADDED),
        (":path", replace(TO, regex_rewrite=RegexRewrite(".+", "/all")), NO_MUTATIONS),
        (":authority", replace(TO, host_rewrite=HostRewrite(HostRewriteKind.LITERAL, "all")), NO_MUTATIONS),
        ("x-forwarded-proto", TO, NO_MUTATIONS),
        ("x-envoy-expected-rq-timeout-ms", TO, NO_MUTATIONS),
    ],
    ids=["header", "path", "host", "scheme", "timeout"],
)
async def test_what_is_forwarded_is_hashed(hashed: str, action: ForwardAction, changes: HeaderMutations) -> None:
    """What the route or the proxy makes of a path, host or header counts, so that all users are one here."""
    assert await endpoints_asked(hashed, action, changes, "x-key: {user}") == 1


async def test_what_is_removed_is_not_hashed() -> None:
    """Nothing is left of the header to hash, so that one user is anywhere."""
    removed = HeaderMutations(request_remove=("x-key",))
    assert await endpoints_asked("x-key", TO, removed, "x-key: the same") > 1
    assert await endpoints_asked("x-key", TO, NO_MUTATIONS, "x-key: the same") == 1


@pytest.mark.parametrize(
    ("hashed", "line", "arms"),
    [
        ("x-key", "x-key: {user}", 2),
        ("x-forwarded-proto", "x-forwarded-proto: {user}", 1),
        ("x-forwarded-for", "x-forwarded-for: 10.0.0.{user}", 2),
        ("x-request-id", "x-key: same", 2),
    ],
)
async def test_a_sticky_split_hashes_what_routes_see(hashed: str, line: str, arms: int) -> None:
    """What the proxy sets counts as set, so that nobody chooses an arm by a header the proxy overwrites."""
    policies = Policies(hash_policies=(HashPolicy(HashKind.HEADER, hashed),), sticky_weights=True)
    split = ForwardAction(weighted=tuple(WeightedCluster(Destination(name), 50) for name in ("a", "b")))
    async with upstream(OK) as a, upstream(OK) as b:
        clusters = [cluster(a.endpoint, name="a"), cluster(b.endpoint, name="b")]
        served = model([Route((prefix(),), split, policies=policies)], clusters)
        async with gateway(with_options(served, use_remote_address=hashed == "x-forwarded-proto")) as gw:
            client = await gw.client()
            for user in range(USERS):
                head = f"GET / HTTP/1.1\r\nhost: any\r\n{line.format(user=user)}\r\n\r\n"
                assert (await client.ask(head.encode())).status == 200
            assert sum(bool(up.heads) for up in (a, b)) == arms


@pytest.mark.parametrize("hashed", ["x-key", ":path", ":authority"])
async def test_users_that_differ_are_spread(hashed: str) -> None:
    """Where nothing is changed, what came is hashed."""
    assert await endpoints_asked(hashed, TO, NO_MUTATIONS, "x-key: {user}") > 1


@pytest.mark.parametrize("hashed", ["x-forwarded-proto", "x-user"])
async def test_hashing_makes_up_no_request_id(hashed: str) -> None:
    """A request that brought an id of its own keeps it, for answers and the log too."""
    policies = Policies(hash_policies=(HashPolicy(HashKind.HEADER, hashed),))
    told = HeaderMutations(response_add=(HeaderValue("x-told", "%REQ(x-request-id)%"),))
    async with upstream(OK) as up:
        ring = cluster(up.endpoint, balancer=LoadBalancer(BalancerKind.RING_HASH))
        async with gateway(model([Route((prefix(),), TO, policies=policies, headers=told)], [ring])) as gw:
            reply = await (await gw.client()).ask(b"GET / HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\n\r\n")
            assert reply.headers["x-told"] == "mine"
            assert b"x-request-id: mine" in up.heads[0]
