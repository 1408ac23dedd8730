"""Coordinated omission: a server that pauses, seen by an open and by a closed loop."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace

import pytest

from edgesim.load import driver
from edgesim.load.results import LoadResult
from edgesim.load.scenario import Closed, Open, Sessions, Stage, Think
from edgesim.load.schedule import SECOND, send_times
from edgesim.telemetry import slots
from tests.load.driving import constant
from tests.load.servers import Asked, ok, serving

RATE = 100


@dataclass(frozen=True, slots=True)
class Script:
    """A server that answers nothing in the first `pause` seconds of each period."""

    pause: float
    period: float

    def left(self, moment: float) -> float:
        """Return how much longer it pauses."""
        return max(0.0, self.pause - moment % self.period)

    def answer(self, _asked: Asked) -> tuple[bytes, float]:
        """Answer once the pause is over."""
        return ok(), self.left(asyncio.get_running_loop().time())


def waits(script: Script, rate: float, seconds: float, phase: float = 0.0) -> list[float]:
    """Return how long each request of the schedule must wait for the end of a pause, in seconds, sorted."""
    mode = Open((Stage(seconds, rate, rate),))
    return sorted(script.left(phase + each / SECOND) for each in send_times(mode))


def truth(script: Script, rate: float, seconds: float, percent: float) -> float:
    """Return the least percentile that the schedule must see, whenever in a period it starts; in seconds."""
    phases = (step / 97 * script.period for step in range(97))  # 97: no multiple of the time between requests
    found = (waits(script, rate, seconds, phase) for phase in phases)
    return min(each[max(1, math.ceil(percent / 100 * len(each))) - 1] for each in found)


def p99(result: LoadResult) -> float:
    """Return the 99th percentile of the latency, in seconds."""
    return slots.percentiles(slots.total(cell.latency for cell in result.cells), [99])[0] / 1e6


async def both(script: Script, seconds: float) -> tuple[LoadResult, LoadResult]:
    """Load the server at 100/s in an open loop, and in a closed one that thinks between, so that it would send as many."""
    async with serving(script.answer) as server:
        scenario = replace(constant(server.port, RATE, seconds), timeout=60.0)
        seen = await driver.run(scenario)
        thinking = Sessions(think=Think(0.009, 0.009))
        hidden = await driver.run(replace(scenario, mode=Closed(1, seconds), sessions=thinking))
    return seen, hidden


async def test_an_open_loop_shows_a_pause() -> None:
    """A pause of 200 ms every second at 100/s is the p99 of the open loop; in a closed loop one request a pause meets it."""
    script = Script(0.2, 1.0)
    seen, hidden = await both(script, 2)
    least = truth(script, RATE, 2, 99)
    assert seen.asked == seen.sent == 200
    assert script.pause * 0.8 < least <= p99(seen) * 1.001
    long = sum(number for cell in hidden.cells for slot, number in cell.latency.items() if _long(slot, script))
    assert long <= 3
    assert sum(each > script.pause / 2 for each in waits(script, RATE, 2)) == 20


def _long(slot: int, script: Script) -> bool:
    return slots.bounds(slot)[0] > script.pause * 1e6 / 2


@pytest.mark.slow
async def test_an_open_loop_shows_a_pause_of_a_second() -> None:
    """1 s every 10 s at 100/s: p99 is 0.9 s (100 of 1,000 wait, evenly between 0 and 1 s), and hidden in a closed loop."""
    script = Script(1.0, 10.0)
    seen, hidden = await both(script, 30)
    least = truth(script, RATE, 30, 99)
    assert least == pytest.approx(0.9, abs=0.02)
    assert p99(seen) >= least * 0.999
    assert p99(seen) <= least + 0.2
    assert p99(hidden) < 0.5
    assert slots.highest(slots.total(cell.latency for cell in hidden.cells)) >= 0.9e6
