"""How long, how much, how many: limits on clients, and options of the listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from edgesim.model import Policies
from edgesim.proxy import limits
from tests.proxy.scenes import (
    GET,
    OK,
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

_HEAD = b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 5\r\n"


@asynccontextmanager
async def limited(script: Script | bytes = OK, **options: object) -> AsyncIterator[tuple[Gateway, Upstream]]:
    """Run a worker with options of its listener."""
    async with upstream(script) as up:
        served = with_options(model([to()], [cluster(up.endpoint)]), **options)
        async with gateway(served) as gw:
            yield gw, up


async def silent(peer: Peer) -> None:
    """Read requests and never answer."""
    while await peer.head():
        pass


async def stuck(peer: Peer) -> None:
    """Answer with half a body."""
    await peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")
    await peer.rest()


async def test_a_head_that_does_not_end_is_408() -> None:
    """Not even when a byte comes now and then; other clients are served meanwhile."""
    async with limited(header_timeout=0.3) as (gw, _):
        slow, other = await gw.client(), await gw.client()
        slow.send(b"GET / HTTP/1.1\r\n")
        dripping = asyncio.ensure_future(_drip(slow.writer))  # noqa: TID251  # kept until it is cancelled
        assert (await other.ask()).status == 200
        reply = await slow.reply()
        dripping.cancel()
        assert (reply.status, reply.body) == (408, b"request header timeout")
        assert reply.headers["connection"] == "close"
        assert (await other.ask()).status == 200


async def _drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.02)  # the pace of a slow client


async def test_a_request_that_does_not_end_is_408() -> None:
    """The request timeout runs from its first byte to its last."""
    async with limited(silent, request_timeout=0.3) as (gw, _):
        client = await gw.client()
        client.send(_HEAD + b"\r\nab")
        reply = await client.reply()
        assert (reply.status, reply.body) == (408, b"request timeout")


@pytest.mark.parametrize(
    ("sent", "script", "status"),
    [(_HEAD, OK, 408), (_HEAD + b"\r\nab", silent, 408), (GET, silent, 504)],
    ids=["head", "body", "answer"],
)
async def test_a_stream_that_stands_still(sent: bytes, script: Script | bytes, status: int) -> None:
    """Envoy's stream idle timeout: 408 while the request is not whole, 504 when the answer is missing."""
    async with limited(script, stream_idle_timeout=0.3) as (gw, _):
        client = await gw.client()
        client.send(sent)
        reply = await client.reply()
        assert (reply.status, reply.body) == (status, b"stream timeout")


async def test_idle_timeouts_of_routes_are_looked_after_as_closely_as_the_listeners() -> None:
    """Whoever asked a route with a short one is not held for a second longer."""
    short = Policies(idle_timeout=0.4)
    async with upstream() as up, gateway(model([replace(to(), policies=short)], [cluster(up.endpoint)])) as gw:
        assert limits.sweep(gw.worker, 1000.0) == 1001.0
        assert (await (await gw.client()).ask()).status == 200
        assert limits.sweep(gw.worker, 1000.0) <= 1000.05


async def test_an_answer_that_stands_still_is_reset() -> None:
    """An answer begun cannot be taken back, so its end must not look like one."""
    async with limited(stuck, stream_idle_timeout=0.3) as (gw, _):
        client = await gw.client()
        client.send(GET)
        await client.head()
        with pytest.raises(ConnectionResetError):
            await client.rest()


async def test_idle_connections_are_closed() -> None:
    """After answers, or without any request at all."""
    async with limited(idle_timeout=1.0) as (gw, _):
        used, unused = await gw.client(), await gw.client()
        assert (await used.ask()).status == 200
        assert await used.ended()
        assert await unused.ended()


async def test_no_more_connections_than_allowed() -> None:
    """One too many is closed at once; when another leaves, there is room again."""
    async with limited(max_connections=2) as (gw, _):
        first, second = await gw.client(), await gw.client()
        assert (await first.ask()).status == (await second.ask()).status == 200
        third = await gw.client()
        assert await third.ended()
        first.reset()
        await until(lambda: len(gw.worker.connections) == 1, "the first stays")
        fourth = await gw.client()
        assert (await fourth.ask()).status == 200


async def test_what_piles_up_is_limited() -> None:
    """A trailer and a chunk's extension that never end are refused, however they are cut."""
    endless = (b"0\r\nx: ", b"1;x=", b"0\r\n" + b"a: b\r\n" * 20)
    for start in endless:
        async with limited(silent) as (gw, _):
            client = await gw.client()
            client.send(b"POST / HTTP/1.1\r\nhost: any\r\ntransfer-encoding: chunked\r\n\r\n" + start)
            for _ in range(80):
                client.send(b"a" * 1000)
                await asyncio.sleep(0)
            assert (await client.reply()).status in {400, 431}


async def test_http_10_where_it_is_admitted() -> None:
    """No chunks towards it, the connection ends the answer, and a Host is taken from the options."""
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            assert b"\r\nhost: given\r\n" in head
            peer.send(chunked)

    async with limited(script, accept_http_10=True, default_host_for_http_10="given") as (gw, _):
        client = await gw.client()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        head = await client.head()
        assert b"transfer-encoding" not in head
        assert await client.rest() == b"ok"
    async with limited(accept_http_10=True) as (gw, _):
        client = await gw.client()
        assert (await client.ask(b"GET / HTTP/1.0\r\n\r\n")).status == 400


async def test_an_expectation_of_http_10_is_ignored() -> None:
    """No interim answer is sent to a client that knows none (RFC 9110, 10.1.1)."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.exactly(2)
        peer.send(OK)

    async with limited(script, accept_http_10=True) as (gw, _):
        client = await gw.client()
        client.send(b"POST / HTTP/1.0\r\nhost: any\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nhi")
        assert (await client.rest()).startswith(b"HTTP/1.0 200 OK\r\n")


async def test_a_torn_answer_to_http_10_is_a_reset() -> None:
    """Where only the close tells the end, a body cut short must not end with one."""

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
        await peer.writer.drain()

    async with limited(script, accept_http_10=True) as (gw, _):
        client = await gw.client()
        client.send(b"GET / HTTP/1.0\r\nhost: any\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await client.rest()


async def test_paths_and_hosts_as_the_listener_says() -> None:
    """`merge_slashes`, `normalize_path` and `strip_any_host_port` change what is forwarded."""
    heads: list[bytes] = []

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            heads.append(head)
            peer.send(OK)

    ask = b"GET //a///b/../c?x//y HTTP/1.1\r\nhost: any:81\r\n\r\n"
    async with limited(script, merge_slashes=True, strip_any_host_port=True) as (gw, _):
        await (await gw.client()).ask(ask)
    async with limited(script, normalize_path=False) as (gw, _):
        await (await gw.client()).ask(ask)
    starts = [head.split(b"\r\n")[:2] for head in heads]
    assert starts == [
        [b"GET /a/c?x//y HTTP/1.1", b"host: any"],
        [b"GET //a///b/../c?x//y HTTP/1.1", b"host: any:81"],
    ]
