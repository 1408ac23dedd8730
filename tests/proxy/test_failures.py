"""What goes wrong on the upstream's side, and what the client sees of it."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from edgesim.model import ConnectionSettings, Endpoint, Policies
from edgesim.model.policies import RetryPolicy
from tests.proxy.scenes import (
    DEADLINE,
    GET,
    OK,
    Client,
    Peer,
    Script,
    answering,
    cluster,
    forwarding,
    gateway,
    model,
    playing,
    to,
    until,
    upstream,
)

RESET = b"upstream connect error or disconnect/reset before headers. reset reason: "
POST = b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 2\r\n\r\nhi"
CUT = (
    b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
)


async def torn(client: Client) -> bool:
    """Read to the end; tell whether it was a reset."""
    try:
        await client.rest()
    except ConnectionResetError:
        return True
    return False


@pytest.mark.parametrize("answer", CUT, ids=["length", "chunk", "last chunk"])
async def test_a_truncated_answer_is_a_reset(answer: bytes) -> None:
    """A body that ends too early never looks whole to the client: its connection is reset."""
    async with forwarding(playing(answer)) as (gw, _):
        client = await gw.client()
        client.send(GET)
        assert await torn(client)


async def test_an_answer_that_lasts_until_the_close_is_whole() -> None:
    """Without a length the close is the end: the client gets chunks and keeps its connection."""
    async with forwarding(playing(b"HTTP/1.1 200 OK\r\n\r\nall of it")) as (gw, up):
        client = await gw.client()
        for number in (1, 2):
            reply = await client.ask()
            assert (reply.body, reply.headers["transfer-encoding"]) == (b"all of it", "chunked")
            assert up.connections == number


async def test_an_answer_that_lasts_until_a_reset_is_torn() -> None:
    """A reset is no end: the client sees one too."""

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nsome of it")
        await peer.writer.drain()
        await asyncio.sleep(0.05)  # the client is to have some of it: a reset takes back what is on its way
        peer.reset()

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        client.send(GET)
        assert await torn(client)


async def test_nobody_listens() -> None:
    """A refused connection is a 503 with Envoy's words, and the client's connection stays."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        served = model([to()], [cluster(Endpoint("127.0.0.1", unused.getsockname()[1]))])
        async with gateway(served) as gw:
            client = await gw.client()
            for _ in range(2):
                reply = await client.ask()
                assert reply.status == 503
                assert reply.body.startswith(RESET + b"remote connection failure")
                assert reply.headers["content-type"] == "text/plain"


async def test_an_upstream_that_does_not_accept_is_a_connect_timeout() -> None:
    """A connection that is not there in time is a 503, however short a try may be: that begins with the connection."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(full.getsockname())
        short = Policies(retries=RetryPolicy(("retriable-4xx",), per_try_timeout=0.001))
        unreachable = cluster(
            Endpoint("127.0.0.1", full.getsockname()[1]), connection=ConnectionSettings(connect_timeout=0.1)
        )
        served = model([replace(to(), policies=short)], [unreachable])
        async with gateway(served) as gw:
            reply = await (await gw.client()).ask()
            assert (reply.status, reply.body) == (503, RESET + b"connection timeout")
        for connection in waiting:
            connection.close()


async def test_no_endpoint_and_no_cluster() -> None:
    """Without endpoints the answer says so, for an unknown cluster it is empty; both are 503."""
    async with gateway(model([to("none", "/none"), to("empty")], [cluster(name="empty")])) as gw:
        client = await gw.client()
        assert (await client.ask()).body == b"no healthy upstream"
        reply = await client.ask(GET.replace(b" / ", b" /none "))
        assert (reply.status, reply.body) == (503, b"")


async def test_what_is_no_http_is_a_502() -> None:
    """A head that cannot be read is the upstream's fault."""
    async with forwarding(b"nonsense of any kind\r\n\r\n") as (gw, _):
        reply = await (await gw.client()).ask()
        assert (reply.status, reply.body) == (502, RESET + b"protocol error")


async def test_an_upstream_that_closes_before_its_answer() -> None:
    """A fresh connection that ends without an answer is a 503, and nothing is repeated."""
    async with forwarding(playing(None)) as (gw, up):
        reply = await (await gw.client()).ask()
        assert reply.status == 503
        assert reply.body.startswith(RESET + b"connection termination")
        assert up.connections == 1


async def test_a_stale_connection_is_replaced_by_a_new_one() -> None:
    """Where every kept connection dies on use, a request that may be repeated still gets its answer."""
    starts = 0

    async def script(peer: Peer) -> None:
        nonlocal starts
        starts += 1
        await (playing(OK, None) if starts <= 3 else answering(OK))(peer)

    async with forwarding(script) as (gw, up):
        clients = [await gw.client() for _ in range(3)]
        for client in clients:
            client.send(GET)
        for client in clients:
            assert (await client.reply()).status == 200
        kept = up.connections
        assert (await clients[0].ask()).status == 200
        assert up.connections == kept + 1


async def test_a_post_is_not_repeated() -> None:
    """What may have been done already is not done again."""
    async with forwarding(playing(OK, None)) as (gw, up):
        client = await gw.client()
        await client.ask()
        assert (await client.ask(POST)).status == 503
        assert up.connections == 1


async def test_a_connection_the_upstream_closed_is_not_used() -> None:
    """A close that was seen costs the next request nothing, even one that must not be repeated."""

    async def script(peer: Peer) -> None:
        head = await peer.head()
        if head.startswith(b"POST"):
            await peer.exactly(2)
        peer.send(OK)

    async with forwarding(script) as (gw, up):
        client = await gw.client()
        for number in range(1, 4):
            assert (await client.ask()).status == 200
            pools = [pool for runtime in gw.worker.snapshot.clusters.values() for pool in runtime.pools.values()]
            await until(lambda pools=pools: not any(p.idle for p in pools), "a closed connection stays idle")  # type: ignore[misc]
            assert up.connections == 2 * number - 1
            assert (await client.ask(POST)).status == 200


async def silent(peer: Peer) -> None:
    """Take a request and say nothing."""
    await peer.head()
    await peer.rest()


async def hesitant(peer: Peer) -> None:
    """Begin an answer and say no more."""
    await peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
    await peer.rest()


async def test_the_routes_timeout_is_a_504() -> None:
    """Without an answer in time the client gets Envoy's 504 and keeps its connection."""
    async with forwarding(silent, timeout=0.1) as (gw, _):
        client = await gw.client()
        for _ in range(2):
            reply = await client.ask()
            assert (reply.status, reply.body) == (504, b"upstream request timeout")


async def test_the_routes_timeout_in_an_answer_is_a_reset() -> None:
    """An answer that has begun cannot become a 504."""
    async with forwarding(hesitant, timeout=0.1) as (gw, _):
        client = await gw.client()
        client.send(GET)
        assert await torn(client)


async def test_a_timeout_of_0_is_none() -> None:
    """An answer may take longer than the sweep looks, and no timeout is told to the upstream."""

    async def script(peer: Peer) -> None:
        head = await peer.head()
        assert b"x-envoy-expected-rq-timeout-ms" not in head
        await asyncio.sleep(0.2)  # longer than between two sweeps
        peer.send(OK)

    async with forwarding(script, timeout=0.0) as (gw, _):
        assert (await (await gw.client()).ask()).status == 200


async def test_an_upload_does_not_count_against_the_timeout() -> None:
    """The route's timeout runs from the end of the request."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.exactly(2)
        peer.send(OK)

    async with forwarding(script, timeout=1.0) as (gw, _):
        client = await gw.client()
        client.send(POST[:-1])
        await asyncio.sleep(1.2)  # longer than the timeout, which must not have begun
        client.send(POST[-1:])
        assert (await client.reply()).status == 200


@pytest.mark.parametrize("script", [silent, hesitant])
async def test_a_client_that_leaves_takes_its_request_along(script: Script) -> None:
    """The upstream's connection ends with the client's."""
    ended = asyncio.Event()

    async def watched(peer: Peer) -> None:
        try:
            await script(peer)
        finally:
            ended.set()

    async with forwarding(watched) as (gw, up):
        client = await gw.client()
        client.send(GET)
        await until(lambda: up.connections, "the request never came")
        client.reset()
        async with asyncio.timeout(DEADLINE):
            await ended.wait()


async def test_a_flood_of_waiters_all_learn_that_nobody_listens() -> None:
    """Every request that waits for a connection is answered when there is none, those of gone clients too."""
    async with upstream() as up:
        endpoint = up.endpoint
    async with gateway(model([to()], [cluster(endpoint)])) as gw:
        clients = [await gw.client() for _ in range(50)]
        for client in clients:
            client.send(GET)
        for client in clients[::2]:
            client.reset()
        for client in clients[1::2]:
            assert (await client.reply()).status == 503
