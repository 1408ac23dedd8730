"""Tokens on their way through the proxy: claims choose routes, keys are fetched, time passes."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from edgesim.model import (
    DirectResponseAction,
    Endpoint,
    HeaderMatcher,
    Model,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.model.policies import ClaimHeader, Cors, Jwt, JwtProvider, JwtSource, JwtValidation, Policies
from tests.policies.signing import NOW, jwks, signed
from tests.proxy.scenes import OK, Client, Gateway, Peer, cluster, direct, gateway, to, until, upstream

STAGE = ClaimHeader("stage", "x-stage")
PROVIDER = JwtProvider("p", "iss", jwks=jwks(), claims_to_headers=(STAGE,))
CANARY = RouteMatch(PathMatcher(PathKind.PREFIX, "/"), headers=(HeaderMatcher("x-stage", ValueKind.EXACT, "canary"),))
NONE = Policies(jwt=Jwt(disabled=True))
FETCH_FAILED = b"Jwks remote fetch is failed"


def by_claim(
    provider: JwtProvider = PROVIDER,
    *more: Route,
    validation: JwtValidation = JwtValidation.REQUIRE_VALID,
    **policies: object,
) -> VirtualHost:
    """Routes for canaries and for all others, behind token rules."""
    routes = (Route((CANARY,), DirectResponseAction(200, "canary")), *more, direct(body="stable"))
    rules = Policies(jwt=Jwt((provider,), validation), **policies)  # type: ignore[arg-type]
    return VirtualHost("any", ("*",), routes, policies=rules)


def asking(token: str = "", *lines: str, target: str = "/", method: str = "GET") -> bytes:
    """Return a request, with a token if there is one."""
    held = [f"authorization: Bearer {token}"] if token else []
    return "\r\n".join((f"{method} {target} HTTP/1.1", "host: any", *held, *lines, "", "")).encode()


@asynccontextmanager
async def served(*hosts: VirtualHost, at: float = NOW) -> AsyncIterator[tuple[Gateway, Client]]:
    """Run a worker at a moment of the wall clock; yields a client."""
    async with gateway(Model(hosts)) as gw:
        gw.worker.wall_clock = lambda: at
        yield gw, await gw.client()


async def body(client: Client, request: bytes) -> bytes:
    """Return the body of an answer."""
    return (await client.ask(request)).body


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


# -- keys that are fetched -----------------------------------------------------------------------------


@dataclass
class Keys:
    """A server of keys: what it answers, and how often it was asked."""

    endpoint: Endpoint = field(default_factory=lambda: Endpoint("127.0.0.1", 1))
    text: str = field(default_factory=jwks)
    status: bytes = b"200 OK"
    heads: list[bytes] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, peer: Peer) -> None:
        """Answer in two pieces, once it may."""
        while head := await peer.head():
            self.heads.append(head)
            await self.held.wait()
            if peer.reader.at_eof():
                return  # whoever asked is gone
            text = self.text.encode()
            peer.send(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n" % (self.status, len(text)))
            peer.send(text[:100])
            await asyncio.sleep(0.01)
            peer.send(text[100:])

    def provider(self, **options: object) -> JwtProvider:
        """The provider whose keys these are."""
        fetched = replace(PROVIDER, jwks="", remote_url="https://keys.example/jwks?v=1", remote_cluster="keys")
        return replace(fetched, **options)  # type: ignore[arg-type]


@asynccontextmanager
async def remote(**options: object) -> AsyncIterator[tuple[Gateway, Keys]]:
    """Run a worker and a server of keys, which answers from the start."""
    keys = Keys()
    keys.held.set()
    async with upstream(keys.follow) as up:
        keys.endpoint = up.endpoint
        served_model = Model((by_claim(keys.provider(**options)),), (cluster(up.endpoint, name="keys"),))
        async with gateway(served_model) as gw:
            gw.worker.wall_clock = lambda: NOW
            yield gw, keys


CANARY_REQUEST = asking(signed({"stage": "canary"}))


async def test_keys_are_fetched_once_for_all_who_wait() -> None:
    """Fifty clients at once make one request for the keys, through the cluster, for the host in the URL."""
    async with remote() as (gw, keys):
        keys.held.clear()
        clients = [await gw.client() for _ in range(50)]
        for client in clients:
            client.send(CANARY_REQUEST)
        await until(lambda: sum(map(len, gw.worker.tokens.waiting.values())) == 50, "not all of them wait")
        keys.held.set()
        assert [(await client.reply()).body for client in clients] == [b"canary"] * 50
        assert await body(clients[0], CANARY_REQUEST) == b"canary"
        (head,) = keys.heads
        assert head.startswith(b"GET /jwks?v=1 HTTP/1.1\r\nhost: keys.example")


async def test_slow_keys_hold_only_those_who_need_them() -> None:
    """While keys are awaited others are served, also those whose token fails without keys; who leaves is forgotten."""
    async with remote() as (gw, keys):
        keys.held.clear()
        waiting, leaving, other = await gw.client(), await gw.client(), await gw.client()
        waiting.send(CANARY_REQUEST + asking("a.b.c"))  # a pipeline keeps its order
        leaving.send(CANARY_REQUEST)
        await until(lambda: sum(map(len, gw.worker.tokens.waiting.values())) == 2, "they do not wait")
        assert (await other.ask(asking())).status == 401
        assert (await other.ask(asking("a.b.c"))).status == 401
        connections = len(gw.worker.connections)
        linger = struct.pack("ii", 1, 0)
        leaving.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        leaving.reset()
        await until(lambda: len(gw.worker.connections) == connections - 1, "a client that left stays")
        keys.held.set()
        assert (await waiting.reply()).body == b"canary"
        assert (await waiting.reply()).status == 401


async def test_a_reload_while_waiting_holds_for_those_who_wait() -> None:
    """Who waits for keys is decided by the routes of the moment they come."""
    async with remote() as (gw, keys):
        keys.held.clear()
        client = await gw.client()
        client.send(CANARY_REQUEST)
        await until(lambda: gw.worker.tokens.waiting, "it does not wait")
        host = by_claim(keys.provider())
        changed = replace(host, routes=(Route((CANARY,), DirectResponseAction(200, "new")), direct(body="stable")))
        gw.serve(Model((changed,), (cluster(keys.endpoint, name="keys"),)))
        keys.held.set()
        assert (await client.reply()).body == b"new"


async def test_the_body_of_who_waits_is_kept() -> None:
    """A body that comes while keys are awaited reaches the upstream as sent; a large one is not read for now."""
    size = 1 << 20
    received = bytearray()

    async def take(peer: Peer) -> None:
        await peer.head()
        received.extend(await peer.exactly(size))
        peer.send(OK)

    keys = Keys()
    async with upstream(keys.follow) as key_server, upstream(take) as up:
        host = replace(by_claim(keys.provider()), routes=(to(),))
        clusters = (cluster(key_server.endpoint, name="keys"), cluster(up.endpoint))
        async with gateway(Model((host,), clusters)) as gw:
            gw.worker.wall_clock = lambda: NOW
            client = await gw.client()
            sent = bytes(range(256)) * (size // 256)
            client.send(asking(signed({}), f"content-length: {size}", method="POST") + sent)
            await until(lambda: any(c.paused for c in gw.worker.connections), "all of it is read")
            keys.held.set()
            assert (await client.reply()).body == b"ok"
            assert bytes(received) == sent


@pytest.mark.parametrize("wrong", ["status", "no json", "no keys", "redirect", "too large", "no endpoint", "reset"])
async def test_keys_that_cannot_be_fetched(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that fails is Envoy's 401 for those who waited; the next request tries again."""
    monkeypatch.setattr("edgesim.proxy.tokens._LARGEST_KEYS", 10_000)
    async with remote() as (gw, keys):
        good = keys.text
        if wrong in {"status", "redirect"}:
            keys.status = b"500 Oops" if wrong == "status" else b"302 Found"
        keys.text = {"no json": "keys", "no keys": "{}", "too large": good.ljust(20_000)}.get(wrong, good)
        host = by_claim(keys.provider())
        if wrong == "no endpoint":
            gw.serve(Model((host,), (cluster(name="keys"),)))
        elif wrong == "reset":
            gw.serve(Model((host,), (cluster(Endpoint("127.0.0.1", 1), name="keys"),)))
        client = await gw.client()
        for _ in range(2):
            reply = await client.ask(CANARY_REQUEST)
            assert (reply.status, reply.body) == (401, FETCH_FAILED)
        keys.text, keys.status = good, b"200 OK"
        gw.serve(Model((host,), (cluster(keys.endpoint, name="keys"),)))
        assert await body(client, CANARY_REQUEST) == b"canary"
        assert not gw.worker.tokens.waiting


async def test_keys_that_never_come_fail_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key server that says nothing holds a request for the fetch's timeout, not for ever."""
    monkeypatch.setattr("edgesim.proxy.tokens._FETCH_TIMEOUT", 0.2)
    async with remote() as (gw, keys):
        keys.held.clear()
        client = await gw.client()
        assert (await client.ask(CANARY_REQUEST)).body == FETCH_FAILED
        keys.held.set()
        assert await body(client, CANARY_REQUEST) == b"canary"


async def test_keys_are_fetched_anew_when_they_are_old() -> None:
    """After the cache time the keys of that moment count: rotated ones are taken, withdrawn ones are not."""
    now = float(NOW)
    async with remote(cache=100.0) as (gw, keys):
        gw.worker.wall_clock = lambda: now
        client = await gw.client()
        for _ in range(3):
            assert await body(client, CANARY_REQUEST) == b"canary"
        keys.text = json.dumps({"keys": [k for k in json.loads(keys.text)["keys"] if k["kty"] != "RSA"]})
        now += 99
        assert await body(client, CANARY_REQUEST) == b"canary"
        now += 2
        for _ in range(3):
            assert (await client.ask(CANARY_REQUEST)).status == 401
        assert len(keys.heads) == 2


async def test_a_stale_connection_to_the_keys_is_replaced() -> None:
    """Keys are fetched over a new connection where the kept one was closed meanwhile."""
    asked: list[bytes] = []
    text = jwks().encode()

    async def once(peer: Peer) -> None:
        asked.append(await peer.head())
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text) + text)
        await peer.head()  # the next request is answered by the end
        peer.reset()

    now = float(NOW)
    async with upstream(once) as up:
        host = by_claim(Keys().provider(cache=1.0))
        async with gateway(Model((host,), (cluster(up.endpoint, name="keys"),))) as gw:
            gw.worker.wall_clock = lambda: now
            client = await gw.client()
            for _ in range(4):
                assert await body(client, CANARY_REQUEST) == b"canary"
                now += 2
    assert len(asked) == 4


async def test_two_hosts_ask_for_different_keys() -> None:
    """The same URL through another cluster is another place, and what one host accepts another need not."""
    async with remote() as (gw, keys):
        first = replace(by_claim(keys.provider()), domains=("one",), name="one")
        other = replace(by_claim(keys.provider(issuer="else")), domains=("two",), name="two")
        gone = replace(by_claim(keys.provider(remote_cluster="gone")), domains=("three",), name="three")
        gw.serve(Model((first, other, gone), (cluster(keys.endpoint, name="keys"),)))
        client = await gw.client()
        answers = [
            await body(client, CANARY_REQUEST.replace(b"host: any", b"host: " + n)) for n in (b"one", b"two", b"three")
        ]
        assert answers == [b"canary", b"Jwt issuer is not configured", FETCH_FAILED]


# -- speed ---------------------------------------------------------------------------------------------


async def test_a_token_seen_again_is_nearly_free() -> None:
    """A repeated head with a token passes without being parsed, verified or routed again."""
    async with served(by_claim()) as (gw, client):
        request = asking(signed({"stage": "canary"}))
        for _ in range(3):
            await client.ask(request)
        remembered = gw.listener.requests.recall(request)
        assert remembered is not None
        assert remembered.head.headers[b"authorization"]
        passed = remembered.admitted
        assert passed is not None
        assert b"authorization" not in passed.request.head.headers
        assert passed.request.snapshot is gw.listener.snapshot
        await client.ask(request)
        assert remembered.admitted is passed
