from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.load.find_max import Highest, Trial, search
from edgesim.load.results import Cell, ClientSide, LoadResult
from edgesim.load.scenario import Open, Scenario
from edgesim.load.stops import condition
from edgesim.telemetry.slots import slot_of
from tests.load.driving import constant

BOUND = condition("--find-max", "p99<20ms")


def outcome(scenario: Scenario, capacity: float, limits: tuple[str, ...] = ()) -> LoadResult:
    """Return what a server that can do so many a second would give: 1 ms, and 50 ms above its capacity."""
    assert isinstance(scenario.mode, Open)
    rate = scenario.mode.stages[0].start
    asked = round(rate)
    latency = {slot_of(1000 if rate <= capacity else 50_000): asked}
    cell = Cell("get", 200, "", count=asked, latency=latency, service=latency)
    return LoadResult(scenario, "", 1.0, asked, asked, ClientSide(1, 0.1, 0, 0, 0, limits), (cell,), ())


async def found(capacity: float, start: float, limits: tuple[str, ...] = ()) -> tuple[Highest, list[Trial]]:
    told: list[Trial] = []

    async def run(scenario: Scenario) -> LoadResult:
        return outcome(scenario, capacity, limits)

    return await search(constant(0), [BOUND], start, 1.0, run, told.append), told


@pytest.mark.parametrize("capacity", [3.0, 700.0, 12_345.0, 250_000.0])
@pytest.mark.parametrize("start", [1.0, 1000.0])
async def test_the_highest_rate_is_found(capacity: float, start: float) -> None:
    """Doubled, then halved: within 5% of what the server can do, wherever the search begins; small rates to the next whole."""
    highest, told = await found(capacity, start)
    assert highest.rate <= capacity <= max(highest.rate * 1.06, highest.rate + 1)
    assert list(highest.trials) == told
    assert len(told) <= 24


async def test_a_server_without_limit() -> None:
    """Where nothing fails the search ends at its highest rate, and says so."""
    highest, _ = await found(1e9, 1000)
    assert highest.rate == 1_000_000
    assert "nothing failed" in highest.limited


async def test_a_bound_that_never_holds() -> None:
    """Where one request a second is too much the answer is 0."""
    highest, told = await found(0.5, 100)
    assert highest.rate == 0
    assert all("p99<20ms: it is 50" in each.why for each in told)


async def test_the_clients_own_limit_is_told() -> None:
    """Where the client was short of something at the rate that failed, it says that it may be the client's."""
    highest, _ = await found(500, 1000, ("busy.",))
    assert "the client, not the server" in highest.limited


async def test_a_moments_noise_is_no_failure() -> None:
    """A window that fails once and holds the second time holds."""
    runs = 0

    async def run(scenario: Scenario) -> LoadResult:
        nonlocal runs
        runs += 1
        return outcome(scenario, 0 if runs == 1 else 300)

    highest = await search(constant(0), [BOUND], 100, 1.0, run)
    assert 280 <= highest.rate <= 300


async def test_a_server_that_cannot_keep_up() -> None:
    """Answers that come too late for the rate are none, whatever the bound says."""

    async def run(scenario: Scenario) -> LoadResult:
        result = outcome(scenario, 1e9)
        return replace(result, client=replace(result.client, late=result.asked))

    highest = await search(constant(0), [BOUND], 100, 1.0, run)
    assert highest.rate == 0
    assert "were answered in time" in highest.trials[0].why


async def test_an_interrupted_search_ends() -> None:
    """What a window showed that was stopped is no finding: neither that its rate holds nor that it does not."""

    async def run(scenario: Scenario) -> LoadResult:
        rate = outcome(scenario, 1e9).asked / 1.25
        return replace(outcome(scenario, 1e9), stopped="interrupted" if rate > 150 else "")

    highest = await search(constant(0), [BOUND], 100, 1.0, run)
    assert [each.rate for each in highest.trials] == [100]
    assert (highest.rate, highest.stopped) == (100, "interrupted")
