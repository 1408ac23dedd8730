"""Tries under real concurrency: the retry budget, and what becomes of an answer that is not passed on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.model import CircuitBreakers, Model, Policies
from edgesim.model.policies import RetryPolicy
from edgesim.proxy.access_log import AccessLog, compile_format
from edgesim.telemetry import spawn
from tests.proxy.scenes import GET, OK, Gateway, Peer, Reply, Upstream, cluster, gateway, model, to, until, upstream

AGAIN = Policies(retries=RetryPolicy(("5xx",), base_interval=0.001))
COUNTED = Policies(include_attempt_count=True)
BROKEN = b"HTTP/1.1 503 Broken\r\ncontent-length: 6\r\n\r\nbroken"
SECRET = b"secret" * 5000
LONG = b"HTTP/1.1 500 No\r\ncontent-length: %d\r\n\r\n" % len(SECRET)
CHUNKED = b"HTTP/1.1 502 No\r\ntransfer-encoding: chunked\r\n\r\n6\r\nsecret\r\n"
RETRIED = {
    "whole": (b"HTTP/1.1 503 No\r\ncontent-length: 6\r\n\r\nsecret",),
    "dated": (b"HTTP/1.1 503 No\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\ncontent-length: 6\r\n\r\nsecret",),
    "long": (LONG + SECRET,),
    "head first": (LONG, SECRET),
    "half": (LONG + SECRET[:100],),
    "chunked": (CHUNKED + b"0\r\n\r\n",),
    "open chunk": (CHUNKED,),
    "two answers": (BROKEN + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret",),
    "to the end": (b"HTTP/1.1 504 No\r\n\r\nsecret",),
}


def retrying(up: Upstream, max_retries: int = 3) -> Model:
    """Retry everything; requests tell which try they are."""
    breakers = CircuitBreakers(max_retries=max_retries)
    return model([replace(to(), policies=AGAIN)], [cluster(up.endpoint, breakers=breakers)], policies=COUNTED)


async def test_the_retry_budget_counts_what_is_retried_at_the_same_time(tmp_path: Path) -> None:
    """Of twenty requests that fail at once three are tried again, the others get their 503 with UO; then it is free."""
    all_came, go = asyncio.Event(), asyncio.Event()
    first = second = 0

    async def script(peer: Peer) -> None:
        nonlocal first, second
        while head := await peer.head():
            if b"x-envoy-attempt-count: 1" in head:
                first += 1
                if first == 20:
                    all_came.set()
                await all_came.wait()
                peer.send(BROKEN)
            else:
                second += 1
                await go.wait()
                peer.send(OK)

    log = tmp_path / "log"
    async with upstream(script) as up:
        served = retrying(up, max_retries=3)
        async with gateway(served) as gw:
            gw.worker.log = AccessLog(compile_format("%RESPONSE_CODE% %RESPONSE_FLAGS%"), str(log))
            asked = [spawn(_ask(gw), name="a client") for _ in range(20)]
            await until(lambda: sum(each.done() for each in asked) == 17, "the budget is not three")
            assert second == 3
            go.set()
            replies = await asyncio.gather(*asked)
            assert sorted(reply.body for reply in replies) == [b"broken"] * 17 + [b"ok"] * 3
            assert (await _ask(gw)).body == b"ok"
            assert gw.worker.snapshot.clusters["echo"].load.retries == 0
            gw.worker.log.close()
            gw.worker.log = None
    assert sorted(log.read_text().splitlines()) == ["200 -"] * 4 + ["503 UO"] * 17


async def _ask(gw: Gateway) -> Reply:
    return await (await gw.client()).ask()


@pytest.mark.parametrize("pieces", RETRIED.values(), ids=RETRIED)
async def test_an_answer_that_is_retried_leaves_nothing_behind(pieces: tuple[bytes, ...]) -> None:
    """However much of it came, and when, no client ever sees a byte of it, and its connection is not used again."""
    failed: list[bytes] = []

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            if b"x-envoy-attempt-count: 1" not in head or b"GET /fine" in head:
                peer.send(OK)
                continue
            failed.append(head)
            for piece in pieces:
                peer.send(piece)
                await peer.writer.drain()
                await asyncio.sleep(0)

    async with upstream(script) as up, gateway(retrying(up)) as gw:
        client = await gw.client()
        for _ in range(3):
            client.send(GET * 2, GET.replace(b" / ", b" /fine "))
            for _ in range(3):
                reply = await client.reply()
                assert (reply.status, reply.body) == (200, b"ok")
        client.send(GET.replace(b"host: any", b"host: any\r\nconnection: close"))
        rest = await client.rest()
        assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
        assert rest.index(b"\r\n\r\n") == len(rest) - len(b"\r\n\r\nok")
        assert (len(failed), up.connections) == (7, 8)


EMPTY = b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n"
DATE = b"date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"


@pytest.mark.parametrize(
    ("method", "answer", "connections"),
    [
        (b"GET", EMPTY + b"\r\n", 1),
        (b"GET", EMPTY + DATE + b"\r\n", 1),
        (b"HEAD", BROKEN.partition(b"broken")[0], 1),
        (b"GET", EMPTY + b"connection: close\r\n\r\n", 4),
        (b"GET", EMPTY + b"\r\n" + OK, 4),
        (b"GET", EMPTY + DATE + b"\r\n" + OK, 4),
    ],
    ids=["empty", "seen before", "to HEAD", "the last one", "more behind it", "more behind one seen before"],
)
async def test_an_empty_answer_that_is_retried_leaves_its_connection(
    method: bytes, answer: bytes, connections: int
) -> None:
    """As in Envoy the next try may use it again, unless the upstream ends it or sent what nobody asked for."""

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            first = b"x-envoy-attempt-count: 1" in head
            peer.send(answer if first else OK.partition(b"ok")[0] if method == b"HEAD" else OK)

    async with upstream(script) as up, gateway(retrying(up)) as gw:
        client = await gw.client()
        for _ in range(3):
            assert (await client.ask(GET.replace(b"GET", method))).status == 200
        assert up.connections == connections


async def test_retries_are_counted_by_what_became_of_them() -> None:
    """As in Envoy: answers that were retried by their status, and requests whose last answer was no reason to."""

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            peer.send(BROKEN if b"/never" in head or b"x-envoy-attempt-count: 1" in head else OK)

    async with upstream(script) as up, gateway(retrying(up)) as gw:
        client = await gw.client()
        for path, status in ((b"/", 200), (b"/never", 503), (b"/", 200)):
            assert (await client.ask(GET.replace(b" / ", b" %b " % path))).status == status
        load = gw.worker.snapshot.clusters["echo"].load
        assert (load.retried_answers, load.retry_successes, load.retry_limits) == ({503: 3}, 2, 1)
