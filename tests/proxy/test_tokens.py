"""Tokens on their way through the proxy: claims choose routes, time passes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.model import (
    DirectResponseAction,
    HeaderMatcher,
    Model,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.model.policies import ClaimHeader, Cors, Jwt, JwtSource, JwtValidation, Policies
from tests.policies.signing import NOW, signed
from tests.proxy.claims import CANARY, NONE, PROVIDER, asking, body, by_claim, served
from tests.proxy.scenes import Peer, cluster, direct, gateway, to, upstream

# -- the route by the claim ----------------------------------------------------------------------------


async def test_a_claim_chooses_the_route() -> None:
    """Only a signed token leads to the canary, at the first request and at every repeated one."""
    canary, stable = signed({"stage": "canary"}), signed({"stage": "stable"})
    async with served(by_claim()) as (_, client):
        for _ in range(5):
            assert await body(client, asking(canary)) == b"canary"
            assert await body(client, asking(stable)) == b"stable"
            assert await body(client, asking(stable, "x-stage: canary")) == b"stable"
            assert (await client.ask(asking("", "x-stage: canary"))).status == 401
            assert (await client.ask(asking(canary[:-4] + "AAAA"))).body == b"Jwt verification fails"


@pytest.mark.parametrize("validation", [JwtValidation.ALLOW_MISSING, JwtValidation.ALLOW_MISSING_OR_FAILED])
async def test_a_forged_header_is_removed_where_no_token_is_needed(validation: JwtValidation) -> None:
    """Without a token the client's own copy of the header counts for nothing, in any spelling, however often."""
    async with served(by_claim(validation=validation)) as (_, client):
        for _ in range(3):
            assert await body(client, asking("", "X-Stage: canary", "x-stage: canary")) == b"stable"
            assert await body(client, asking(signed({"stage": "canary"}))) == b"canary"
        failed = await client.ask(asking("a.b.c", "x-stage: canary"))
        allowed = validation is JwtValidation.ALLOW_MISSING_OR_FAILED
        assert (failed.status, failed.body == b"stable") == ((200, True) if allowed else (401, False))


async def test_a_remembered_request_expires_with_its_token() -> None:
    """The same bytes on a kept connection pass until the token expires, skew included, and not before `nbf`."""
    now = float(NOW)
    request = asking(signed({"stage": "canary", "nbf": NOW, "exp": NOW + 100}))
    async with served(by_claim()) as (gw, client):
        gw.worker.wall_clock = lambda: now
        for moment, answer in (
            (NOW - 61, b"Jwt not yet valid"),
            (NOW - 59, b"canary"),
            (NOW, b"canary"),
            (NOW + 160, b"canary"),
            (NOW + 161, b"Jwt is expired"),
            (NOW + 50, b"canary"),
        ):
            now = moment
            for _ in range(3):
                assert await body(client, request) == answer


async def test_a_remembered_request_is_checked_anew_after_a_reload() -> None:
    """New rules hold for heads seen before."""
    request = asking(signed({"stage": "canary"}))
    async with served(by_claim()) as (gw, client):
        assert [await body(client, request) for _ in range(3)] == [b"canary"] * 3
        gw.serve(Model((by_claim(replace(PROVIDER, issuer="other")),)))
        assert await body(client, request) == b"Jwt issuer is not configured"
        gw.serve(Model((by_claim(replace(PROVIDER, claims_to_headers=())),)))
        assert await body(client, request) == b"stable"
        gw.serve(Model((replace(by_claim(), policies=Policies()),)))
        assert await body(client, request) == b"stable"


async def test_a_remembered_request_still_closes() -> None:
    """`Connection: close` holds each time, also for a head seen before."""
    async with served(by_claim()) as (gw, _):
        for _ in range(3):
            client = await gw.client()
            reply = await client.ask(asking(signed({"stage": "canary"}), "connection: close"))
            assert (reply.body, reply.headers["connection"]) == (b"canary", "close")
            assert await client.ended()


async def test_the_upstream_sees_the_claims_and_not_the_token() -> None:
    """What is forwarded carries the claim's header and neither token, unless the provider keeps it."""
    sources = (JwtSource(header="x-token"), JwtSource(query="t"))
    token = signed({"stage": "canary"})
    async with upstream() as up:
        for keep in (False, True):
            provider = replace(PROVIDER, sources=sources, keep_token=keep)
            host = replace(by_claim(provider), routes=(to(),))
            async with gateway(Model((host,), (cluster(up.endpoint),))) as gw:
                gw.worker.wall_clock = lambda: NOW
                client = await gw.client()
                for request in (
                    asking("", f"x-token: {token}", "x-stage: mine"),
                    asking("", target=f"/a?x=1&t={token}&y=2"),
                ):
                    for _ in range(3):
                        assert (await client.ask(request)).status == 200
                heads, up.heads = up.heads, []
                assert all((token.encode() in head) is keep for head in heads)
                assert all(head.count(b"\r\nx-stage: canary\r\n") == head.count(b"x-stage") == 1 for head in heads)
                if not keep:
                    assert all(head.startswith(b"GET /a?x=1&y=2 HTTP/1.1") for head in heads[3:])


async def test_other_virtual_hosts_pass_no_claims_of_clients_on() -> None:
    """Where tokens are checked for one virtual host, others route by what a client sent, and do not forward it."""
    async with upstream() as up:
        ours = replace(by_claim(), domains=("with.test",))
        other = VirtualHost("other", ("*",), (replace(to(), matches=(CANARY,)), direct(body="stable")))
        async with gateway(Model((ours, other), (cluster(up.endpoint),))) as gw:
            client = await gw.client()
            for _ in range(2):
                assert (await client.ask(asking("", "x-stage: canary", "x-other: kept"))).body == b"ok"
            assert await body(client, asking("")) == b"stable"
            assert [(b"x-stage" in head, b"x-other" in head) for head in up.heads] == [(False, True)] * 2


async def test_claims_of_other_virtual_hosts_are_not_passed_on_behind_tokens() -> None:
    """What a client says of others' claims routes unless its own are copied, and is never forwarded."""
    others = replace(PROVIDER, name="others", claims_to_headers=(ClaimHeader("tier", "x-tier"),))
    gold = RouteMatch(PathMatcher(PathKind.PREFIX, "/"), headers=(HeaderMatcher("x-tier", ValueKind.EXACT, "gold"),))
    async with upstream() as up:
        ours = by_claim(PROVIDER, replace(direct(body="gold"), matches=(gold,)), to(path="/up"))
        ours = replace(ours, domains=("any",), routes=(ours.routes[2], ours.routes[1], ours.routes[0], ours.routes[3]))
        theirs = VirtualHost("others", ("*",), (direct(),), policies=Policies(jwt=Jwt((others,))))
        async with gateway(Model((ours, theirs), (cluster(up.endpoint),))) as gw:
            gw.worker.wall_clock = lambda: NOW
            client = await gw.client()
            for token, expected in ((signed({}), b"gold"), (signed({"stage": "canary"}), b"canary")):
                for _ in range(2):
                    assert await body(client, asking(token, "x-tier: gold")) == expected
                    assert await body(client, asking(token, "x-tier: gold", "x-other: kept", target="/up")) == b"ok"
            assert [(b"x-tier" in head, b"x-other" in head) for head in up.heads] == [(False, True)] * 4


async def test_bodies_follow_their_token() -> None:
    """A request with a body, and one that expects to be asked for it, pass with what they carry."""

    async def count(peer: Peer) -> None:
        while head := await peer.head():
            size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (size, await peer.exactly(size)))

    async with upstream(count) as up:
        host = replace(by_claim(), routes=(to(),))
        async with gateway(Model((host,), (cluster(up.endpoint),))) as gw:
            gw.worker.wall_clock = lambda: NOW
            client = await gw.client()
            for _ in range(2):
                post = asking(signed({}), "content-length: 5", method="POST")
                assert await body(client, post + b"hello") == b"hello"
                client.send(asking(signed({}), "content-length: 5", "expect: 100-continue", method="POST"))
                assert b"100 Continue" in await client.head()
                assert await body(client, b"later") == b"later"


# -- what comes before the token -----------------------------------------------------------------------


async def test_a_route_switches_tokens_off() -> None:
    """A route that disables them takes anybody, but claims still come from tokens only."""
    off = Route(
        (RouteMatch(PathMatcher(PathKind.PREFIX, "/open")),),
        DirectResponseAction(200, "open"),
        policies=NONE,
    )
    async with served(by_claim(PROVIDER, off)) as (_, client):
        for _ in range(3):
            assert await body(client, asking("", target="/open")) == b"open"
            assert await body(client, asking("bad", "x-stage: canary", target="/open")) == b"open"
            assert (await client.ask(asking("", target="/other"))).status == 401


async def test_a_route_without_tokens_may_ask_for_what_the_proxy_makes() -> None:
    """A route that disables them is also found by the request id, and not by what only internal clients may say."""
    headers = (HeaderMatcher("x-request-id", ValueKind.PRESENT, ""),)
    hidden = (HeaderMatcher("x-envoy-max-retries", ValueKind.PRESENT, ""),)
    off = [
        Route(
            (RouteMatch(PathMatcher(PathKind.PREFIX, "/open"), found),), DirectResponseAction(200, said), policies=NONE
        )
        for found, said in ((hidden, "hidden"), (headers, "open"))
    ]
    async with served(by_claim(PROVIDER, *off)) as (_, client):
        for _ in range(3):
            assert await body(client, asking("", target="/open")) == b"open"
            assert await body(client, asking("", "x-envoy-max-retries: 3", target="/open")) == b"open"


async def test_without_a_route_nothing_is_asked() -> None:
    """A path that leads nowhere is 404 with and without a token, as in Envoy, whose rules hang on the route."""
    host = replace(by_claim(), routes=(direct("/only"),))
    async with served(host) as (_, client):
        for token in ("", "bad", signed({})):
            assert (await client.ask(asking(token, target="/else"))).status == 404
        assert (await client.ask(asking(target="/only"))).status == 401


async def test_a_preflight_carries_no_token() -> None:
    """A browser's preflight is answered by CORS, and a page of an allowed origin may read a refusal."""
    cors = Cors(allow_origin=("http://page",), allow_methods="GET")
    async with upstream() as up, gateway(Model(clusters=(cluster(up.endpoint),))) as gw:
        gw.serve(Model((replace(by_claim(cors=cors), routes=(to(),)),), (cluster(up.endpoint),)))
        client = await gw.client()
        preflight = asking("", "origin: http://page", "access-control-request-method: GET", method="OPTIONS")
        for _ in range(2):
            reply = await client.ask(preflight)
            assert (reply.status, reply.headers["access-control-allow-methods"]) == (200, "GET")
        refused = await client.ask(asking("", "origin: http://page"))
        assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, "http://page")
        foreign = asking("", "origin: http://foreign", "access-control-request-method: GET", method="OPTIONS")
        assert (await client.ask(foreign)).status == 401
        assert (await client.ask(asking("", "origin: http://page", method="OPTIONS"))).status == 401
        assert not up.heads
