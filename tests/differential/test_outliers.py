"""Outlier detection beside real Envoy, on the same endpoints at the same time: who is ejected for what, and for how long."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from edgesim.model import OutlierDetection
from edgesim.telemetry.sources import monotonic
from tests.differential.balancing_servers import SIDES, Server, ask, endpoints, follow, left_out, lines, servers
from tests.differential.random_sides import Line, Sides

pytestmark = pytest.mark.slow
INTERVAL = 0.5
RATES = OutlierDetection(
    interval=INTERVAL,
    base_ejection_time=300.0,
    max_ejection_percent=50,
    enforcing_consecutive_5xx=0,
    success_rate_request_volume=20,
)


async def rounds(side: str, line: Line, hosts: int, count: int) -> None:
    for _ in range(hosts * count):
        await ask(side, line)


async def is_asked(side: str, line: Line, up: Server, hosts: int) -> bool:
    """Tell whether an endpoint is among those that are asked by turns."""
    before = len(up.asked[side])
    await rounds(side, line, hosts, 3)
    return len(up.asked[side]) > before


async def bursts(side: str, line: Line, up: Server, hosts: int, limit: int) -> bool:
    """Send bursts, an interval each at least, and tell whether the endpoint was ejected after one of them."""
    for _ in range(limit):
        await rounds(side, line, hosts, 40)
        await asyncio.sleep(2 * INTERVAL)
        if not await is_asked(side, line, up, hosts):
            return True
    return False


@pytest.mark.parametrize(
    ("hosts", "changed", "ejected"),
    [
        (5, {}, True),
        (5, {"success_rate_stdev_factor": 2100}, False),
        (6, {"success_rate_stdev_factor": 2100}, True),
        (5, {"success_rate_minimum_hosts": 6}, False),
        (4, {"success_rate_stdev_factor": 1000}, False),
        (4, {"success_rate_stdev_factor": 1000, "success_rate_minimum_hosts": 4}, True),
        (5, {"success_rate_request_volume": 5000}, False),
        (5, {"enforcing_success_rate": 0}, False),
        (5, {"max_ejection_percent": 10}, False),
    ],
)
async def test_success_rates(hosts: int, changed: dict[str, Any], ejected: bool, sides: Sides) -> None:
    """One endpoint of n that alone fails sometimes lies the root of n - 1 deviations below the mean, however often.

    So of five it is ejected at the usual factor of 1.9 and not at 2.1, and of six at 2.1 as well: with enough
    endpoints that had enough requests in an interval, and where it is enforced.
    """
    async with servers(hosts) as ups:
        ups[0].fails_every = 2
        await follow(sides, endpoints(ups), outlier=replace(RATES, **changed))
        with lines(sides) as of:
            found = await asyncio.gather(
                *(bursts(side, of[side], ups[0], hosts, 30 if ejected else 4) for side in SIDES)
            )
    assert dict(zip(SIDES, found, strict=True)) == dict.fromkeys(SIDES, ejected)


async def test_a_volume_counts_each_endpoints_own_requests(sides: Sides) -> None:
    """With 19 requests for each of five endpoints in an interval nobody is looked at, with 20 or more they are."""
    async with servers(5) as ups:
        ups[0].fails_every = 2
        await follow(sides, endpoints(ups), outlier=replace(RATES, success_rate_request_volume=20))
        with lines(sides) as of:
            for side in SIDES:
                await rounds(side, of[side], 5, 19)
            await asyncio.sleep(3 * INTERVAL)
            assert [await is_asked(side, of[side], ups[0], 5) for side in SIDES] == [True, True]
            assert all(await asyncio.gather(*(bursts(side, of[side], ups[0], 5, 30) for side in SIDES)))


BASE, LONGEST, LATE = 2.5, 6.0, 1.0
"""Seconds of the first ejection, of any, and how much later than that a busy machine may notice its end."""
TERMS = OutlierDetection(1, 0.25, BASE, LONGEST, 50)
APART = 0.75
"""An endpoint that was not asked for so many seconds was out. Envoy gathers changes of health for a second
(`update_merge_window`), so that one that is ejected again soon is asked a while longer."""


async def outs(side: str, line: Line, up: Server, count: int) -> list[float]:
    """Ask until an endpoint, which fails, was out so often; return the times from ejection to ejection."""
    first = len(up.asked[side])
    while len(began := _beginnings(up.asked[side][first:])) < count + 1:
        await ask(side, line)
        await asyncio.sleep(0.005)
    return [two - one for one, two in pairwise(began)]


def _beginnings(times: list[float]) -> list[float]:
    return times[:1] + [two for one, two in pairwise(times) if two - one > APART]


async def test_ejections_grow_and_shrink(sides: Sides) -> None:
    """2.5 seconds, twice that, then the longest, 6; after it was well for a while an endpoint is out for less again.

    Each engine lets it in at a look (each 0.25 s) after its time, and never before.
    """
    async with servers(3) as ups:
        await follow(sides, endpoints(ups), outlier=TERMS)
        with lines(sides) as of:
            ups[0].status = 500
            grown = await asyncio.gather(*(outs(side, of[side], ups[0], 3) for side in SIDES))
            ups[0].status = 200
            await asyncio.gather(*(back(side, of[side], ups[0]) for side in SIDES))
            ups[0].status = 500
            again = await asyncio.gather(*(outs(side, of[side], ups[0], 1) for side in SIDES))
    terms = [BASE, 2 * BASE, LONGEST]
    for side, seen in zip(SIDES, grown, strict=True):
        late = [each - term for each, term in zip(seen, terms, strict=True)]
        assert all(-0.02 <= each <= TERMS.interval + LATE for each in late), (side, late)
    for side, (shorter,) in zip(SIDES, again, strict=True):
        assert -0.02 <= shorter - BASE <= TERMS.interval + LATE, (side, shorter)


async def back(side: str, line: Line, up: Server) -> None:
    """Ask until an endpoint is in again, and for so long then that its record is clean."""
    before = len(up.asked[side])
    until = None
    while until is None or monotonic() < until:
        await ask(side, line)
        await asyncio.sleep(0.005)
        if until is None and len(up.asked[side]) > before:
            until = monotonic() + 8 * TERMS.interval


@pytest.mark.parametrize("statuses", [(502, 503, 504), (502, 500, 504)], ids=["in a row", "with another between"])
async def test_gateway_failures(statuses: tuple[int, ...], sides: Sides) -> None:
    """Three of 502, 503 and 504 in a row eject where that is enforced; a 500 between them begins the count anew."""
    config = replace(RATES, consecutive_gateway_failure=3, enforcing_consecutive_gateway_failure=100)
    async with servers(2) as ups:
        await follow(sides, endpoints(ups), outlier=config)
        with lines(sides) as of:
            for status in statuses:
                ups[0].status = status
                for side in SIDES:
                    await rounds(side, of[side], 2, 1)
            ups[0].status = 200
            if 500 in statuses:
                await asyncio.sleep(0.3)  # longer than an ejection takes: there is none to wait for
                assert all([await is_asked(side, of[side], ups[0], 2) for side in SIDES])
            else:
                for side in SIDES:
                    await left_out(side, of[side], ups[:1], 2)
