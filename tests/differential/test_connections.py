"""Connections to endpoints beside real Envoy: how long they are used, when they are closed, probed and given up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from edgesim.model import NO_POLICIES, Cluster, ClusterType, ConnectionSettings, Endpoint, LoadBalancer, TcpKeepalive
from edgesim.telemetry.sources import monotonic
from tests.differential import kernel
from tests.differential.balancing_servers import (
    DEADLINE,
    SIDES,
    Connection,
    Server,
    answer,
    ask,
    endpoints,
    follow,
    lines,
    serve,
    servers,
    wait_until,
)
from tests.differential.random_sides import Sides

pytestmark = pytest.mark.slow


@asynccontextmanager
async def one(sides: Sides, connection: ConnectionSettings) -> AsyncIterator[Server]:
    """Let both engines serve one endpoint."""
    async with servers(1) as ups:
        await follow(sides, endpoints(ups), connection=connection)
        yield ups[0]


async def ask_both(sides: Sides, count: int = 1) -> None:
    with lines(sides) as of:
        for side in SIDES:
            for _ in range(count):
                assert (await ask(side, of[side])).isdigit()


@pytest.mark.parametrize(("most", "carried"), [(3, [3, 3, 2]), (1, [1] * 8), (0, [8])])
async def test_requests_of_a_connection(most: int, carried: list[int], sides: Sides) -> None:
    """Of eight requests one after the other each connection carries so many at most; 0 is no limit."""
    async with one(sides, ConnectionSettings(max_requests_per_connection=most)) as up:
        await ask_both(sides, 8)
        assert [[each.requests for each in up.connections[side]] for side in SIDES] == [carried, carried]


IDLE = 1.5


async def test_idle_connections_are_closed(sides: Sides) -> None:
    """A connection nobody used for the idle timeout is closed, not before, and one that is used lives on."""
    async with one(sides, ConnectionSettings(idle_timeout=IDLE)) as up:
        end = monotonic() + 2 * IDLE
        while monotonic() < end:
            await ask_both(sides)
            await asyncio.sleep(IDLE / 20)
        assert [len(up.connections[side]) for side in SIDES] == [1, 1]
        for side in SIDES:
            [connection] = up.connections[side]
            await wait_until(connection.is_closed, f"{side} keeps an idle connection")
            assert connection.was_idle >= IDLE - 0.02, side


async def test_connections_stay_without_an_idle_timeout(sides: Sides) -> None:
    """A timeout of 0 is none."""
    async with one(sides, ConnectionSettings(idle_timeout=0.0)) as up:
        await ask_both(sides)
        await asyncio.sleep(IDLE)
        await ask_both(sides)
        assert [[each.requests for each in up.connections[side]] for side in SIDES] == [[2], [2]]


PROBES = TcpKeepalive(probes=2, time=2, interval=1)
"""A silent peer is given up after 2 s and two probes, one second apart."""


@pytest.mark.skipif(not kernel.CAN_TELL, reason="only Linux tells how another process's socket is probed")
async def test_keepalive(sides: Sides) -> None:
    """Both probe an idle connection when its time is over, so often, and give it up an interval after the last probe."""
    async with one(sides, ConnectionSettings(tcp_keepalive=PROBES)) as up:
        await ask_both(sides)
        seen = await asyncio.gather(*(given_up(up.connections[side][0]) for side in SIDES))
    for side, (first, unanswered, took) in zip(SIDES, seen, strict=True):
        assert 1.0 < first <= 2.0, side
        assert unanswered <= {0, 1, 2}, side
        assert {1, 2} <= unanswered, side
        assert 3.9 <= took < 5.5, side


async def given_up(connection: Connection) -> tuple[float, set[int], float]:
    """Fall silent; return when the first probe was due, how many were seen to be unanswered, and how long all took."""
    ends, began = connection.engines_end, monotonic()
    probing = kernel.probing(*ends)
    assert probing is not None
    kernel.fall_silent(connection.writer.get_extra_info("socket"))
    first, unanswered = probing.due, set[int]()
    while monotonic() < began + DEADLINE:
        try:
            probing = kernel.probing(*ends)
        except LookupError:
            return first, unanswered, monotonic() - began
        unanswered |= set() if probing is None else {probing.unanswered}
        await asyncio.sleep(0.05)
    raise AssertionError("the silent peer is not given up")


@pytest.mark.skipif(not kernel.CAN_TELL, reason="only Linux tells how another process's socket is probed")
async def test_no_keepalive(sides: Sides) -> None:
    """Without the setting nobody probes."""
    async with one(sides, ConnectionSettings()) as up:
        await ask_both(sides)
        assert [kernel.probing(*up.connections[side][0].engines_end) for side in SIDES] == [None, None]


@pytest.mark.parametrize("closes", [True, False])
async def test_connections_when_endpoints_change(closes: bool, sides: Sides) -> None:
    """An endpoint that stays keeps its idle connection when another one comes, unless all are to be closed then."""
    async with servers(2) as ups:
        balancer = LoadBalancer(close_connections_on_host_set_change=closes)
        await follow(sides, endpoints(ups[:1]), balancer=balancer)
        await ask_both(sides)
        await follow(sides, endpoints(ups), balancer=balancer)
        for side in SIDES:
            [old] = ups[0].connections[side]
            if closes:
                await wait_until(old.is_closed, f"{side} keeps a connection")
        await ask_both(sides, 4)
        for side in SIDES:
            assert [each.requests for each in ups[0].connections[side]] == ([1, 2] if closes else [3]), side


TIMEOUT = 0.5


async def test_an_address_that_does_not_answer(sides: Sides) -> None:
    """After the connect timeout a client gets 503 and Envoy's words: the queue of who listens there is full."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # what the queue takes, and more
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        cluster = Cluster(
            "up",
            ClusterType.STATIC,
            (Endpoint("127.0.0.1", full.getsockname()[1]),),
            connection=ConnectionSettings(TIMEOUT),
        )
        await serve(sides, cluster, {}, NO_POLICIES)
        began = monotonic()
        with lines(sides) as of:
            came = [await answer(side, of[side]) for side in SIDES]
        assert monotonic() - began >= 2 * TIMEOUT - 0.02
    assert came[0].status == came[1].status == 503
    assert came[0].body == came[1].body
    assert came[0].body.endswith(b"connection timeout")
