"""What is hashed for a ring, by edgesim and by real Envoy: what is forwarded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.model import (
    JOINED,
    NO_MUTATIONS,
    BalancerKind,
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    Listener,
    LoadBalancer,
    Model,
    PathKind,
    PathMatcher,
    Policies,
    RegexRewrite,
    Route,
    RouteMatch,
    VirtualHost,
)
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.verify.engines import free_ports
from tests.differential.balancing_servers import SIDES, ask, endpoints, lines, servers
from tests.differential.random_sides import Sides

pytestmark = pytest.mark.slow
USERS = 20
LISTENER = "edge"
TO = ForwardAction(Destination("up"))
CASES: dict[str, tuple[str, ForwardAction, HeaderMutations]] = {
    "as-it-came": ("x-key", TO, NO_MUTATIONS),
    "set": ("x-key", TO, HeaderMutations(request_add=(HeaderValue("x-key", "all", append=False),))),
    "appended": ("x-key", TO, HeaderMutations(request_add=(HeaderValue("x-key", "more"),))),
    "appended-to-one-line": ("origin", TO, HeaderMutations(request_add=(HeaderValue("origin", "more"),))),
    "formatted": ("x-made", TO, HeaderMutations(request_add=(HeaderValue("x-made", "%REQ(x-key)%"),))),
    "path": (":path", TO, NO_MUTATIONS),
    "new-path": (":path", replace(TO, regex_rewrite=RegexRewrite("[0-4]", "x")), NO_MUTATIONS),
    "old-path": ("x-envoy-original-path", replace(TO, prefix_rewrite="/new"), NO_MUTATIONS),
    "new-host": (":authority", replace(TO, host_rewrite=HostRewrite(HostRewriteKind.HEADER, "x-key")), NO_MUTATIONS),
    "scheme": ("x-forwarded-proto", TO, NO_MUTATIONS),
    "timeout": ("x-envoy-expected-rq-timeout-ms", TO, NO_MUTATIONS),
}


TWICE = sorted(name.decode() for name in JOINED - {b"expect", b"te"} | {b"x-other", b"cookie"})
"""Headers that come in two lines: most of those that Envoy keeps as one, and others."""


def served(port: int, ups: tuple[Endpoint, ...], cases: dict[str, tuple[str, ForwardAction, HeaderMutations]]) -> Model:
    """Return routes to a ring of these endpoints, `/NAME/` to each case."""
    ring = Cluster("up", ClusterType.STATIC, ups, balancer=LoadBalancer(BalancerKind.RING_HASH))
    host = VirtualHost("any", ("*",), tuple(_route(name, *case) for name, case in cases.items()))
    return Model((host,), (ring,), (Listener(LISTENER, port, address="127.0.0.1"),))


def _route(name: str, hashed: str, action: ForwardAction, changes: HeaderMutations) -> Route:
    policies = Policies(hash_policies=(HashPolicy(HashKind.HEADER, hashed),))
    match = RouteMatch(PathMatcher(PathKind.PREFIX, f"/{name}/"))
    return Route((match,), action, headers=changes, policies=policies)


async def test_what_is_forwarded_is_hashed(sides: Sides) -> None:
    """Headers, path and host count as the route and the proxy change them."""
    port = sides.ports.setdefault(LISTENER, free_ports(1)[0])
    async with servers(5) as ups:
        await sides.push(served(port, endpoints(ups), CASES), {})
        with lines(sides) as of:
            for name in CASES:
                found = {
                    side: [
                        await ask(side, of[side], ("x-key", f"k{at}"), ("origin", f"o{at}"), path=f"/{name}/{at}")
                        for at in range(USERS)
                    ]
                    for side in SIDES
                }
                assert found["edgesim"] == found["envoy"], name


async def test_two_lines_of_one_header(sides: Sides) -> None:
    """Of a header that Envoy keeps as one line that line is hashed, of another its lines one by one."""
    port = sides.ports.setdefault(LISTENER, free_ports(1)[0])
    async with servers(5) as ups:
        await sides.push(served(port, endpoints(ups), {name: (name, TO, NO_MUTATIONS) for name in TWICE}), {})
        with lines(sides) as of:
            for name in TWICE:
                found = {
                    side: [
                        await ask(side, of[side], (name, f"b{at}"), (name, f"a{at}"), path=f"/{name}/")
                        for at in range(USERS)
                    ]
                    for side in SIDES
                }
                assert found["edgesim"] == found["envoy"], name
