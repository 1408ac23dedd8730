"""Large bodies, slow peers: memory stays bounded on every side."""

from __future__ import annotations

import asyncio
import socket

import pytest

from edgesim.model import ConnectionSettings, DirectResponseAction, Route
from edgesim.proxy.upstream import UpstreamConnection
from tests.proxy.scenes import (
    DEADLINE,
    GET,
    OK,
    Peer,
    Upstream,
    cluster,
    direct,
    forwarding,
    gateway,
    model,
    one_at_a_time,
    prefix,
    to,
    until,
    upstream,
)

SIZE = 200 << 20
PIECE = bytes(range(256)) * 1024
BUFFERED = 16 << 20
"""What all buffers between two ends may hold together: the kernel's are several MB on loopback."""


def unsent(peer: Peer) -> int:
    """Bytes of a peer of the test that its transport still holds."""
    return peer.writer.transport.get_write_buffer_size()


def waiting(connection: UpstreamConnection) -> int:
    """Bytes that a connection of the proxy holds for its endpoint."""
    return 0 if connection.transport is None else connection.transport.get_write_buffer_size()


class Source:
    """An upstream that sends a large body as fast as it is taken, and counts."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self.sent = 0

    async def __call__(self, peer: Peer) -> None:
        while await peer.head():
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % self.size)
            for _ in range(self.size // len(PIECE)):
                peer.send(PIECE)
                await peer.writer.drain()
                self.sent += len(PIECE)


async def stands_still(source: Source) -> int:
    """Wait until a source can send no more, and return how much it sent."""
    before = -1
    while before != source.sent:
        before = source.sent
        await asyncio.sleep(0.3)  # so long nothing moves: it stands still
    return before


async def drained(client: Peer, size: int) -> int:
    """Read a body of a size in pieces and return how many bytes came."""
    come = 0
    async with asyncio.timeout(2 * DEADLINE):
        while come < size:
            piece = await client.reader.read(min(1 << 20, size - come))
            assert piece
            come += len(piece)
    return come


async def test_a_slow_client_holds_its_upstream_back() -> None:
    """Of 200 MB only what buffers hold is taken from the upstream while the client does not read; then all comes."""
    source = Source()
    async with forwarding(source) as (gw, _):
        client = await gw.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a whole transport
        client.send(GET)
        await until(lambda: source.sent, "nothing was sent")
        assert await stands_still(source) < BUFFERED
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        head = await client.head()
        assert b"content-length: %d" % SIZE in head
        assert await drained(client, SIZE) == SIZE


async def test_pipelined_downloads_of_a_slow_client_are_held_back_too() -> None:
    """A second answer begun while the client still takes the first is not read into memory."""
    source = Source(4 << 20)
    async with forwarding(source) as (gw, _):
        client = await gw.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a whole transport
        client.send(GET * 20)
        await until(lambda: source.sent, "nothing was sent")
        assert await stands_still(source) < BUFFERED + (8 << 20)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        for _ in range(20):
            await client.head()
            assert await drained(client, source.size) == source.size


async def test_a_client_that_never_reads_its_answers_is_not_served_for_ever() -> None:
    """Direct responses do not pile up for a client that only sends."""
    route = Route((prefix(),), DirectResponseAction(200, "x" * 4000))
    async with gateway(model([route])) as gw:
        client = await gw.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a whole transport
        for _ in range(200):
            client.send(GET * 1000)
        await until(lambda: unsent(client), "everything was taken")
        (connection,) = gw.worker.connections
        before = -1
        while before != unsent(client):
            before = unsent(client)
            await asyncio.sleep(0.3)  # so long nothing moves: it stands still
        assert connection.transport is not None
        assert connection.transport.get_write_buffer_size() < 64 << 20
        assert unsent(client) > 0
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        for _ in range(500):
            assert (await client.reply()).status == 200


async def test_a_slow_upstream_holds_its_client_back() -> None:
    """Of 200 MB only what buffers hold is taken from the client while the upstream does not read; then all comes."""
    go_on = asyncio.Event()
    received = 0

    async def script(peer: Peer) -> None:
        nonlocal received
        transport = peer.writer.transport
        await peer.head()
        transport.pause_reading()  # type: ignore[attr-defined]  # it is a whole transport
        await go_on.wait()
        transport.resume_reading()  # type: ignore[attr-defined]  # as above
        received = await drained(peer, SIZE)
        peer.send(OK)

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        client.send(b"PUT / HTTP/1.1\r\nhost: any\r\ncontent-length: %d\r\n\r\n" % SIZE)
        sent = 0

        async def upload() -> None:
            nonlocal sent
            while sent < SIZE:
                client.send(PIECE)
                await client.writer.drain()
                sent += len(PIECE)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(upload())
            before = -1
            while before != sent or not sent:
                before = sent
                await asyncio.sleep(0.3)  # so long nothing moves: it stands still
            assert before < BUFFERED
            go_on.set()
            await task
        assert (await client.reply()).status == 200
    assert received == SIZE


@pytest.mark.parametrize(
    ("limit", "least", "most"),
    [(1 << 12, 1, 1 << 20), (1 << 23, 1 << 23, 9 << 20), (0, 10 << 20, SIZE), (2**32 - 1, 10 << 20, SIZE)],
)
async def test_how_much_waits_for_a_slow_upstream(limit: int, least: int, most: int) -> None:
    """What the upstream's `buffer_limit` says, and what one read adds to it; without a limit whatever comes."""
    done = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a whole transport
        await done.wait()

    async with upstream(script) as up:
        slow = cluster(up.endpoint, connection=ConnectionSettings(buffer_limit=limit))
        async with gateway(model([to()], [slow])) as gw:
            client = await gw.client()
            client.send(b"PUT / HTTP/1.1\r\nhost: any\r\ncontent-length: %d\r\n\r\n" % SIZE, bytes(32 << 20))
            pool = gw.worker.snapshot.clusters["echo"].pool(up.endpoint)
            await until(lambda: pool.busy, "the request does not get there")
            (connection,) = pool.busy
            assert connection.transport is not None
            await until(lambda: waiting(connection) >= least, "less is held")
            before = -1
            while before != unsent(client):
                before = unsent(client)
                await asyncio.sleep(0.3)  # so long nothing moves: it stands still
            assert least <= waiting(connection) <= most
            done.set()


async def test_an_echo_of_a_large_body_comes_back_whole() -> None:
    """Both directions at once, more than any buffer holds, chunk by chunk."""
    size = 32 << 20

    async def echo(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        come = 0
        while come < size:
            piece = await peer.reader.read(1 << 18)
            come += len(piece)
            peer.send(piece)
            await peer.writer.drain()

    async with forwarding(echo) as (gw, _):
        client = await gw.client()
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: %d\r\n\r\n" % size)

        async def upload() -> None:
            for _ in range(size // len(PIECE)):
                client.send(PIECE)
                await client.writer.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(upload())
            await client.head()
            for _ in range(size // len(PIECE)):
                assert await client.exactly(len(PIECE)) == PIECE


async def test_bytes_one_at_a_time_on_both_sides() -> None:
    """However finely the bytes come, request and answer are the same."""
    answer = (
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    )
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        peer.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while head := await peer.head():
            seen.append(head + await peer.chunks())
            await one_at_a_time(peer, answer)

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        post = b"POST /a/../b?c HTTP/1.1\r\nhost: any\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nt: 1\r\n\r\n"
        for _ in range(3):
            await one_at_a_time(client, post)
            assert (await client.reply()).body == b"ok"
    assert all(one.startswith(b"POST /b?c HTTP/1.1\r\n") and one.endswith(b"abc") for one in seen)


async def test_expectations_are_met_at_once() -> None:
    """`Expect: 100-continue` is answered by the proxy, in its turn, and does not reach the upstream."""

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            assert b"\nexpect:" not in head
            if head.startswith(b"PUT"):
                await peer.exactly(2)
            peer.send(OK)

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        for _ in range(2):
            client.send(GET, b"PUT / HTTP/1.1\r\nhost: any\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
            assert (await client.reply()).status == 200
            assert await client.head() == b"HTTP/1.1 100 Continue"
            client.send(b"hi")
            assert (await client.reply()).status == 200


async def test_an_early_answer_ends_the_connection_after_it() -> None:
    """An answer before the request is whole is delivered, then the connection closes, whatever still comes."""

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.send(OK)
        await peer.rest()

    async with forwarding(script) as (gw, up):
        client = await gw.client()
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 1000000\r\n\r\n", b"x" * 1000)
        reply = await client.reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        client.send(b"x" * 500_000)
        assert await client.ended()
        assert up.connections == 1
    async with gateway(model([direct()])) as gw:
        client = await gw.client()
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 1000000\r\n\r\n", b"x" * 1000)
        assert (await client.reply()).headers["connection"] == "close"
        client.send(b"x" * 500_000)
        assert await client.ended()


async def test_answers_without_a_body() -> None:
    """HEAD, 204 and 304 have none, whatever their fields say, and connections stay on both sides."""
    answers = {
        b"HEAD": b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
        b"GET": b"HTTP/1.1 304 Not Modified\r\ncontent-length: 1000\r\n\r\n",
        b"PUT": b"HTTP/1.1 204 No Content\r\n\r\n",
    }
    seen = Upstream(0)

    async def script(peer: Peer) -> None:
        seen.connections += 1
        while head := await peer.head():
            peer.send(answers[head.partition(b" ")[0]])

    async with forwarding(script) as (gw, _):
        client = await gw.client()
        for _ in range(3):
            for method, status in ((b"HEAD", 200), (b"GET", 304), (b"PUT", 204)):
                client.send(GET.replace(b"GET", method))
                reply = await client.reply(is_head=True)
                assert reply.status == status
                assert "transfer-encoding" not in reply.headers
    assert seen.connections == 1
