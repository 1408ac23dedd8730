"""Priorities, panics and localities beside real Envoy: the same endpoints, some of them ejected by what they answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from edgesim.model import Endpoint, LoadBalancer, Locality, OutlierDetection
from edgesim.telemetry.sources import monotonic
from tests.differential.balancing_servers import (
    DEADLINE,
    SIDES,
    Server,
    ask,
    endpoints,
    follow,
    left_out,
    lines,
    load,
    servers,
)
from tests.differential.chances import of_shares, of_two, seldom
from tests.differential.random_sides import Sides

pytestmark = pytest.mark.slow
REQUESTS, CLIENTS = 2400, 6
EJECTS = OutlierDetection(1, 0.5, 300.0, max_ejection_percent=100, enforcing_success_rate=0)
NO_PANIC = LoadBalancer(panic_threshold=0.0)


def names(ups: Sequence[Server], share: float) -> dict[str, float]:
    """Return servers by the names they answer with, which share something alike."""
    return {str(up.port): share / len(ups) for up in ups}


async def eject(sides: Sides, ups: Sequence[Server], among: int) -> None:
    """Let endpoints fail until both engines have thrown them out, and be well then, which nobody finds out."""
    for up in ups:
        up.status = 500
    with lines(sides) as of:
        for side in SIDES:
            await left_out(side, of[side], ups, among)
    assert all(up.asked[side] for up in ups for side in SIDES), "none can be ejected that is never asked"
    for up in ups:
        up.status = 200


async def agree(sides: Sides, shares: dict[str, float]) -> None:
    """Check by chi-square that both engines give each endpoint its share."""
    found = {side: await load(sides, side, REQUESTS, CLIENTS) for side in SIDES}
    degrees = max(1, sum(share > 0 for share in shares.values()) - 1)
    for side in SIDES:
        assert of_shares(found[side], shares) < seldom(degrees), (side, found, shares)
    assert of_two(found["edgesim"], found["envoy"]) < seldom(degrees), found


def levels(first: Sequence[Server], second: Sequence[Server]) -> tuple[Endpoint, ...]:
    return (*endpoints(first), *endpoints(second, priority=1))


@pytest.mark.parametrize(
    ("ill", "factor", "parts"),
    [
        (0, 140, (100, 0)),
        (1, 140, (100, 0)),
        (2, 140, (70, 30)),
        (3, 140, (35, 65)),
        (4, 140, (0, 100)),
        (1, 100, (75, 25)),
        (2, 200, (100, 0)),
    ],
)
async def test_failover(ill: int, factor: int, parts: tuple[int, int], sides: Sides) -> None:
    """Of four endpoints so many are out: a priority keeps its health times the factor, the next one gets the rest."""
    async with servers(6) as ups:
        first, second = ups[:4], ups[4:]
        config: dict[str, Any] = {"outlier": EJECTS, "overprovisioning_factor": factor, "balancer": NO_PANIC}
        await follow(sides, levels(first, second), **config)
        if ill:
            await eject(sides, first[:ill], 4)
        await agree(sides, names(first[ill:], parts[0]) | names(second, parts[1]) if ill < 4 else names(second, 100))


async def out_in_order(sides: Sides, first: Sequence[Server], second: Sequence[Server]) -> None:
    """Eject a whole priority, and then of the next one: before, nobody asks there."""
    await eject(sides, first, 4)
    await eject(sides, second, 4)


async def test_all_priorities_panic(sides: Sides) -> None:
    """Nobody of the first and one of four of the next are 35 per cent of health: all are asked, by their numbers."""
    async with servers(6) as ups:
        first, second = ups[:2], ups[2:]
        await follow(sides, levels(first, second), outlier=EJECTS)
        await out_in_order(sides, first, second[:2])
        await agree(sides, names(second[2:], 100))  # half of it is enough
        await panic(sides, second[2], first)
        await agree(sides, names(ups, 100))


async def panic(sides: Sides, last: Server, out: Sequence[Server]) -> None:
    """Let one more fail, until both engines ask those again that are out."""
    last.status = 500
    with lines(sides) as of:
        for side in SIDES:
            before = [len(up.asked[side]) for up in out]
            end = monotonic() + DEADLINE
            while any(len(up.asked[side]) == one for up, one in zip(out, before, strict=True)):
                assert monotonic() < end, f"{side} does not panic"
                await ask(side, of[side])
    last.status = 200


async def test_nobody_panics_at_a_threshold_of_0(sides: Sides) -> None:
    """With everybody out and no panic the answer is 503."""
    async with servers(2) as ups:
        await follow(sides, endpoints(ups), outlier=EJECTS, balancer=NO_PANIC)
        await eject(sides, ups, 2)
        with lines(sides) as of:
            seen = [await ask(side, of[side]) for side in SIDES for _ in range(6)]
    assert set(seen) == {"503"}


@pytest.mark.parametrize(
    ("threshold", "out", "panics"), [(50.0, 2, False), (50.0, 3, True), (51.0, 2, True), (20.0, 3, False)]
)
async def test_a_panic_begins_below_the_threshold(threshold: float, out: int, panics: bool, sides: Sides) -> None:
    """Two healthy of four are enough for 50 per cent, and not for 51; in a panic all four are asked."""
    async with servers(4) as ups:
        await follow(sides, endpoints(ups), outlier=EJECTS, balancer=LoadBalancer(panic_threshold=threshold))
        await eject(sides, ups[: out - panics], 4)
        if panics:
            await panic(sides, ups[out - 1], ups[:1])
        await agree(sides, names(ups if panics else ups[out:], 100))


def places(ups: Sequence[Server], weights: Sequence[int]) -> tuple[Endpoint, ...]:
    """Return two endpoints in each of some localities of these weights."""
    found: list[Endpoint] = []
    for at, weight in enumerate(weights):
        found += endpoints(ups[2 * at : 2 * at + 2], locality=Locality(zone=f"z{at}"), locality_weight=weight)
    return tuple(found)


@pytest.mark.parametrize(
    ("weights", "out", "shares"),
    [
        ((1, 2, 5), (), (1, 2, 5)),
        ((1, 2, 5), (4,), (1, 2, 5 * 0.7)),
        ((1, 2, 5), (4, 5), (1, 2, 0)),
        ((0, 2, 5), (), (0, 2, 5)),
    ],
)
async def test_localities(
    weights: tuple[int, ...], out: tuple[int, ...], shares: tuple[float, ...], sides: Sides
) -> None:
    """Localities share by their weights, less what their health costs them times 1.4; those without weight get nothing."""
    async with servers(6) as ups:
        config: dict[str, Any] = {
            "outlier": EJECTS,
            "balancer": LoadBalancer(locality_weighted=True, panic_threshold=0),
        }
        await follow(sides, places(ups, weights), **config)
        if out:
            await eject(sides, [ups[at] for at in out], 12)
        wanted: dict[str, float] = {}
        for at, share in enumerate(shares):
            well = [ups[each] for each in (2 * at, 2 * at + 1) if each not in out]
            wanted |= names(well, share) if well and share else {}
        await agree(sides, wanted)


async def test_without_the_option_localities_are_one(sides: Sides) -> None:
    """Weights of localities act only where the balancer weighs them."""
    async with servers(6) as ups:
        await follow(sides, places(ups, (1, 2, 5)))
        await agree(sides, names(ups, 100))
