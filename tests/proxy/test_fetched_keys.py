"""Keys of tokens that are fetched: once, in time, and anew."""

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
    Model,
    Route,
)
from edgesim.model.policies import JwtProvider
from tests.policies.signing import NOW, jwks, signed
from tests.proxy.claims import CANARY, PROVIDER, asking, body, by_claim, served
from tests.proxy.scenes import OK, Gateway, Peer, cluster, direct, gateway, to, until, upstream

FETCH_FAILED = b"Jwks remote fetch is failed"


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
