"""What is counted of requests that ended."""

from __future__ import annotations

from edgesim.model import CircuitBreakers, Policies
from edgesim.model.policies import RetryPolicy
from edgesim.proxy.states import states
from edgesim.telemetry.histogram import BYTES_OWN, recorded, whole
from tests.proxy.scenes import cluster, counted, forwarding, gateway, model, to, upstream


async def test_what_the_upstream_did_not_answer_has_no_duration_of_its() -> None:
    """A timeout took long, but no upstream answered it; what it answers has a duration."""

    async def silent(peer: object) -> None:
        """Never answer."""

    for script, answered in ((b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", 1), (silent, 0)):
        async with forwarding(script, timeout=0.1) as (gw, up):
            assert (await (await gw.client()).ask()).status in {503, 504}
            ((key, counts),) = counted(gw.worker).items()
            assert key.endpoint == f"127.0.0.1:{up.port}"
            assert (recorded(counts), recorded(whole(counts))) == (answered, 1)
            assert (counts[BYTES_OWN] > 0) is not bool(answered)


async def test_what_a_circuit_breaker_refuses_took_no_time_upstream() -> None:
    """So a version that refuses much does not look fast."""
    breakers = CircuitBreakers(max_requests=0)
    async with upstream() as up, gateway(model([to()], [cluster(up.endpoint, breakers=breakers)])) as gw:
        assert (await (await gw.client()).ask()).status == 503
        (counts,) = counted(gw.worker).values()
        assert (recorded(counts), recorded(whole(counts))) == (0, 1)


async def test_endpoints_know_of_tries_that_were_not_the_last() -> None:
    """What answered badly has an error, though the client never saw it; what could not be reached was sent nothing."""
    again = Policies(retries=RetryPolicy(("5xx",), base_interval=0.001))
    async with upstream(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n") as bad, upstream() as good:
        served = model([to()], [cluster(bad.endpoint, good.endpoint)], policies=again)
        async with gateway(served) as gw:
            client = await gw.client()
            assert [(await client.ask()).status for _ in range(4)] == [200] * 4
            ((_, state),) = states(gw.worker.snapshot.clusters.values(), ())
            hosts = {address: (host.retried, host.unsent) for address, host in state.hosts.items()}
            assert hosts == {f"127.0.0.1:{bad.port}": (len(bad.heads), 0), f"127.0.0.1:{good.port}": (0, 0)}
            assert bad.heads


async def test_what_got_no_connection_was_not_sent() -> None:
    """Neither where a circuit breaker is full, nor where nobody listens."""
    breakers = CircuitBreakers(max_pending_requests=0)
    async with upstream() as up, gateway(model([to()], [cluster(up.endpoint, breakers=breakers)])) as gw:
        assert (await (await gw.client()).ask()).status == 503
        (pool,) = gw.worker.snapshot.clusters["echo"].pools.values()
        assert (pool.refused, pool.unsent) == (1, 0)
    async with gateway(model([to()], [cluster(up.endpoint)])) as gw:
        assert (await (await gw.client()).ask()).status == 503
        (pool,) = gw.worker.snapshot.clusters["echo"].pools.values()
        assert (pool.refused, pool.unsent, pool.failures) == (0, 1, 1)


async def test_what_failed_in_its_last_try_is_counted() -> None:
    """Once for each request, however often it was tried."""
    again = Policies(retries=RetryPolicy(("5xx",), 2, base_interval=0.001))
    async with (
        upstream(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n") as bad,
        gateway(model([to()], [cluster(bad.endpoint)], policies=again)) as gw,
    ):
        client = await gw.client()
        assert [(await client.ask()).status for _ in range(2)] == [503] * 2
        assert gw.worker.snapshot.clusters["echo"].load.retry_limits == 2
        assert len(bad.heads) == 6
