"""Switching protocols: websockets, other upgrades, CONNECT."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import aiohttp
from aiohttp import web

from edgesim.model import BalancerKind, HeaderMutations, HeaderValue, LoadBalancer, Policies
from edgesim.model.policies import HashKind, HashPolicy, RetryPolicy
from tests.proxy.scenes import (
    DATED,
    DEADLINE,
    Client,
    Gateway,
    Peer,
    Script,
    Upstream,
    cluster,
    gateway,
    model,
    to,
    until,
    upstream,
    with_options,
)

_ASK = b"GET / HTTP/1.1\r\nhost: any\r\nconnection: Upgrade\r\nupgrade: %b\r\n\r\n"
_AGREE = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\nx-mine: 1\r\n\r\n"
_CONNECT = b"CONNECT any:80 HTTP/1.1\r\nhost: any:80\r\n\r\n"


@asynccontextmanager
async def switching(
    script: Script, upgrades: tuple[tuple[str, bool], ...] = (("echo", True),), **options: object
) -> AsyncIterator[tuple[Gateway, Upstream, Client]]:
    """Run a worker whose one route takes some upgrades, and connect a client."""
    async with upstream(script) as up:
        route = replace(to(), policies=Policies(upgrades=upgrades))
        served = with_options(model([route], [cluster(up.endpoint)]), **options)
        async with gateway(served) as gw:
            yield gw, up, await gw.client()


async def echoing(peer: Peer) -> None:
    """Agree to switch, then send back what comes, until it ends."""
    assert b"upgrade: echo" in await peer.head()
    peer.send(_AGREE, b"early")
    while data := await peer.reader.read(1 << 16):
        peer.send(data)
        await peer.writer.drain()


async def plain_echo(peer: Peer) -> None:
    """Send back what comes, without HTTP."""
    while data := await peer.reader.read(1 << 16):
        peer.send(data)
        await peer.writer.drain()


async def refusing(peer: Peer) -> None:
    """Answer requests to switch as if they were usual ones."""
    while await peer.head():
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


async def test_an_enabled_upgrade_becomes_a_pipe() -> None:
    """Both sides see the switch, early bytes of both pass, and so does each end for itself."""
    async with switching(echoing) as (_, _, client):
        client.send(_ASK % b"echo" + b"at once")
        head = await client.head()
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert head.endswith(b"connection: Upgrade\r\nupgrade: echo")
        assert b"x-mine: 1\r\n" in head
        assert await client.exactly(12) == b"earlyat once"
        client.send(b"more")
        client.writer.write_eof()
        assert await client.rest() == b"more"


async def test_a_pipe_holds_back_whoever_sends_too_fast() -> None:
    """Megabytes pass to a peer that reads late, and none is lost."""
    size = 20_000_000
    async with switching(echoing) as (_, _, client):
        client.send(_ASK % b"echo")
        await client.head()
        await client.exactly(5)
        client.send(bytes(size))
        await asyncio.sleep(0.1)  # reads late: everything in between fills up
        for _ in range(size // 1_000_000):
            assert await client.exactly(1_000_000) == bytes(1_000_000)


async def test_an_upgrade_that_is_not_enabled_is_forbidden() -> None:
    """Envoy answers 403, and websockets too where they are switched off."""
    for protocol, upgrades in ((b"other", ()), (b"echo", (("echo", False),)), (b"websocket", (("websocket", False),))):
        async with switching(refusing, upgrades) as (_, up, client):
            assert (await client.ask(_ASK % protocol)).status == 403
            assert up.connections == 0
    async with switching(refusing, (), websocket=False) as (_, up, client):
        assert (await client.ask(_ASK % b"websocket")).status == 403


async def test_what_follows_a_refused_switch_is_no_request() -> None:
    """When the upstream does not switch, the answer ends the connection: bytes behind the request are not HTTP."""
    async with switching(refusing) as (_, up, client):
        reply = await client.ask(_ASK % b"echo" + b"GET /smuggled HTTP/1.1\r\nhost: any\r\n\r\n")
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert await client.ended()
        assert up.connections == 1


async def test_what_follows_a_switch_waits_for_the_upstream() -> None:
    """Bytes that a client sends while the upstream has not agreed yet reach it afterwards, in order."""
    asked, agreed = asyncio.Event(), asyncio.Event()

    async def late(peer: Peer) -> None:
        await peer.head()
        asked.set()
        await agreed.wait()
        peer.send(_AGREE)
        peer.send(await peer.exactly(6))

    async with switching(late) as (gw, _, client):
        client.send(_ASK % b"echo")
        async with asyncio.timeout(DEADLINE):
            await asked.wait()
        client.send(b"one")
        assert (await (await gw.client()).ask(b"GET / HTTP/1.0\r\n\r\n")).status == 426  # the worker had its turn
        client.send(b"two")
        agreed.set()
        await client.head()
        assert await client.exactly(6) == b"onetwo"


async def test_a_websocket_that_is_not_agreed_with_gets_a_head_alone() -> None:
    """An answer that is neither 101 nor an error ends behind its head; an error keeps its body."""

    async def asked(peer: Peer) -> None:
        while head := await peer.head():
            status = b"404 Not Found" if head.startswith(b"GET /404") else b"200 OK"
            peer.send(b"HTTP/1.1 ", status, DATED[DATED.index(b"\r\n") :])

    websocket = _ASK % b"websocket"
    async with switching(asked, ()) as (gw, _, client):
        assert (await client.ask()).body == b"ok"
        for _ in range(2):
            other = await gw.client()
            reply = await other.ask(websocket)
            assert (reply.status, reply.headers["content-length"], reply.headers["connection"]) == (200, "0", "close")
            assert "x-envoy-upstream-service-time" not in reply.headers
            assert await other.ended()
        error = await (await gw.client()).ask(websocket.replace(b"/", b"/404", 1))
        assert (error.status, error.body) == (404, b"ok")


async def test_a_101_that_agrees_with_nothing_is_no_pipe() -> None:
    """The client gets its head and the end, and what comes behind it goes nowhere."""

    async def vague(peer: Peer) -> None:
        head = await peer.head()
        assert b"connection: Upgrade\r\nupgrade: echo" in head
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nx-mine: 1\r\n\r\n", b"behind")
        assert await peer.rest() == b""

    async with switching(vague) as (_, _, client):
        client.send(_ASK % b"echo" + b"at once")
        head = await client.head()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert head.endswith(b"connection: close")
        assert b"x-mine: 1\r\n" in head
        assert await client.ended()


async def test_an_upgrade_is_tried_again() -> None:
    """Nothing behind a request to switch is sent before the upstream agrees, so another try is safe."""
    answers = [b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n", _AGREE]

    async def second(peer: Peer) -> None:
        await peer.head()
        peer.send(answers.pop(0))
        if not answers:
            peer.send(await peer.exactly(4))

    async with upstream(second) as up:
        policies = Policies(upgrades=(("echo", True),), retries=RetryPolicy(("5xx",), base_interval=0.001))
        async with gateway(model([replace(to(), policies=policies)], [cluster(up.endpoint)])) as gw:
            client = await gw.client()
            client.send(_ASK % b"echo" + b"more")
            assert (await client.head()).startswith(b"HTTP/1.1 101 ")
            assert await client.exactly(4) == b"more"


async def test_a_client_that_is_gone_ends_the_pipe() -> None:
    """A reset of the client closes the upstream's side; the end of the upstream reaches the client."""
    async with switching(echoing) as (gw, _, client):
        client.send(_ASK % b"echo")
        await client.head()
        client.reset()
        await until(lambda: not gw.worker.connections, "the pipe stays")

    async def leaving(peer: Peer) -> None:
        await peer.head()
        peer.send(_AGREE)
        await peer.exactly(1)

    async with switching(leaving) as (gw, _, client):
        client.send(_ASK % b"echo", b"x")
        await client.head()
        assert await client.rest() == b""
        client.close()
        await until(lambda: not gw.worker.connections, "the pipe stays")


async def test_a_quiet_pipe_is_closed() -> None:
    """The stream idle timeout holds for pipes as well."""
    async with switching(echoing, stream_idle_timeout=0.2) as (gw, _, client):
        client.send(_ASK % b"echo")
        await client.head()
        await until(lambda: not gw.worker.connections, "the pipe stays")


async def test_connect_is_refused_unless_asked_for() -> None:
    """404 as Envoy where no route takes CONNECT, 400 for what is no endpoint; nothing is connected."""
    async with switching(plain_echo) as (gw, up, client):
        assert (await client.ask(_CONNECT)).status == 404
        other = await gw.client()
        assert (await other.ask(b"CONNECT /x HTTP/1.1\r\nhost: any\r\n\r\n")).status == 400
        assert up.connections == 0


async def test_connect_becomes_a_pipe_to_the_endpoint() -> None:
    """Where it is allowed, CONNECT ends here and raw bytes go to an endpoint of the route's cluster."""
    async with switching(plain_echo, allow_connect=True) as (_, _, client):
        client.send(_CONNECT + b"one")
        assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")
        client.send(b"two")
        assert await client.exactly(6) == b"onetwo"
        client.writer.write_eof()
        assert await client.rest() == b""


async def test_an_endpoint_may_speak_first_and_be_gone() -> None:
    """What it said reaches a client that asked by CONNECT, also when nothing else follows."""

    async def greeting(peer: Peer) -> None:
        peer.send(b"hello")

    async with switching(greeting, allow_connect=True) as (gw, _, first):
        for client in (first, *[await gw.client() for _ in range(8)]):
            client.send(_CONNECT)
            assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")
            assert await client.rest() == b"hello"


async def test_connect_goes_where_its_hash_says() -> None:
    """A ring's endpoint is picked by what is hashed, and a cookie made for that is in the answer, as what the route adds."""
    policies = Policies(
        hash_policies=(HashPolicy(HashKind.HEADER, "x-key", terminal=True), HashPolicy(HashKind.COOKIE, "at", 9.0))
    )
    added = HeaderMutations(response_add=(HeaderValue("x-added", "by the route"),))
    route = replace(to(), policies=policies, headers=added)
    async with AsyncExitStack() as stack:
        ups = [await stack.enter_async_context(upstream(plain_echo)) for _ in range(4)]
        ring = cluster(*(up.endpoint for up in ups), balancer=LoadBalancer(BalancerKind.RING_HASH))
        gw = await stack.enter_async_context(gateway(with_options(model([route], [ring]), allow_connect=True)))
        for key in ("same",) * 8:
            client = await gw.client()
            client.send(_CONNECT[:-2] + f"x-key: {key}\r\n\r\n".encode())
            head = await client.head()
            assert b"x-added: by the route" in head
            assert b"set-cookie" not in head
        assert [up.connections for up in ups if up.connections] == [8]
        client = await gw.client()
        client.send(_CONNECT)
        assert b'set-cookie: at="' in await client.head()


async def test_a_websocket_by_a_real_client() -> None:
    """Aiohttp on both ends exchanges messages, and closes in good order."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{message.data}!")
        return socket

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    up = Upstream(port)
    async with gateway(model([to()], [cluster(up.endpoint)])) as gw, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://127.0.0.1:{gw.port}/") as socket:
            for word in ("a", "b" * 100_000):
                await socket.send_str(word)
                assert await socket.receive_str() == f"{word}!"
        assert socket.close_code == 1000
    await runner.cleanup()
