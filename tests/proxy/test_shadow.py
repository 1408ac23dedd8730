"""A shadow upstream that fails in any way is noticed by nobody, and holds nothing for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from edgesim.model import Policies
from edgesim.model.policies import Mirror
from tests.proxy.scenes import (
    DEADLINE,
    GET,
    OK,
    Gateway,
    Peer,
    Script,
    Upstream,
    answering,
    cluster,
    gateway,
    model,
    playing,
    to,
    until,
    upstream,
)

SIZE = 24 << 20


@asynccontextmanager
async def mirrored(
    script: Script, shadow: Script, longest: float = 15.0
) -> AsyncIterator[tuple[Gateway, Upstream, Upstream]]:
    """Run a worker whose one route copies every request to a second upstream."""
    async with upstream(script) as up, upstream(shadow) as other:
        route = replace(to(timeout=longest), policies=Policies(mirror=Mirror("shadow", 1_000_000)))
        clusters = [cluster(up.endpoint), cluster(other.endpoint, name="shadow")]
        async with gateway(model([route], clusters)) as gw:
            yield gw, up, other


def held(gw: Gateway) -> int:
    """Return how many connections to the shadow are in use."""
    return sum(len(pool.busy) for pool in gw.worker.snapshot.clusters["shadow"].pools.values())


async def silent(peer: Peer) -> None:
    """Take everything and say nothing."""
    await peer.rest()


async def hesitant(peer: Peer) -> None:
    """Begin an answer and say no more."""
    await peer.head()
    peer.send(OK[:-1])
    await peer.rest()


@pytest.mark.parametrize("shadow", [silent, hesitant, playing(None), playing(b"nonsense\r\n\r\n"), playing(OK)])
async def test_whatever_a_shadow_does_requests_are_answered(shadow: Script) -> None:
    """Requests are answered at once; a copy without an answer ends with the route's timeout, as Envoy's does."""
    async with mirrored(answering(OK), shadow, longest=1.0) as (gw, _, other):
        client = await gw.client()
        for _ in range(20):
            assert (await client.ask()).body == b"ok"
        await until(lambda: other.connections, "no copy came")
        await until(lambda: not held(gw), "connections to the shadow are held")
        assert not gw.worker.active


async def test_a_shadow_that_is_done_gives_its_connection_back() -> None:
    """Copies that are answered go over one connection."""
    async with mirrored(answering(OK), answering(OK)) as (gw, _, other):
        client = await gw.client()
        for _ in range(5):
            await client.ask()
            await until(lambda: not held(gw) and not gw.worker.active, "the copy stays under way")
        assert other.connections == 1


async def test_a_shadow_that_does_not_read_takes_no_memory() -> None:
    """The upload goes on at full speed; the copy is given up once a megabyte waits for it."""
    reads = asyncio.Event()
    came: list[int] = []

    async def taking(peer: Peer) -> None:
        await peer.head()
        left = SIZE
        while left:
            left -= len(await peer.reader.read(left))
        peer.send(OK)

    async def slow(peer: Peer) -> None:
        await peer.head()
        await reads.wait()
        try:
            came.append(len(await peer.rest()))
        except ConnectionResetError:
            came.append(-1)

    async with mirrored(taking, slow) as (gw, _, _):
        client = await gw.client()
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE >> 16):
            client.send(bytes(1 << 16))
            await client.writer.drain()
        assert (await client.reply()).status == 200
        assert not held(gw)
        reads.set()
        await until(lambda: came, "the copy never ended")
        assert came[0] < SIZE


async def test_a_client_that_leaves_inside_its_body_takes_the_copy_along() -> None:
    """A copy that will never be whole is given up."""
    ended = asyncio.Event()

    async def watched(peer: Peer) -> None:
        try:
            await peer.rest()
        finally:
            ended.set()

    async with mirrored(silent, watched) as (gw, _, other):
        client = await gw.client()
        client.send(GET.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\ncontent-length: 9\r\n\r\nhalf"))
        await until(lambda: other.connections and held(gw), "no copy came")
        client.reset()
        async with asyncio.timeout(DEADLINE):
            await ended.wait()
        await until(lambda: not held(gw), "the connection to the shadow is held")
