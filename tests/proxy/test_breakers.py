"""Circuit breakers between real sockets: who is refused, what they are told, and that all is given back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edgesim.model import CircuitBreakers, ConnectionSettings, LoadBalancer, Policies
from edgesim.model.policies import RetryPolicy
from edgesim.proxy.access_log import AccessLog, compile_format
from tests.proxy.scenes import (
    GET,
    OK,
    Client,
    Gateway,
    Peer,
    cluster,
    forwarding,
    gateway,
    model,
    to,
    until,
    upstream,
    with_options,
)

OVERFLOW = b"upstream connect error or disconnect/reset before headers. reset reason: overflow"


class Held:
    """A script that answers when told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self, peer: Peer) -> None:
        while await peer.head():
            self.asked += 1
            await self.go.wait()
            peer.send(OK)


async def begun(gw: Gateway, held: Held, count: int) -> list[Client]:
    """Send requests that wait for their answers."""
    clients = []
    for number in range(1, count + 1):
        client = await gw.client()
        client.send(GET)
        await until(lambda wanted=number: held.asked == wanted, "a request does not reach the upstream")  # type: ignore[misc]
        clients.append(client)
    return clients


def nothing_is_held(gw: Gateway) -> bool:
    load = gw.worker.snapshot.clusters["echo"].load
    return (
        not load.pending
        and not load.requests()
        and load.connections == sum(len(pool.idle) for pool in gw.worker.snapshot.clusters["echo"].pools.values())
    )


async def test_more_requests_than_there_may_be(tmp_path: Path) -> None:
    """With two under way the third is 503 with Envoy's words, header and flag, and not tried again; then all is free."""
    held = Held()
    breakers = CircuitBreakers(max_requests=2)
    again = Policies(retries=RetryPolicy(("5xx",), base_interval=0.001))
    async with (
        upstream(held) as up,
        gateway(model([to()], [cluster(up.endpoint, breakers=breakers)], policies=again)) as gw,
    ):
        log = tmp_path / "log"
        gw.worker.log = AccessLog(compile_format("%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"), str(log))
        clients = await begun(gw, held, 2)
        third = await (await gw.client()).ask()
        assert (third.status, third.body) == (503, OVERFLOW)
        assert third.headers["x-envoy-overloaded"] == "true"
        assert held.asked == 2
        held.go.set()
        assert [(await client.reply()).status for client in clients] == [200, 200]
        assert (await (await gw.client()).ask()).status == 200
        await until(lambda: nothing_is_held(gw), "something is not given back")
        assert gw.worker.snapshot.clusters["echo"].load.request_overflows == 1
        await until(lambda: log.exists() and log.read_text().count("\n") == 4, "lines are missing")
        assert log.read_text().splitlines()[0] == "UO upstream_reset_before_response_started{overflow}"


async def test_beyond_the_connections_requests_wait_and_beyond_these_they_are_refused() -> None:
    """With one connection and one place to wait the second request waits for the first, the third is refused."""
    held = Held()
    breakers = CircuitBreakers(max_connections=1, max_pending_requests=1)
    async with upstream(held) as up, gateway(model([to()], [cluster(up.endpoint, breakers=breakers)])) as gw:
        (first,) = await begun(gw, held, 1)
        second = await gw.client()
        second.send(GET)
        load = gw.worker.snapshot.clusters["echo"].load
        await until(lambda: load.pending == 1, "the second does not wait")
        assert (await (await gw.client()).ask()).body == OVERFLOW
        held.go.set()
        assert [(await client.reply()).status for client in (first, second)] == [200, 200]
        assert up.connections == 1
        assert (load.connection_overflows, load.pending_overflows) == (1, 1)
        await until(lambda: nothing_is_held(gw), "something is not given back")


async def test_an_endpoint_without_a_connection_may_always_open_one() -> None:
    """The limit is the cluster's: another endpoint holds the only connection, and still nobody waits for ever."""
    held = Held()
    breakers = CircuitBreakers(max_connections=1)
    async with upstream(held) as one, upstream(held) as other:
        served = model([to()], [cluster(one.endpoint, other.endpoint, breakers=breakers)])
        async with gateway(served) as gw:
            clients = await begun(gw, held, 2)
            assert (one.connections, other.connections) == (1, 1)
            held.go.set()
            assert [(await client.reply()).status for client in clients] == [200, 200]


async def test_who_goes_away_waits_no_more() -> None:
    """A client that is gone gives its place to wait back."""
    held = Held()
    breakers = CircuitBreakers(max_connections=1, max_pending_requests=1)
    async with upstream(held) as up, gateway(model([to()], [cluster(up.endpoint, breakers=breakers)])) as gw:
        await begun(gw, held, 1)
        load = gw.worker.snapshot.clusters["echo"].load
        gone = await gw.client()
        gone.send(GET)
        await until(lambda: load.pending == 1, "the second does not wait")
        gone.reset()
        await until(lambda: load.pending == 0, "it waits still")
        held.go.set()


async def test_connections_that_fail_are_not_counted_any_more() -> None:
    """Neither those that were refused nor those the upstream closed."""
    async with forwarding(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n") as (gw, up):
        client = await gw.client()
        for _ in range(3):
            assert (await client.ask()).status == 200
        load = gw.worker.snapshot.clusters["echo"].load
        await until(lambda: load.connections == 0, "connections that are closed are counted")
    async with gateway(model([to()], [cluster(up.endpoint)])) as gw:
        assert (await (await gw.client()).ask()).status == 503
        assert gw.worker.snapshot.clusters["echo"].load.connections == 0


async def test_a_cluster_may_take_nothing_new() -> None:
    """With no place to wait there is never a first connection: everything is refused, as in Envoy."""
    async with upstream() as up:
        breakers = CircuitBreakers(max_pending_requests=0)
        served = model([to()], [cluster(up.endpoint, breakers=breakers)])
        async with gateway(with_options(served, suppress_envoy_headers=True)) as gw:
            reply = await (await gw.client()).ask()
            assert (reply.status, reply.body) == (503, OVERFLOW)
            assert "x-envoy-overloaded" not in reply.headers


async def test_a_connection_serves_so_many_requests() -> None:
    """With two for each connection, five requests take three connections."""
    settings = ConnectionSettings(max_requests_per_connection=2)
    async with upstream() as up, gateway(model([to()], [cluster(up.endpoint, connection=settings)])) as gw:
        client = await gw.client()
        for _ in range(5):
            assert (await client.ask()).status == 200
        assert up.connections == 3


async def test_a_connection_that_nobody_uses_is_closed() -> None:
    """After the idle timeout; one that is in use stays."""
    held = Held()
    settings = ConnectionSettings(idle_timeout=0.05)
    async with upstream(held) as up, gateway(model([to()], [cluster(up.endpoint, connection=settings)])) as gw:
        clients = await begun(gw, held, 1)
        load = gw.worker.snapshot.clusters["echo"].load
        held.go.set()
        assert (await clients[0].reply()).status == 200
        await until(lambda: load.connections == 0, "it stays open")
        assert (await clients[0].ask()).status == 200
        assert up.connections == 2


@pytest.mark.parametrize("closes", [True, False])
async def test_connections_when_endpoints_come(closes: bool) -> None:
    """Those there are go on, unless the cluster asks for new ones whenever its endpoints change."""
    async with upstream() as up, upstream() as other:
        balancer = LoadBalancer(close_connections_on_host_set_change=closes)
        async with gateway(model([to()], [cluster(up.endpoint, balancer=balancer)])) as gw:
            client = await gw.client()
            await client.ask()
            gw.serve(model([to()], [cluster(up.endpoint, other.endpoint, balancer=balancer)]))
            for _ in range(4):
                await client.ask()
            assert (up.connections, other.connections) == (1 + closes, 1)
