"""Upstreams that are broken on purpose, as clients, retries, outlier detection and health checks meet them."""

from __future__ import annotations

import asyncio

import pytest

from edgesim.model import (
    BalancerKind,
    CircuitBreakers,
    HealthCheck,
    HttpCheck,
    LoadBalancer,
    OutlierDetection,
    Policies,
    TcpCheck,
)
from edgesim.model.policies import RetryPolicy
from edgesim.policies.breakage import Breakage
from edgesim.proxy.health_checks import HealthChecks
from tests.proxy.scenes import DEADLINE, GET, Client, Peer, cluster, forwarding, gateway, model, to, until, upstream

RESET_BODY = b"upstream connect error or disconnect/reset before headers. reset reason: "


@pytest.mark.parametrize(
    ("breakage", "status", "body"),
    [
        (Breakage(error_rate=1.0), 500, b"broken on purpose\n"),
        (Breakage(reset=True), 503, RESET_BODY + b"connection termination"),
        (Breakage(kill=True), 503, RESET_BODY + b"remote connection failure"),
        (Breakage(hang=True), 504, b"upstream request timeout"),
        (Breakage(latency=10.0), 504, b"upstream request timeout"),
        (Breakage(latency=0.01), 200, b"ok"),
    ],
)
@pytest.mark.parametrize("by", ["cluster", "address"])
async def test_what_a_client_sees(breakage: Breakage, status: int, body: bytes, by: str) -> None:
    """It is what it would see if the endpoint did it; mended, all is as before, on the same connection."""
    async with forwarding(timeout=0.2) as (gw, up):
        client = await gw.client()
        gw.worker.compiler.break_({"echo" if by == "cluster" else f"127.0.0.1:{up.port}": breakage})
        reply = await client.ask()
        assert (reply.status, reply.body) == (status, body)
        gw.worker.compiler.break_({})
        assert (await client.ask()).body == b"ok"
        assert len(up.heads) == 1 + (status == 200)


async def test_bodies_and_heads_pass_what_is_only_slow() -> None:
    """A body that comes meanwhile waits, however large; an error to a HEAD has no body."""
    got = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.exactly(500_000)
        got.set()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with forwarding(script) as (gw, _):
        gw.worker.compiler.break_({"echo": Breakage(latency=0.02)})
        client = await gw.client()
        reply = await client.ask(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 500000\r\n\r\n" + b"x" * 500_000)
        assert (reply.status, got.is_set()) == (200, True)
        gw.worker.compiler.break_({"echo": Breakage(error_rate=1.0)})
        assert (await client.ask(b"HEAD / HTTP/1.1\r\nhost: any\r\n\r\n")).status == 500


async def test_retries_and_outlier_detection_see_it() -> None:
    """A retry finds the endpoint that is whole, and the broken one is ejected."""
    again = Policies(retries=RetryPolicy(("5xx",), base_interval=0.001))
    outlier = OutlierDetection(consecutive_5xx=2, base_ejection_time=300.0, max_ejection_percent=50)
    for breakage in (Breakage(error_rate=1.0), Breakage(reset=True), Breakage(kill=True)):
        async with upstream() as one, upstream() as other:
            served = model([to()], [cluster(one.endpoint, other.endpoint, outlier=outlier)], policies=again)
            async with gateway(served) as gw:
                gw.worker.compiler.break_({f"127.0.0.1:{one.port}": breakage})
                client: Client = await gw.client()
                assert [(await client.ask()).status for _ in range(6)] == [200] * 6
                assert not one.heads
                health = gw.worker.snapshot.clusters["echo"].balancer.health
                assert health["127.0.0.1", one.port].ejected_until is not None


async def test_what_hangs_is_under_way_for_breakers_and_balancers() -> None:
    """It holds a connection: the next waits, a third is refused, and whoever waited passes once all is mended."""
    breakers = CircuitBreakers(max_connections=1, max_pending_requests=1)
    async with upstream() as up, gateway(model([to()], [cluster(up.endpoint, breakers=breakers)])) as gw:
        gw.worker.compiler.break_({"echo": Breakage(hang=True)})
        load = gw.worker.snapshot.clusters["echo"].load
        first, second, third = [await gw.client() for _ in range(3)]
        first.send(GET)
        await until(lambda: load.requests() == 1, "the first is not under way")
        second.send(GET)
        await until(lambda: load.pending == 1, "the second does not wait")
        assert (await third.ask()).body == RESET_BODY + b"overflow"
        gw.worker.compiler.break_({})
        first.reset()
        assert (await second.reply()).body == b"ok"
        await until(lambda: not load.requests() and not load.pending, "something is not given back")


async def test_least_request_avoids_what_is_slow() -> None:
    """A request that waits in a broken endpoint counts there, so that the next goes to the other one."""
    async with upstream() as one, upstream() as other:
        picks = LoadBalancer(BalancerKind.LEAST_REQUEST, choice_count=20)
        async with gateway(model([to()], [cluster(one.endpoint, other.endpoint, balancer=picks)])) as gw:
            gw.worker.compiler.break_({f"127.0.0.1:{one.port}": Breakage(hang=True)})
            record = gw.worker.snapshot.clusters["echo"].balancer.health["127.0.0.1", one.port]
            clients: list[Client] = []
            while not record.active:
                clients.append(await gw.client())
                clients[-1].send(GET)
                await until(lambda: record.active or len(other.heads) == len(clients), "it goes nowhere")
            client = await gw.client()
            assert [(await client.ask()).status for _ in range(20)] == [200] * 20


async def test_what_is_killed_takes_no_connection() -> None:
    """Idle connections to it are closed, and those that fail are counted as such."""
    async with forwarding() as (gw, up):
        client = await gw.client()
        assert (await client.ask()).status == 200
        gw.worker.compiler.break_({"echo": Breakage(kill=True)})
        assert (await client.ask()).status == 503
        load = gw.worker.snapshot.clusters["echo"].load
        assert (load.connect_failures, load.requests(), up.connections) == (1, 0, 1)
        await until(lambda: not load.connections, "a connection is left")


async def test_a_client_that_leaves_is_forgotten() -> None:
    """Whoever hangs when its client leaves is not under way any more."""
    async with forwarding() as (gw, _):
        gw.worker.compiler.break_({"echo": Breakage(hang=True)})
        client = await gw.client()
        client.send(b"GET / HTTP/1.1\r\nhost: any\r\n\r\n")
        await until(lambda: gw.worker.active, "the request does not come")
        client.reset()
        await until(lambda: not gw.worker.active, "it is under way still")


@pytest.mark.parametrize(
    "breakage", [Breakage(error_rate=1.0), Breakage(reset=True), Breakage(kill=True), Breakage(hang=True)]
)
async def test_health_checks_see_it(breakage: Breakage) -> None:
    """What is broken fails its checks, too; mended, it passes."""
    news: list[bool | None] = []
    check = HealthCheck(0.05, 0.01, 1, 1, HttpCheck("/"), no_traffic_interval=0.01)
    checks = HealthChecks(lambda: 0, lambda _name, found: news.extend(found.values()))
    async with upstream() as up:
        checks.breakages = {"echo": breakage}
        checks.follow([(cluster(up.endpoint, health_checks=(check,)), (up.endpoint,))])
        await checks.known(["echo"], DEADLINE)
        assert news == [False]
        checks.breakages = {}
        await until(lambda: news == [False, True], "it does not recover")
        checks.close()


@pytest.mark.parametrize(
    ("breakage", "check", "passes"),
    [
        (Breakage(error_rate=1.0), TcpCheck(), True),
        (Breakage(hang=True), TcpCheck(), True),
        (Breakage(reset=True), TcpCheck(send=b"any"), True),
        (Breakage(latency=10.0), TcpCheck(), True),
        (Breakage(kill=True), TcpCheck(), False),
        (Breakage(error_rate=1.0), TcpCheck(b"any", (b"200",)), False),
        (Breakage(hang=True), TcpCheck(b"any", (b"200",)), False),
    ],
)
async def test_a_check_that_only_connects_sees_no_bad_answers(
    breakage: Breakage, check: TcpCheck, passes: bool
) -> None:
    """Over TCP, where nothing is to be received, only what takes no connection fails; as with a real pod."""
    news: list[bool | None] = []
    checks = HealthChecks(lambda: 0, lambda _name, found: news.extend(found.values()))
    async with upstream() as up:
        checks.breakages = {"echo": breakage}
        checks.follow([(cluster(up.endpoint, health_checks=(HealthCheck(0.2, 10, 1, 1, check),)), (up.endpoint,))])
        await checks.known(["echo"], DEADLINE)
        assert news == [passes]
        checks.close()
