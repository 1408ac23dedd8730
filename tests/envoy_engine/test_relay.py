"""A relay before an endpoint, as Envoy would use it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from edgesim.envoy.detours import HOST
from edgesim.envoy.relay import Relay, Way
from edgesim.model import UpstreamTls
from edgesim.policies.breakage import ERROR_BODY, Breakage
from tests.proxy.authority import authority, issued, server_context
from tests.proxy.scenes import GET, OK, Client, Peer, Script, Upstream, answering, until, upstream

POST = b"POST /it HTTP/1.1\r\nhost: any\r\ncontent-length: 6\r\n\r\n"
Connect = Callable[[Relay], Awaitable[Client]]
NO_ANSWER = 0.05
"""Seconds after which nobody waits for an answer that never comes."""


@asynccontextmanager
async def relayed(script: Script | bytes = OK, how: Breakage | None = None) -> AsyncIterator[tuple[Relay, Upstream]]:
    """Run an endpoint with a relay before it."""
    async with upstream(script) as up:
        relay = Relay(Way("127.0.0.1", up.port), lambda: 0)
        relay.become(how)
        try:
            yield relay, up
        finally:
            relay.abort()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connect as Envoy does."""
    made: list[Client] = []

    async def to(relay: Relay) -> Client:
        client = Client(*await asyncio.open_connection(HOST, relay.port))
        made.append(client)
        return client

    yield to
    for each in made:
        each.close()
        with contextlib.suppress(OSError):
            await each.writer.wait_closed()


async def test_what_passes_is_not_changed(connect: Connect) -> None:
    """Every byte of heads, bodies and trailers arrives as it was sent, in both directions, request after request."""
    request = b"PUT /a%2fb?c HTTP/1.1\r\nHost: Any\r\nX-Odd:  a  b \r\ntransfer-encoding: chunked\r\n\r\n"
    body = b"5;x=y\r\nabcde\r\n0\r\nTrailer: t\r\n\r\n"
    answer = b"HTTP/1.1 299 Odd Words\r\nServer: mine\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    seen: list[bytes] = []

    async def follow(peer: Peer) -> None:
        while True:
            seen.append(await peer.exactly(len(request + body)))
            peer.send(answer)

    async with relayed(follow) as (relay, up):
        client = await connect(relay)
        for _ in range(3):
            for piece in (request[:9], request[9:], body[:4], body[4:]):
                client.send(piece)
                await client.writer.drain()
                await asyncio.sleep(0)
            assert await client.exactly(len(answer)) == answer
        assert seen == [request + body] * 3
        assert up.connections == 1


async def test_errors_are_answered_when_the_request_is_whole(connect: Connect) -> None:
    """A request is answered 500 behind its body, one of HEAD without a body, and the next one on the same connection, too."""
    async with relayed(how=Breakage(error_rate=1.0)) as (relay, up):
        client = await connect(relay)
        client.send(POST, b"abc")
        client.send(b"def")
        for request in (b"", GET, b"HEAD / HTTP/1.1\r\nhost: any\r\n\r\n"):
            client.send(request)
            reply = await client.reply(is_head=request.startswith(b"HEAD"))
            assert (reply.status, reply.headers["content-length"]) == (500, str(len(ERROR_BODY)))
            assert reply.body == (b"" if request.startswith(b"HEAD") else ERROR_BODY)
        assert not up.heads
        relay.become(None)
        assert (await client.ask()).status == 200


async def test_a_part_of_the_requests_fails(connect: Connect) -> None:
    """Each request is drawn for: those that are drawn fail, the others pass on the same connection."""
    draws = iter((0, 2**63, 0, 2**63))
    async with relayed(how=Breakage(error_rate=0.5)) as (relay, _):
        relay.draw = lambda: next(draws)
        client = await connect(relay)
        assert [(await client.ask()).status for _ in range(4)] == [500, 200, 500, 200]


async def test_what_is_reset_is_reset(connect: Connect) -> None:
    """A connection is reset in place of an answer, and so is one that speaks something else."""
    async with relayed(how=Breakage(reset=True)) as (relay, up):
        for said in (GET, b"\x16\x03\x01 hello"):
            client = await connect(relay)
            client.send(said)
            with pytest.raises(ConnectionResetError):
                await client.rest()
        assert not up.connections


async def test_what_hangs_is_never_answered(connect: Connect) -> None:
    """A request gets nothing, however much it sends; mending does not help it, but the next one."""
    async with relayed(how=Breakage(hang=True)) as (relay, up):
        client = await connect(relay)
        client.send(GET)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(NO_ANSWER):
                await client.reader.read(1)
        relay.become(None)
        assert not up.heads
        other = await connect(relay)
        assert (await other.ask()).status == 200


@pytest.mark.parametrize("how", [Breakage(), Breakage(latency=0.1), Breakage(error_rate=1.0)])
async def test_large_requests(connect: Connect, how: Breakage) -> None:
    """A request reaches the endpoint whole, or is read whole where it fails, however much of it comes at once."""
    size = 4 << 20
    body = bytes(size)

    async def follow(peer: Peer) -> None:
        assert (await peer.head()).startswith(b"POST")
        assert await peer.exactly(size) == body
        peer.send(OK)

    loop = asyncio.get_running_loop()
    async with relayed(follow, how) as (relay, _):
        client = await connect(relay)
        began = loop.time()
        client.send(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % size, body)
        assert (await client.reply()).status == (500 if how.error_rate else 200)
        assert loop.time() - began >= how.latency


async def test_nobody_listens_where_it_is_killed(connect: Connect) -> None:
    """Connections are refused, idle ones end, what is under way is finished; mended, it listens at the same port."""
    release, asked = asyncio.Event(), asyncio.Event()

    async def follow(peer: Peer) -> None:
        while head := await peer.head():
            if b"slow" in head:
                asked.set()
                await release.wait()
            peer.send(OK)

    async with relayed(follow) as (relay, _):
        idle, busy = await connect(relay), await connect(relay)
        assert (await idle.ask()).status == 200
        busy.send(GET.replace(b"/ ", b"/slow "))
        await asked.wait()
        port = relay.port
        relay.become(Breakage(kill=True))
        assert await idle.ended()
        with pytest.raises(ConnectionRefusedError):
            await connect(relay)
        release.set()
        assert (await busy.reply()).status == 200
        relay.become(None)
        again = await connect(relay)
        assert ((await again.ask()).status, relay.port) == (200, port)


async def test_a_websocket_passes(connect: Connect) -> None:
    """After a 101 bytes go both ways, and each direction ends for itself; where it is refused, the next request is one."""
    request = b"GET /%b HTTP/1.1\r\nhost: any\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"

    async def follow(peer: Peer) -> None:
        while head := await peer.head():
            if b"/yes" not in head:
                peer.send(OK)
                continue
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello")
            peer.send((await peer.rest()).upper())
            return

    async with relayed(follow) as (relay, _):
        client = await connect(relay)
        assert (await client.ask(request % b"no")).status == 200
        relay.become(Breakage(error_rate=1.0))
        assert (await client.ask()).status == 500
        assert (await client.ask(request % b"no")).status == 500
        relay.become(None)
        client.send(request % b"yes")
        assert (await client.head()).startswith(b"HTTP/1.1 101")
        assert await client.exactly(5) == b"hello"
        client.send(b"GET / nonsense\r\n\r\n")
        client.writer.write_eof()
        assert await client.rest() == b"GET / NONSENSE\r\n\r\n"


async def test_other_protocols_pass(connect: Connect) -> None:
    """What is neither HTTP/1.1 nor HTTP/2 passes as it is, also where the endpoint speaks first."""
    said = bytes(range(24))

    async def follow(peer: Peer) -> None:
        peer.send(b"+OK\r\n")
        peer.send(await peer.exactly(24))
        await peer.writer.drain()

    async with relayed(follow, Breakage(latency=0.001)) as (relay, _):
        client = await connect(relay)
        assert await client.exactly(5) == b"+OK\r\n"
        client.send(said)
        assert await client.rest() == said


async def test_the_end_of_one_is_the_end_of_the_other(connect: Connect) -> None:
    """An endpoint that resets is seen to, one that is not there as well; what Envoy gives up ends at the endpoint."""
    gone = asyncio.Event()

    async def follow(peer: Peer) -> None:
        if b"wait" not in await peer.head():
            peer.reset()
            return
        await peer.rest()
        gone.set()

    async with relayed(follow) as (relay, _):
        client = await connect(relay)
        client.send(GET)
        with pytest.raises(ConnectionResetError):
            await client.rest()
        client = await connect(relay)
        client.send(GET.replace(b"/ ", b"/wait "))
        await until(lambda: relay.busy, "the request never came")
        client.close()
        async with asyncio.timeout(60):
            await gone.wait()
    nobody = Relay(relay.way, lambda: 0)
    client = await connect(nobody)
    client.send(GET)
    with pytest.raises(ConnectionResetError):
        await client.rest()
    nobody.abort()


async def test_an_endpoint_that_closed_meanwhile_is_connected_to_anew(connect: Connect) -> None:
    """While a request waits its endpoint may close: it is sent on another connection."""
    first = asyncio.Event()

    async def follow(peer: Peer) -> None:
        if not first.is_set():
            first.set()
            return
        await answering(OK)(peer)

    async with relayed(follow, Breakage(latency=0.1)) as (relay, up):
        client = await connect(relay)
        client.send(GET)
        assert (await client.reply()).status == 200
        assert up.connections == 2


@pytest.mark.parametrize(
    ("trusts", "names", "holds"),
    [("authority", (), True), ("authority", ("a.example",), True), ("authority", ("b",), False), ("other", (), False)],
)
async def test_tls_is_spoken_by_the_relay(
    connect: Connect, trusts: str, names: tuple[str, ...], *, holds: bool
) -> None:
    """An endpoint with TLS is reached with what the cluster says of it; its certificate must hold."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(Peer(reader, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context(issued("a.example")))
    tls = UpstreamTls(root_ca=authority(trusts).pem, verify_names=names)
    port = server.sockets[0].getsockname()[1]
    relay = Relay(Way("127.0.0.1", port, tls=tls, server_name="any.example"), lambda: 0)
    client = await connect(relay)
    client.send(GET)
    if holds:
        assert (await client.reply()).status == 200
        client.close()
    else:
        with pytest.raises(ConnectionResetError):
            await client.rest()
    relay.abort()
    server.close()
