"""How a new endpoint gets its share, beside real Envoy: the curve, in parts of the window, by chi-square."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from edgesim.model import BalancerKind, LoadBalancer, SlowStart
from edgesim.telemetry.sources import monotonic
from tests.differential.balancing_servers import SIDES, Server, ask, endpoints, follow, lines, servers
from tests.differential.random_sides import Line, Sides

pytestmark = pytest.mark.slow
WINDOW, PARTS = 4.0, 4
OLD = 3
"""Endpoints that were there for the whole window before."""


def share(age: float, slow: SlowStart) -> float:
    """Return the part of the requests of a new endpoint beside the old ones, by the formula of Envoy's page."""
    grown: float = min(1.0, max(age, 0.001) / slow.window) ** (1 / slow.aggression)
    weight = max(slow.min_weight_percent / 100, grown)
    return weight / (OLD + weight)


async def ask_for(seconds: float, side: str, line: Line) -> list[tuple[float, str]]:
    """Ask one after the other; return when each was asked, and who answered."""
    found = []
    end = monotonic() + seconds
    while (now := monotonic()) < end:
        found.append((now, await ask(side, line)))
    return found


def statistic(seen: Sequence[tuple[float, str]], new: str, expected: Callable[[float], float], begin: float) -> float:
    """Return the chi-square of the new endpoint's requests, in parts of the window.

    Each request counts with the share of its own time, so that it does not matter how many a busy machine sends when.
    """
    total = 0.0
    for part in range(PARTS):
        times = [(at, who) for at, who in seen if part * WINDOW / PARTS <= at - begin < (part + 1) * WINDOW / PARTS]
        shares = [expected(at - begin) for at, _ in times]
        wanted, spread = sum(shares), sum(each * (1 - each) for each in shares)
        assert len(times) > 20
        total += (sum(who == new for _, who in times) - wanted) ** 2 / spread
    return total


async def scene(sides: Sides, ups: Sequence[Server], balancer: LoadBalancer) -> dict[str, tuple[float, float, float]]:
    """Add the last endpoint to old ones; return each side's statistics: of the curve, of none, of one twice as fast."""
    slow = balancer.slow_start
    assert slow is not None
    await follow(sides, endpoints(ups[:OLD]), balancer=balancer)
    await asyncio.sleep(WINDOW * 1.1)
    began = monotonic()
    await follow(sides, endpoints(ups), balancer=balancer)
    ended = monotonic()
    with lines(sides) as of:
        seen = await asyncio.gather(*(ask_for(WINDOW, side, of[side]) for side in SIDES))
    new = str(ups[OLD].port)
    found = {}
    for side, each in zip(SIDES, seen, strict=True):
        curve = min(statistic(each, new, lambda age: share(age, slow), begin) for begin in (began, ended))
        flat = statistic(each, new, lambda _: 1 / (OLD + 1), ended)
        fast = statistic(each, new, lambda age: share(2 * age, slow), began)
        found[side] = (curve, flat, fast)
    return found


@pytest.mark.parametrize(
    "balancer",
    [
        LoadBalancer(BalancerKind.ROUND_ROBIN, slow_start=SlowStart(WINDOW)),
        LoadBalancer(BalancerKind.ROUND_ROBIN, slow_start=SlowStart(WINDOW, 2.0)),
        LoadBalancer(BalancerKind.ROUND_ROBIN, slow_start=SlowStart(WINDOW, 1.0, 40.0)),
        LoadBalancer(BalancerKind.LEAST_REQUEST, slow_start=SlowStart(WINDOW)),
    ],
    ids=["round robin", "aggression 2", "40 per cent at least", "least request"],
)
async def test_the_curve_is_envoys(balancer: LoadBalancer, sides: Sides) -> None:
    """In each quarter of the window a new endpoint gets from both what the curve says, and not what others would.

    Turns are no draws: the statistic stays below what it is for draws on average, the number of its parts.
    """
    async with servers(OLD + 1) as ups:
        found = await scene(sides, ups, balancer)
    for side, (curve, flat, fast) in found.items():
        assert curve < PARTS, (side, found)
        assert min(flat, fast) > 4 * curve, (side, found)
