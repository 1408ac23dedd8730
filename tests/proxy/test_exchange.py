"""How long an exchange and each of its tries may take."""

from __future__ import annotations

import pytest

from edgesim.model import Policies, Route
from edgesim.model.policies import RetryPolicy
from edgesim.telemetry.sources import NEVER
from tests.proxy.scenes import (
    GET,
    OK,
    Peer,
    Script,
    cluster,
    direct,
    forwarding,
    gateway,
    model,
    prefix,
    to,
    until,
    upstream,
    with_options,
)

LIMITED = GET[:-2] + b"x-forwarded-for: 10.1.2.3\r\nx-envoy-upstream-stream-duration-ms: 600\r\n\r\n"


def retried(number: int = 1, **options: float) -> Route:
    """Forward everything, and try again whatever fails."""
    route = to()
    policy = RetryPolicy(("5xx",), number, **options)  # type: ignore[arg-type]
    return Route((prefix(),), route.action, policies=Policies(retries=policy))


def hanging(times: int) -> Script:
    """Return the script that answers nothing so many times."""
    left = [times]

    async def follow(peer: Peer) -> None:
        while await peer.head():
            left[0] -= 1
            if left[0] < 0:
                peer.send(OK)

    return follow


async def test_a_longest_stream_is_that_of_each_try() -> None:
    """A try that outlasts what the request allows is made again, as with Envoy, and the last one is a 504."""
    for hangs, status in ((1, 200), (2, 504)):
        async with upstream(hanging(hangs)) as up:
            served = with_options(
                model([retried(base_interval=0.001)], [cluster(up.endpoint)]), internal_addresses=("10.0.0.0/8",)
            )
            async with gateway(served) as gw:
                reply = await (await gw.client()).ask(LIMITED)
                assert reply.status == status
                assert up.connections == 2
    assert reply.body == b"upstream max stream duration reached"


async def test_a_try_that_was_answered_times_out_no_more() -> None:
    """While the next one waits for its turn, the deadline of the one before must not end it."""
    async with forwarding(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n") as (gw, up):
        gw.serve(model([retried(per_try_timeout=5.0, base_interval=1000.0)], [cluster(up.endpoint)]))
        client = await gw.client()
        client.send(GET)
        await until(lambda: any(getattr(each, "waits", None) for each in gw.worker.active), "no other try waits")
        assert [each.try_deadline for each in gw.worker.active] == [NEVER]


@pytest.mark.parametrize(("status", "location"), [(200, None), (201, "http://any/x?y=1"), (302, "http://any/x?y=1")])
async def test_a_direct_response_names_its_location(status: int, location: str | None) -> None:
    """A direct response of 201 or 3xx has the request's own URL as location, as Envoy gives it."""
    async with gateway(model([direct(status=status)])) as made:
        client = await made.client()
        answer = await client.ask(b"GET /x?y=1 HTTP/1.1\r\nhost: any\r\n\r\n")
        assert (answer.status, answer.headers.get("location")) == (status, location)
