"""Subsets beside real Envoy: every fallback policy, pods without a label, single hosts, and panics of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from edgesim.model import (
    NO_POLICIES,
    Endpoint,
    FallbackPolicy,
    LoadBalancer,
    OutlierDetection,
    Subset,
    SubsetConfig,
    SubsetSelector,
)
from edgesim.telemetry.sources import monotonic
from tests.differential.balancing_servers import DEADLINE, SIDES, Server, ask, endpoints, follow, lines, servers
from tests.differential.random_sides import Line, Sides

pytestmark = pytest.mark.slow
LABELS: tuple[Subset, ...] = (
    (("version", "v1"), ("zone", "a")),
    (("version", "v1"), ("zone", "b")),
    (("version", "v2"), ("zone", "")),
    (("version", ""), ("zone", "a")),
    (),
)
"""Of five endpoints. As Gloo has it, a pod without a label that a selector names has it with an empty value."""
ASKED: Mapping[str, tuple[Subset, set[int]]] = {
    "a version": ((("version", "v1"),), {0, 1}),
    "one endpoint": ((("version", "v2"),), {2}),
    "no version": ((("version", ""),), {3}),
    "both keys": ((("version", "v1"), ("zone", "b")), {1}),
    "both keys, one empty": ((("version", "v2"), ("zone", "")), {2}),
}
"""Subsets that there are, with the endpoints in them."""
EMPTY: Mapping[str, Subset] = {
    "a version nobody has": (("version", "v9"),),
    "a key no selector has alone": (("zone", "a"),),
    "both keys, which nobody has": (("version", "v2"), ("zone", "b")),
    "no subset": (),
}
"""What is asked for and is not there: the fallback's."""
SELECTORS = (SubsetSelector(("version",)), SubsetSelector(("version", "zone")))
TURNS = 20


def labelled(ups: Sequence[Server]) -> tuple[Endpoint, ...]:
    return tuple(
        endpoint for up, labels in zip(ups, LABELS, strict=True) for endpoint in endpoints([up], metadata=labels)
    )


async def answering(side: str, line: Line, ups: Sequence[Server], path: str) -> set[Any]:
    """Ask for a while; return by their numbers which endpoints answered, and the statuses of other answers."""
    numbers: dict[str, Any] = {str(up.port): at for at, up in enumerate(ups)}
    return {numbers.get(found, found) for found in [await ask(side, line, path=path) for _ in range(TURNS)]}


@pytest.mark.parametrize(
    ("policy", "default", "rest"),
    [
        (FallbackPolicy.ANY_ENDPOINT, (), {0, 1, 2, 3, 4}),
        (FallbackPolicy.NO_FALLBACK, (), {"503"}),
        (FallbackPolicy.DEFAULT_SUBSET, (("version", "v1"),), {0, 1}),
        (FallbackPolicy.DEFAULT_SUBSET, (("zone", "a"),), {0, 3}),
        (FallbackPolicy.DEFAULT_SUBSET, (("version", "v9"),), {"503"}),
        (FallbackPolicy.DEFAULT_SUBSET, (), {0, 1, 2, 3, 4}),
    ],
    ids=["any endpoint", "no fallback", "default", "default of another key", "default nobody has", "default of all"],
)
async def test_fallbacks(policy: FallbackPolicy, default: Subset, rest: set[Any], sides: Sides) -> None:
    """A subset with endpoints gets those; an empty one, one no selector cuts, and a route without one the fallback's."""
    asked = [*(subset for subset, _ in ASKED.values()), *EMPTY.values()]
    wanted = dict(zip((*ASKED, *EMPTY), (*(hosts for _, hosts in ASKED.values()), *(rest for _ in EMPTY)), strict=True))
    async with servers(5) as ups:
        await follow(sides, labelled(ups), NO_POLICIES, *asked, subsets=SubsetConfig(SELECTORS, policy, default))
        with lines(sides) as of:
            for side in SIDES:
                seen = {
                    name: await answering(side, of[side], ups, f"/{at}" if subset else "/")
                    for at, (name, subset) in enumerate(zip(wanted, asked, strict=True))
                }
                assert seen == wanted, side


@pytest.mark.parametrize("ill", [False, True])
async def test_a_single_host_of_a_subset(ill: bool, sides: Sides) -> None:
    """With singleHostPerSubset the first endpoint of a subset has all its requests, also while it is ejected."""
    config = SubsetConfig((SubsetSelector(("version",), single_host_per_subset=True),), FallbackPolicy.NO_FALLBACK)
    options = {"subsets": config, "outlier": EJECTS, "balancer": LoadBalancer(panic_threshold=0.0)}
    async with servers(5) as ups:
        await follow(sides, labelled(ups), NO_POLICIES, (("version", "v1"),), **options)
        with lines(sides) as of:
            for side in SIDES:
                if ill:
                    ups[0].status = 500
                    assert await answering(side, of[side], ups, "/0") == {"500"}, side
                ups[0].status = 200
                assert await answering(side, of[side], ups, "/0") == {0}, side
                assert await answering(side, of[side], ups, "/") == {"503"}, side


EJECTS = OutlierDetection(1, 0.5, 300.0, max_ejection_percent=100, enforcing_success_rate=0)


@pytest.mark.parametrize(("threshold", "wanted"), [(0.0, {"503"}), (50.0, {0, 1})])
async def test_ill_endpoints_of_a_subset_are_no_reason_to_fall_back(
    threshold: float, wanted: set[Any], sides: Sides
) -> None:
    """A subset all of whose endpoints are out panics by itself, or is answered 503; the others are not asked."""
    options: dict[str, Any] = {
        "subsets": SubsetConfig(SELECTORS, FallbackPolicy.ANY_ENDPOINT),
        "outlier": EJECTS,
        "balancer": LoadBalancer(panic_threshold=threshold),
    }
    async with servers(5) as ups:
        await follow(sides, labelled(ups), NO_POLICIES, (("version", "v1"),), **options)
        with lines(sides) as of:
            for side in SIDES:
                ups[0].status = ups[1].status = 500
                await thrown_out(side, of[side], ups[:2], panics=threshold > 0)
                ups[0].status = ups[1].status = 200
                await settled(side, of[side], ups, wanted)


async def thrown_out(side: str, line: Line, ups: Sequence[Server], *, panics: bool) -> None:
    """Ask until both failed for an engine; where nobody panics, until it asks them no more."""
    end = monotonic() + DEADLINE
    while monotonic() < end:
        before = [len(up.asked[side]) for up in ups]
        for _ in range(TURNS):
            await ask(side, line, path="/0")
        after = [len(up.asked[side]) for up in ups]
        if all(after) and (panics or before == after):
            return
    raise AssertionError(f"{side} ejects nobody")


async def settled(side: str, line: Line, ups: Sequence[Server], wanted: set[Any]) -> None:
    """Ask until the subset answers as it should, and see that it goes on, while the cluster has its other endpoints."""
    end = monotonic() + DEADLINE
    while (found := await answering(side, line, ups, "/0")) != wanted:
        assert monotonic() < end, (side, found)
    assert await answering(side, line, ups, "/0") == wanted, side
    assert {2, 3, 4} <= await answering(side, line, ups, "/"), side
