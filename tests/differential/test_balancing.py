"""Who gets the requests, by edgesim and by real Envoy, of the same endpoints."""

from __future__ import annotations

import pytest

from edgesim.model import BalancerKind, LoadBalancer, Policies
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.telemetry.sources import monotonic
from tests.differential.balancing_servers import SIDES, ask, lines, load, push, servers
from tests.differential.chances import of_two, seldom
from tests.differential.random_sides import Sides

pytestmark = pytest.mark.slow
REQUESTS, CLIENTS = 3000, 6
KEYS = 400


@pytest.mark.parametrize("weights", [(), (1, 2, 3, 4)], ids=["equal", "weighted"])
@pytest.mark.parametrize("kind", [BalancerKind.ROUND_ROBIN, BalancerKind.LEAST_REQUEST, BalancerKind.RANDOM])
async def test_shares_agree(kind: BalancerKind, weights: tuple[int, ...], sides: Sides) -> None:
    """Of six clients' requests each endpoint gets from both engines what one distribution gives, by chi-square."""
    async with servers(4) as ups:
        await push(sides, ups, weights, balancer=LoadBalancer(kind))
        found = {side: await load(sides, side, REQUESTS, CLIENTS) for side in SIDES}
    assert {key for seen in found.values() for key in seen} == {str(up.port) for up in ups}
    assert of_two(found["edgesim"], found["envoy"]) < seldom(3), found
    if kind is BalancerKind.ROUND_ROBIN:
        shares = [up.asked["edgesim"] for up in ups]
        total = sum(weights) or 4
        wanted = [REQUESTS * weight / total for weight in weights or (1,) * 4]
        assert all(abs(len(share) - each) <= 4 for share, each in zip(shares, wanted, strict=True))


@pytest.mark.parametrize("kind", [BalancerKind.RING_HASH, BalancerKind.MAGLEV])
async def test_few_keys_move_when_an_endpoint_leaves(kind: BalancerKind, sides: Sides) -> None:
    """Each key is where Envoy has it, before and behind; those of who left move, and few of the others.

    A ring has 1024 places at least: of five endpoints each has 205, of four 256. So a fifth of the places is new,
    of which a quarter goes to whom it was already; of Maglev's table a few places are shared anew.
    """
    policies = Policies(hash_policies=(HashPolicy(HashKind.HEADER, "x-key"),))

    async def where() -> dict[str, list[str]]:
        with lines(sides) as of:
            return {side: [await ask(side, of[side], ("x-key", f"key-{at}")) for at in range(KEYS)] for side in SIDES}

    async with servers(5) as ups:
        await push(sides, ups, (), policies, balancer=LoadBalancer(kind))
        before = await where()
        await push(sides, ups[1:], (), policies, balancer=LoadBalancer(kind))
        behind = await where()
    assert before["edgesim"] == before["envoy"]
    assert behind["edgesim"] == behind["envoy"]
    left = str(ups[0].port)
    moved = [old for old, new in zip(before["edgesim"], behind["edgesim"], strict=True) if old != new]
    assert moved.count(left) == before["edgesim"].count(left)
    assert KEYS / 10 < moved.count(left) < KEYS / 3
    stayed = KEYS - moved.count(left)
    assert len(moved) - moved.count(left) < stayed * (0.1 if kind is BalancerKind.MAGLEV else 0.2)


@pytest.mark.parametrize("side", SIDES)
async def test_least_request_beats_round_robin(side: str, sides: Sides) -> None:
    """With one slow endpoint of five, least request sends it less than half of what turns do, and all is done sooner."""
    share: dict[BalancerKind, float] = {}
    took: dict[BalancerKind, float] = {}
    for kind in (BalancerKind.ROUND_ROBIN, BalancerKind.LEAST_REQUEST):
        async with servers(5) as ups:
            ups[0].delay = 0.05
            await push(sides, ups, balancer=LoadBalancer(kind))
            began = monotonic()
            seen = await load(sides, side, 900, 9)
            took[kind], share[kind] = monotonic() - began, seen[str(ups[0].port)] / seen.total()
    assert share[BalancerKind.ROUND_ROBIN] == pytest.approx(0.2, abs=0.01)
    assert share[BalancerKind.LEAST_REQUEST] < 0.1
    assert took[BalancerKind.LEAST_REQUEST] < took[BalancerKind.ROUND_ROBIN]
