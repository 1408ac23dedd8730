"""Pipelines: one read may bring more requests than a connection should hold at a time."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from random import Random

import pytest

from edgesim.model import Policies
from tests.proxy.scenes import (
    GET,
    Client,
    Gateway,
    Peer,
    cluster,
    direct,
    forwarding,
    gateway,
    model,
    to,
    until,
    upstream,
)

_ASKING = b"GET / HTTP/1.1\r\nhost: any\r\nconnection: upgrade\r\nupgrade: %b\r\n\r\n"
_MANY = 5000
_MOST_AHEAD = 100


def _held(gw: Gateway) -> int:
    """Return how many requests wait behind others."""
    return sum(len(connection.queue) for connection in gw.worker.connections)


async def _sums(peer: Peer) -> None:
    """Answer with the sum of each body."""
    while head := await peer.head():
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length")), 0)
        body = await (peer.chunks() if b"transfer-encoding" in head else peer.exactly(length))
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest().encode()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 32\r\n\r\n", digest)


def _request(draw: Random) -> tuple[bytes, bytes]:
    """Return a request and its body: none, by length or in chunks, which may look like requests themselves."""
    body = draw.choice([b"", b"x" * draw.randrange(5000), GET * draw.randrange(200), b"\r\n\r\n" * draw.randrange(900)])
    if not body:
        return GET, body
    head = b"POST / HTTP/1.1\r\nhost: any\r\n"
    if draw.random() < 0.5:
        return head + b"content-length: %d\r\n\r\n%b" % (len(body), body), body
    cut = draw.randrange(1, len(body))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (body[:cut], body[cut:]) if each)
    return head + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", body


async def test_a_pipeline_is_parsed_a_slice_at_a_time() -> None:
    """Of thousands of requests that one read brings, only dozens are held, answered or not."""
    answered = asyncio.Event()

    async def waiting(peer: Peer) -> None:
        while await peer.head():
            await answered.wait()
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with forwarding(waiting) as (gw, up):
        client = await gw.client()
        client.send(GET * _MANY)
        await until(lambda: len(up.heads) or _held(gw), "the first one is forwarded")
        most = _held(gw)
        answered.set()
        for _ in range(_MANY):
            assert (await client.reply()).status == 200
            most = max(most, _held(gw))
        assert 0 < most < _MOST_AHEAD


@pytest.mark.parametrize("seed", range(3))
async def test_slices_change_nothing(seed: int) -> None:
    """Requests with bodies of every kind in one piece are answered in order, each body as it was sent."""
    draw = Random(seed)
    sent = [_request(draw) for _ in range(80)]
    async with forwarding(_sums) as (gw, _):
        client = await gw.client()
        client.send(b"".join(request for request, _ in sent))
        for _, body in sent:
            assert (await client.reply()).body == hashlib.md5(body, usedforsecurity=False).hexdigest().encode()
        assert (await client.ask()).status == 200


@pytest.mark.parametrize("end", [b"GET / HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n", b"no request\r\n\r\n"])
async def test_nothing_behind_an_end_is_read(end: bytes) -> None:
    """Behind a request that closes, or that is none, the rest of a pipeline is not looked at."""
    async with gateway(model([direct()])) as gw:
        client = await gw.client()
        client.send(GET * 999 + end + GET * _MANY)
        statuses = [(await client.reply()).status for _ in range(1000)]
        assert statuses == [200] * 999 + [400 if end.startswith(b"no") else 200]
        assert await client.ended()


async def test_thousands_that_ask_for_h2c_in_one_piece() -> None:
    """A parser is begun anew behind each, however many there are."""
    async with gateway(model([direct()])) as gw:
        client = await gw.client()
        client.send(_ASKING % b"h2c" * _MANY)
        for _ in range(_MANY):
            assert (await client.reply()).status == 200


async def test_what_follows_a_switch_at_the_end_of_a_pipeline() -> None:
    """Whatever one read brought behind a request to switch protocols is passed on, slices or not."""
    raw = GET * 500

    async def agreeing(peer: Peer) -> None:
        while b"upgrade" not in await peer.head():
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        peer.send(await peer.exactly(len(raw)))

    async with upstream(agreeing) as up:
        route = replace(to(), policies=Policies(upgrades=(("echo", True),)))
        async with gateway(model([route], [cluster(up.endpoint)])) as gw:
            client: Client = await gw.client()
            client.send(GET * 300 + _ASKING % b"echo" + raw)
            for _ in range(300):
                assert (await client.reply()).status == 200
            assert (await client.head()).startswith(b"HTTP/1.1 101 ")
            assert await client.exactly(len(raw)) == raw
