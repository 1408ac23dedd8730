"""Outlier detection in a worker: endpoints that fail get no requests, and come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.model import HealthCheck, LoadBalancer, OutlierDetection, Policies, TcpCheck
from edgesim.model.policies import RetryPolicy
from tests.proxy.scenes import (
    OK,
    Client,
    Gateway,
    Upstream,
    answering,
    cluster,
    forwarding,
    gateway,
    model,
    playing,
    to,
    until,
    upstream,
)

BROKEN = b"HTTP/1.1 500 Broken\r\ncontent-length: 6\r\n\r\nbroken"
QUICK = OutlierDetection(consecutive_5xx=2, interval=0.05, base_ejection_time=0.1, max_ejection_percent=50)
LONG = replace(QUICK, base_ejection_time=300.0)
NO_PANIC = LoadBalancer(panic_threshold=0.0)


async def statuses(client: Client, count: int) -> list[int]:
    return [(await client.ask()).status for _ in range(count)]


def ejected(gw: Gateway, up: Upstream) -> bool:
    return gw.worker.snapshot.clusters["echo"].balancer.health["127.0.0.1", up.port].ejected_until is not None


async def test_an_endpoint_that_answers_with_errors_gets_no_requests_for_a_while() -> None:
    """After two errors all requests go to the other one; after the ejection's time it is asked again."""
    async with upstream(BROKEN) as bad, upstream(OK) as good:
        served = model([to()], [cluster(bad.endpoint, good.endpoint, outlier=QUICK)])
        async with gateway(served) as gw:
            client = await gw.client()
            assert sorted(await statuses(client, 4)) == [200, 200, 500, 500]
            assert ejected(gw, bad)
            asked = len(bad.heads)
            assert await statuses(client, 6) == [200] * 6
            assert len(bad.heads) == asked
            await until(lambda: not ejected(gw, bad), "it does not come back")
            await statuses(client, 2)
            assert len(bad.heads) == asked + 1


@pytest.mark.parametrize("script", [playing(None), playing(None, None)], ids=["resets", "resets again"])
async def test_connections_that_are_reset_count_as_errors(script: object) -> None:
    """Two resets before an answer eject."""
    async with upstream(script) as bad, upstream(OK) as good:  # type: ignore[arg-type]
        served = model([to()], [cluster(bad.endpoint, good.endpoint, outlier=LONG)])
        async with gateway(served) as gw:
            client = await gw.client()
            assert sorted(await statuses(client, 4)) == [200, 200, 503, 503]
            assert ejected(gw, bad)


async def test_refused_connections_count_as_errors() -> None:
    """An endpoint that nobody listens at is ejected, and a retry finds the other one."""
    async with upstream(OK) as gone:
        pass
    again = Policies(retries=RetryPolicy(("connect-failure",), base_interval=0.001))
    async with upstream(OK) as good:
        served = model([to()], [cluster(gone.endpoint, good.endpoint, outlier=LONG)], policies=again)
        async with gateway(served) as gw:
            assert await statuses(await gw.client(), 4) == [200] * 4
            assert ejected(gw, gone)


async def test_tries_that_take_too_long_count_as_errors() -> None:
    """An endpoint that does not answer within the route's timeout is ejected; with two of them, at most one."""
    async with upstream(answering(b"")) as one, upstream(answering(b"")) as other:
        served = model([to(timeout=0.05)], [cluster(one.endpoint, other.endpoint, outlier=LONG)])
        async with gateway(served) as gw:
            assert await statuses(await gw.client(), 4) == [504] * 4
            assert sorted((ejected(gw, one), ejected(gw, other))) == [False, True]


async def test_an_endpoint_without_outlier_detection_is_never_out() -> None:
    """Where the cluster has none nobody watches."""
    async with forwarding(BROKEN) as (gw, up):
        await statuses(await gw.client(), 6)
        assert not ejected(gw, up)
        assert all(pool.watch is None for pool in gw.worker.snapshot.clusters["echo"].pools.values())


async def test_outlier_detection_that_is_taken_away_lets_everybody_back_in() -> None:
    """A reload without it ends every ejection; one that keeps it keeps them."""
    async with upstream(BROKEN) as bad, upstream(OK) as good:
        served = model([to()], [cluster(bad.endpoint, good.endpoint, outlier=LONG)])
        async with gateway(served) as gw:
            await statuses(await gw.client(), 4)
            gw.serve(
                model(
                    [to(timeout=3.0)], [cluster(bad.endpoint, good.endpoint, outlier=LONG, overprovisioning_factor=141)]
                )
            )
            assert ejected(gw, bad)
            gw.serve(model([to()], [cluster(bad.endpoint, good.endpoint)]))
            assert not ejected(gw, bad)


async def test_nobody_is_healthy_before_the_first_check() -> None:
    """Endpoints that are checked get requests once a check passed; a pass also ends an ejection."""
    check = HealthCheck(1.0, 1.0, 1, 1, TcpCheck())
    async with upstream(OK) as up, upstream(OK) as other:
        two = cluster(up.endpoint, other.endpoint, outlier=LONG, health_checks=(check,), balancer=NO_PANIC)
        async with gateway(model([to()], [two])) as gw:
            client = await gw.client()
            reply = await client.ask()
            assert (reply.status, reply.body) == (503, b"no healthy upstream")
            address = ("127.0.0.1", up.port)
            gw.worker.compiler.take_health("echo", {address: True})
            assert await statuses(client, 2) == [200, 200]
            health = gw.worker.snapshot.clusters["echo"].balancer.health
            gw.worker.snapshot.clusters["echo"].pools[address].watch.failed(503)  # type: ignore[union-attr]
            gw.worker.snapshot.clusters["echo"].pools[address].watch.failed(503)  # type: ignore[union-attr]
            assert not health[address].healthy
            gw.worker.compiler.take_health("echo", {address: True})
            assert health[address].healthy
            gw.worker.compiler.take_health("echo", {address: False})
            assert await statuses(client, 1) == [503]
            gw.worker.compiler.take_health("echo", {address: True})
            gw.serve(model([to()], [replace(two, outlier=None)]))
            assert await statuses(client, 1) == [200]
            gw.worker.compiler.take_health("echo", {address: None})
            assert await statuses(client, 1) == [503]
