from __future__ import annotations

import asyncio
import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.backends.answers import Answer
from edgesim.backends.behaviour import Behaviour, Latency
from edgesim.backends.runtime import PodRuntime
from edgesim.backends.server import MAX_PIPELINED, PodServer
from tests.backends.wire import JSON, TEXT, Client, connect, running

GET = "GET / HTTP/1.1\nHost: echo\n\n"


async def test_http_echo_on_the_wire() -> None:
    """The answer has http-echo's headers, a date, and keeps the connection."""
    async with running() as pod:
        client = await connect(pod)
        for _ in range(3):
            client.send(GET)
            reply = await client.reply()
            assert (reply.version, reply.status, reply.body) == ("HTTP/1.1", 200, b"version:v1\n")
            assert reply.headers["content-type"] == "text/plain; charset=utf-8"
            assert reply.headers["x-app-name"] == "http-echo"
            assert reply.headers["date"].endswith("GMT")
            assert "connection" not in reply.headers


async def test_head_has_a_length_and_no_body() -> None:
    """HEAD is answered as GET would be, without the body."""
    async with running() as pod:
        client = await connect(pod)
        client.send("HEAD / HTTP/1.1\nHost: echo\n\n" + GET)
        assert (await client.reply(head=True)).headers["content-length"] == "11"
        assert (await client.reply()).body == b"version:v1\n"


async def test_http_1_0() -> None:
    """HTTP/1.0 closes after an answer unless it asks for keep-alive."""
    async with running() as pod:
        client = await connect(pod)
        client.send("GET / HTTP/1.0\nConnection: keep-alive\n\n")
        assert (await client.reply()).headers["connection"] == "keep-alive"
        client.send("GET / HTTP/1.0\n\n")
        assert (await client.reply()).headers["connection"] == "close"
        assert await client.ended()


async def test_connection_close() -> None:
    """A client that says it closes is closed."""
    async with running() as pod:
        client = await connect(pod)
        client.send("GET / HTTP/1.1\nHost: echo\nConnection: close\n\n")
        assert (await client.reply()).headers["connection"] == "close"
        assert await client.ended()


@pytest.mark.parametrize(
    "body",
    ["Content-Length: 5\n\nhello", "Transfer-Encoding: chunked\n\n2\nhe\n3\nllo\n0\n\n", "Content-Length: 0\n\n"],
)
async def test_bodies_are_counted(body: str) -> None:
    """A body is counted whether its length is given or it comes in chunks."""
    async with running(JSON) as pod:
        client = await connect(pod)
        client.send(f"POST /a?b=c HTTP/1.1\nHost: echo\n{body}")
        told = json.loads((await client.reply()).body)
        assert told["body_size"] == (0 if body.startswith("Content-Length: 0") else 5)
        assert (told["method"], told["path"], told["query"], told["pod"]) == ("POST", "/a", "b=c", "echo-1")


async def test_expect_100_continue() -> None:
    """A client that waits for it is told to send its body."""
    async with running(JSON) as pod:
        client = await connect(pod)
        client.send("POST / HTTP/1.1\nHost: echo\nContent-Length: 5\nExpect: 100-continue\n\n")
        assert (await client.reply()).status == 100
        client.send("hello")
        assert json.loads((await client.reply()).body)["body_size"] == 5


async def test_an_upgrade_is_not_taken() -> None:
    """A request to upgrade is answered as any other, and the connection closed after it."""
    async with running() as pod:
        client = await connect(pod)
        client.send("GET / HTTP/1.1\nHost: echo\nConnection: Upgrade\nUpgrade: websocket\n\nnot http")
        reply = await client.reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert await client.ended()


async def test_what_is_no_http() -> None:
    """Garbage is answered with 400, after the requests before it, and the connection closed."""
    async with running() as pod:
        client = await connect(pod)
        client.send(GET + "garbage\n\n")
        assert (await client.reply()).status == 200
        assert (await client.reply()).status == 400
        assert await client.ended()


async def test_answers_without_a_body() -> None:
    """A status that has no body gets neither body nor length."""

    class NoContent:
        def answer(self, _request: object) -> Answer:
            return Answer(204, b"", b"text\n")

    async with running(NoContent()) as pod:
        client = await connect(pod)
        client.send(GET)
        reply = await client.reply()
        assert (reply.status, reply.headers.get("content-length")) == (204, None)
        client.send(GET)
        assert (await client.reply()).status == 204


async def test_one_byte_at_a_time() -> None:
    """However a request is cut into packets, it is read the same."""
    async with running(JSON) as pod:
        client = await connect(pod)
        for character in "PUT /long/path HTTP/1.1\nHost: echo\nX-A: 1\nContent-Length: 3\n\nabc":
            client.send(character)
            await client.writer.drain()
            await asyncio.sleep(0)
        told = json.loads((await client.reply()).body)
        assert (told["path"], told["headers"]["x-a"], told["body_size"]) == ("/long/path", "1", 3)


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Delayed answers keep their order, also where more requests wait than are read ahead."""
    count = 3 * MAX_PIPELINED
    async with running(JSON, Behaviour(latency=Latency("uniform", 0.0, 0.001))) as pod:
        client = await connect(pod)
        client.send("".join(f"GET /{number} HTTP/1.1\nHost: echo\n\n" for number in range(count)))
        paths = [json.loads((await client.reply()).body)["path"] for _ in range(count)]
        assert paths == [f"/{number}" for number in range(count)]


async def test_a_slow_reader_is_waited_for() -> None:
    """A client that sends and does not read is not read from either, and loses nothing."""
    count = 30_000
    async with running() as pod:
        client = await connect(pod)
        client.send(GET * count)
        await asyncio.sleep(0.05)  # the pause is the slow reader: meanwhile every buffer fills up
        for _ in range(count):
            assert (await client.reply()).body == b"version:v1\n"


async def test_latency_delays_an_answer() -> None:
    """A scripted latency passes before the answer."""
    async with running(TEXT, Behaviour(latency=Latency("fixed", 0.05))) as pod:
        client = await connect(pod)
        loop = asyncio.get_running_loop()
        start = loop.time()
        client.send(GET)
        assert (await client.reply()).status == 200
        assert loop.time() - start >= 0.049


async def test_a_half_closed_client_gets_its_answer() -> None:
    """A client that closes its sending side still gets a delayed answer."""
    async with running(TEXT, Behaviour(latency=Latency("fixed", 0.02))) as pod:
        client = await connect(pod)
        client.send(GET)
        client.writer.write_eof()
        assert (await client.reply()).body == b"version:v1\n"
        assert await client.ended()


async def statuses(client: Client, count: int) -> list[int]:
    client.send(GET * count)
    return [(await client.reply()).status for _ in range(count)]


async def test_errors_at_their_rate_and_repeatable() -> None:
    """Errors come at the scripted rate; the same seed and pod name give the same ones."""
    behaviour = Behaviour(error_rate=0.2, error_code=503)
    seen = []
    for seed in (7, 7, 8):
        async with running(TEXT, behaviour, PodRuntime(seed)) as pod:
            client = await connect(pod)
            seen.append(await statuses(client, 2000))
        assert 300 < seen[0].count(503) < 500
    assert set(seen[0]) == {200, 503}
    assert seen[0] == seen[1] != seen[2]


async def test_degrade_after() -> None:
    """Latency and errors begin when the pod is old enough, by the clock it is given."""
    now = 1000.0
    runtime = PodRuntime(now=lambda: now)
    async with running(TEXT, Behaviour(error_rate=1.0, degrade_after=30.0), runtime) as pod:
        client = await connect(pod)
        assert await statuses(client, 3) == [200] * 3
        now += 29.9
        assert await statuses(client, 3) == [200] * 3
        now += 0.2
        assert await statuses(client, 3) == [500] * 3


async def test_the_date_moves_on() -> None:
    """The date is that of the wall clock the pod is given."""
    wall = 0.0
    async with running(runtime=PodRuntime(wall=lambda: wall)) as pod:
        client = await connect(pod)
        client.send(GET)
        assert (await client.reply()).headers["date"] == "Thu, 01 Jan 1970 00:00:00 GMT"
        wall = 61.5
        client.send(GET)
        assert (await client.reply()).headers["date"] == "Thu, 01 Jan 1970 00:01:01 GMT"


@given(st.binary(max_size=300))
def test_no_bytes_break_a_pod(junk: bytes) -> None:
    """Whatever is sent, the connection ends or waits, and the pod goes on."""

    async def run() -> None:
        async with running() as pod:
            client = await connect(pod)
            client.writer.write(junk)
            client.writer.write_eof()
            await client.reader.read()
            other = await connect(pod)
            other.send(GET)
            assert (await other.reply()).status == 200
            assert not cast(PodServer, pod.server).draining

    asyncio.run(run())
