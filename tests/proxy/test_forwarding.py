"""One request and its answer, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from edgesim.model import BalancerKind, LoadBalancer
from edgesim.proxy.upstream import UpstreamConnection
from tests.proxy.scenes import (
    DATED,
    DEADLINE,
    GET,
    OK,
    Gateway,
    Peer,
    cluster,
    direct,
    forwarding,
    gateway,
    model,
    one_at_a_time,
    playing,
    to,
    until,
)


async def test_connections_are_kept_on_both_sides() -> None:
    """Many requests of one client use one connection to the upstream."""
    async with forwarding() as (gw, up):
        client = await gw.client()
        for _ in range(20):
            reply = await client.ask()
            assert (reply.status, reply.body) == (200, b"ok")
        assert up.connections == 1
        assert len(up.heads) == 20
        load = gw.worker.snapshot.clusters["echo"].load
        assert (sum(load.connecting_took.values()), load.lasted) == (1, {})
        gw.serve(model([]))
        await until(lambda: sum(load.lasted.values()) == 1, "the connection is not closed")


async def test_nothing_configured_is_an_empty_404() -> None:
    """Without a route the answer is Envoy's: 404, no body, and the connection stays."""
    async with gateway() as gw:
        client = await gw.client()
        for _ in range(2):
            reply = await client.ask()
            assert (reply.status, reply.body, reply.headers["content-length"]) == (404, b"", "0")
            assert reply.headers["server"] == "envoy"
        assert (gw.worker.totals.no_route, gw.worker.totals.no_cluster) == (2, 0)


async def test_a_route_to_no_cluster_is_counted() -> None:
    """The answer is 503, and `no_cluster` tells of it until counters begin anew."""
    async with gateway(model([to("gone")])) as gw:
        assert (await (await gw.client()).ask()).status == 503
        assert (gw.worker.totals.no_route, gw.worker.totals.no_cluster) == (0, 1)
        gw.worker.forget()
        assert gw.worker.totals.no_cluster == gw.worker.totals.connections == 0


async def test_a_body_by_length_reaches_the_upstream() -> None:
    """A request body with a length arrives as sent, and the answer's comes back."""
    seen: list[bytes] = []

    async def echo(peer: Peer) -> None:
        while head := await peer.head():
            assert b"content-length: 5" in head
            seen.append(await peer.exactly(5))
            peer.send(OK)

    async with forwarding(echo) as (gw, _):
        client = await gw.client()
        post = b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 5\r\n\r\nhello"
        assert (await client.ask(post)).body == b"ok"
        await one_at_a_time(client, post)
        assert (await client.reply()).body == b"ok"
    assert seen == [b"hello", b"hello"]


async def test_chunked_bodies_go_both_ways() -> None:
    """Chunks of a request and of an answer keep their content; trailers are dropped."""

    async def echo(peer: Peer) -> None:
        while head := await peer.head():
            assert b"transfer-encoding: chunked" in head
            body = await peer.chunks()
            peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))

    async with forwarding(echo) as (gw, _):
        client = await gw.client()
        post = b"POST / HTTP/1.1\r\nhost: any\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\na: b\r\n\r\n"
        for _ in range(2):
            reply = await client.ask(post)
            assert reply.body == b"hello world"
            assert reply.headers["transfer-encoding"] == "chunked"


async def test_a_put_with_no_chunks_is_repeated_whole() -> None:
    """A stale connection is replaced for an empty chunked PUT too, and its last chunk is sent again."""
    turns = iter((playing(OK, None), None))

    async def script(peer: Peer) -> None:
        follow = next(turns)
        if follow is not None:
            await follow(peer)
            return
        await peer.head()
        assert await peer.chunks() == b""
        peer.send(OK)

    async with forwarding(script) as (gw, up):
        client = await gw.client()
        await client.ask()
        put = b"PUT / HTTP/1.1\r\nhost: any\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
        reply = await client.ask(put)
        assert reply.status in {200, 503}
        assert up.connections <= 2


async def test_a_pipelined_body_is_read_when_its_turn_comes() -> None:
    """A request whose body is still coming while it waits behind another is forwarded whole."""

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            if head.startswith(b"POST"):
                assert await peer.exactly(300_000) == b"x" * 300_000
            peer.send(OK)

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        await client.ask()  # a connection waits in the pool
        client.send(GET, b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 300000\r\n\r\n", b"x" * 1000)
        assert (await client.reply()).status == 200
        client.send(b"x" * 299_000)
        assert (await client.reply()).status == 200


async def test_garbage_behind_a_request_does_not_hold_its_answer() -> None:
    """A request that is followed by what cannot be read is answered first, then the rest is refused."""
    async with forwarding() as (gw, _):
        client = await gw.client()
        client.send(GET + b"not http\r\n\r\n")
        assert (await client.reply()).status == 200
        assert (await client.reply()).status == 400
        assert await client.ended()
    async with gateway(model([direct()])) as gw:
        client = await gw.client()
        client.send(GET + b"not http\r\n\r\n")
        assert (await client.reply()).status == 200
        assert (await client.reply()).status == 400
        assert await client.ended()


async def test_a_client_that_closes_its_sending_side_is_taken_to_be_gone() -> None:
    """After half a close local answers are sent, what waits for an upstream is given up (measured on Envoy 1.40)."""
    async with gateway(model([direct()])) as gw:
        client = await gw.client()
        client.send(GET + GET)
        client.writer.write_eof()
        assert (await client.reply()).status == 200
        assert (await client.reply()).status == 200
        assert await client.ended()
    async with forwarding(lambda peer: peer.rest()) as (gw, _):
        client = await gw.client()
        client.send(GET)
        client.writer.write_eof()
        assert await client.ended()


async def test_a_client_that_ends_inside_its_body_lets_the_upstream_go() -> None:
    """A request that will never be whole does not stay under way."""
    came, got = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.exactly(3)
        came.set()
        with contextlib.suppress(ConnectionResetError):
            assert await peer.rest() == b""
        got.set()

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 10\r\n\r\nabc")
        async with asyncio.timeout(DEADLINE):
            await came.wait()
            client.writer.write_eof()
            await got.wait()


async def test_thousands_of_pipelined_requests_in_one_piece() -> None:
    """However many requests come with one read, each gets its answer, in order."""
    routes = [direct("/a", 200, "a"), direct("/b", 200, "b")]
    async with gateway(model(routes)) as gw:
        client = await gw.client()
        one = b"GET /%b HTTP/1.1\r\nhost: any\r\n\r\n"
        names = [b"a", b"b"] * 3000
        client.send(b"".join(one % name for name in names))
        for name in names:
            assert (await client.reply()).body == name


async def test_thousands_of_pipelined_requests_to_an_upstream() -> None:
    """Forwarded one after the other, on one connection."""
    async with forwarding() as (gw, up):
        client = await gw.client()
        client.send(GET * 3000)
        for _ in range(3000):
            assert (await client.reply()).body == b"ok"
        assert up.connections == 1


async def test_a_split_head_of_an_answer_is_not_taken_for_another() -> None:
    """Answers that differ in the status line only are told apart, however the bytes are cut."""
    tail = DATED.partition(b"\r\n")[2]

    async def script(peer: Peer) -> None:
        for status in (b"200 OK", b"500 Internal Server Error", b"200 OK"):
            await peer.head()
            peer.send(b"HTTP/1.1 " + status + b"\r\n")
            await peer.writer.drain()
            await asyncio.sleep(0.05)  # so that the head comes in two reads
            peer.send(tail)

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        assert [(await client.ask()).status for _ in range(3)] == [200, 500, 200]


async def test_an_interim_answer_is_not_remembered_as_the_final_one() -> None:
    """A 100 that comes with the final answer leaves nothing behind that could be taken for it."""
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    failed = b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.send(interim + DATED)
        await peer.head()
        peer.send(interim + failed.replace(b"content-length: 0", b"content-length: 0"))
        await peer.head()
        peer.send(interim + b"HT")
        await asyncio.sleep(0.05)  # so that the head comes in two reads
        peer.send(failed[2:])

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        assert [(await client.ask()).status for _ in range(3)] == [200, 500, 500]


def idle(gw: Gateway) -> list[UpstreamConnection]:
    """The connections to the upstream that wait for a request."""
    return [
        each for found in gw.worker.snapshot.clusters.values() for pool in found.pools.values() for each in pool.idle
    ]


async def test_bytes_behind_an_answer_end_the_connection() -> None:
    """What nobody asked for is not taken for the next answer."""

    async def script(peer: Peer) -> None:
        while await peer.head():
            peer.send(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad")

    async with forwarding(script) as (gw, up):
        client = await gw.client()
        for _ in range(3):
            assert (await client.ask()).body == b"ok"
            await until(lambda: not idle(gw), "the connection is kept")
        assert up.connections == 3


async def test_a_head_half_begun_behind_an_answer_is_dropped() -> None:
    """Half a head behind an answer does not mix with the next one."""

    async def script(peer: Peer) -> None:
        while await peer.head():
            peer.send(OK + b"HTTP/1.1 500 Oops\r\n")

    async with forwarding(script) as (gw, up):
        client = await gw.client()
        for _ in range(3):
            assert (await client.ask()).status == 200
            await until(lambda: not idle(gw), "the connection is kept")
        assert up.connections == 3


async def test_early_answers_say_how_long_the_upstream_took() -> None:
    """An answer that comes before the request is whole tells a time of this request."""

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\n\r\n")
        await peer.rest()

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 10\r\n\r\nabc")
        reply = await client.reply()
        assert reply.status == 413
        assert int(reply.headers.get("x-envoy-upstream-service-time", "0")) < 60_000
        client.writer.write_eof()
        assert await client.ended()


@pytest.mark.parametrize("kind", [BalancerKind.ROUND_ROBIN, BalancerKind.MAGLEV])
async def test_a_request_for_nobody_is_one_panic(kind: BalancerKind) -> None:
    """However often it is looked at: as in Envoy; a reload alone is none."""
    served = model([to()], [cluster(balancer=LoadBalancer(kind))])
    async with gateway(served) as gw:
        assert (await (await gw.client()).ask()).status == 503
        gw.serve(served)
        assert gw.worker.snapshot.clusters["echo"].balancer.panics == 1
