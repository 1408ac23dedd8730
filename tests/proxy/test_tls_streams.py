"""Requests and bodies over TLS, as over plain connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from edgesim.model import (
    Model,
)
from tests.proxy.scenes import (
    DEADLINE,
    GET,
    OK,
    Client,
    Gateway,
    Peer,
    Script,
    cluster,
    model,
    playing,
    to,
    until,
    upstream,
)
from tests.proxy.secure import MEGABYTE, TLS, dial, host, tls_gateway


@asynccontextmanager
async def forwarding(script: Script | bytes = OK, **options: Any) -> AsyncIterator[tuple[Gateway, Client]]:
    """Forward what comes over TLS to a plain upstream; yields a client."""
    async with upstream(script) as up:
        served = model([to(**options)], [cluster(up.endpoint)], tls=TLS)
        async with tls_gateway(served) as (gw, listener):
            yield gw, await dial(gw, listener)


async def test_connections_are_kept_and_pipelines_answered() -> None:
    """Many requests share a connection over TLS, one after the other or all at once, and say they are secure."""
    seen: list[bytes] = []

    async def note(peer: Peer) -> None:
        while head := await peer.head():
            seen.append(head)
            peer.send(OK)

    async with forwarding(note) as (_, client):
        assert (await client.ask()).body == b"ok"
        client.send(GET * 20)
        for _ in range(20):
            assert (await client.reply()).body == b"ok"
    assert all(b"x-forwarded-proto: https" in head for head in seen)


async def test_bodies_stream_both_ways() -> None:
    """Megabytes go up and down over TLS, also to a client that is slow to read, and nothing is lost."""
    size = 16 * MEGABYTE

    async def turn_back(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        left = size
        while left:
            piece = await peer.reader.read(65536)
            left -= len(piece)
            peer.send(piece)
            await peer.writer.drain()

    async with forwarding(turn_back) as (_, client):
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: %d\r\n\r\n" % size)
        piece = bytes(range(256)) * 256

        async def send() -> None:
            for _ in range(size // len(piece)):
                client.send(piece)
                await client.writer.drain()

        sending = asyncio.get_running_loop().create_task(send())  # awaited below
        assert b"200 OK" in await client.head()
        await asyncio.sleep(0.1)  # a pause in reading: everything in between fills up
        for _ in range(size // len(piece)):
            assert await client.exactly(len(piece)) == piece
        await sending


async def test_a_refusal_is_read_before_the_end() -> None:
    """What cannot be read is answered over TLS, behind which the connection ends."""
    async with forwarding() as (_, client):
        client.send(b"GET / HTTP/1.1\r\nhost: any\r\nbad header\r\n\r\n" + b"x" * 100_000)
        assert (await client.reply()).status == 400
        assert await client.ended()


async def test_an_answer_may_come_before_the_whole_request() -> None:
    """A refusal ahead of a body's end is read by the client, then the connection ends."""
    async with tls_gateway(Model((host("a"),))) as (gw, listener):
        client = await dial(gw, listener)
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 1000000\r\n\r\nx")
        reply = await client.reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert await client.ended()


async def test_a_client_that_closes_leaves_nothing_behind() -> None:
    """A close in the middle of a request, or while its answer is awaited, lets the upstream go."""
    gone = asyncio.Event()

    async def wait(peer: Peer) -> None:
        await peer.head()
        await peer.rest()
        gone.set()

    for sent in (GET, b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 5\r\n\r\nab"):
        gone.clear()
        async with forwarding(wait) as (gw, client):
            client.send(sent)
            await until(lambda: gw.worker.active and all(e.connection for e in gw.worker.active), "nothing is sent")
            client.close()
            async with asyncio.timeout(DEADLINE):
                await gone.wait()


async def test_an_answer_cut_short_is_no_clean_end() -> None:
    """An upstream that dies in its body resets the client: no close_notify, which would pass for the end."""
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"
    async with forwarding(playing(half)) as (_, client):
        client.send(GET)
        await client.head()
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await client.rest()


async def test_protocols_switch_over_tls() -> None:
    """Behind a 101 bytes go both ways, and the end of either side ends the other."""

    async def echo(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nfirst")
        while data := await peer.reader.read(100):
            peer.send(data.upper())

    async with forwarding(echo) as (_, client):
        client.send(b"GET / HTTP/1.1\r\nhost: any\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        assert b"101" in await client.head()
        assert await client.exactly(5) == b"first"
        client.send(b"hello")
        assert await client.exactly(5) == b"HELLO"
        client.close()
