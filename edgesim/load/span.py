"""When a run begins, measures and ends."""

from __future__ import annotations

from typing import NamedTuple

from edgesim.load.results import LoadResult
from edgesim.load.scenario import Closed, Scenario
from edgesim.telemetry import slots

_SECOND = 1_000_000_000


class Span(NamedTuple):
    """Moments of the machine's monotonic clock, in nanoseconds."""

    start: int
    measured: int
    """The first whose requests are measured."""
    unmeasured: int
    """The first behind them."""
    end: int

    def measures(self, moment: int) -> bool:
        """Tell whether a request of this moment is measured."""
        return self.measured <= moment < self.unmeasured


def length(scenario: Scenario) -> float:
    """Return for how many seconds requests are sent, warm-up and cool-down included."""
    mode = scenario.mode
    if isinstance(mode, Closed):
        return mode.seconds
    if mode.times:
        return mode.times[-1] + 1e-9
    return sum(stage.seconds for stage in mode.stages)


def connects_per_second(result: LoadResult) -> float:
    """Return the rate of new connections. They are counted in warm-up and cool-down, too."""
    scenario = result.scenario
    early = bool(result.stopped or scenario.count)
    seconds = scenario.warm_up + result.seconds + (0.0 if early else scenario.cool_down)
    return slots.count(result.connects) / seconds


def span_of(scenario: Scenario, start: int) -> Span:
    """Return when a run that starts at this moment measures and ends."""
    end = start + round(length(scenario) * _SECOND)
    measured = start + round(scenario.warm_up * _SECOND)
    return Span(start, measured, max(measured, end - round(scenario.cool_down * _SECOND)), end)
