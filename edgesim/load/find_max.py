"""Searching the highest rate at which a bound still holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from edgesim.load.results import LoadResult
from edgesim.load.scenario import Arrivals, Open, Scenario, Stage
from edgesim.load.stops import Condition, look
from edgesim.telemetry import slots

_KEPT_UP = 0.97
"""The share of the requests asked for that must have been answered within the window: else the rate is not reached."""
_CLOSE = 1.05
"""The search ends when the lowest rate that fails is at most so many times the highest that holds."""
_MOST = 24
"""Windows at most."""
_HIGHEST, _LOWEST = 1_000_000.0, 1.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A window at one rate."""

    rate: float
    achieved: float
    """Answers a second."""
    p50_ms: float
    p99_ms: float
    errors: int
    holds: bool
    why: str = ""
    """Why it does not hold."""
    client: tuple[str, ...] = ()
    """What the client itself may have done to it."""


@dataclass(frozen=True, slots=True)
class Highest:
    """What the search found: 0 where no rate holds."""

    bound: str
    rate: float
    trials: tuple[Trial, ...]
    limited: str = ""
    """Why a higher rate may be possible, if it may."""
    stopped: str = ""
    """Why the search ended before it was through; the window under way then is none of the trials."""
    kind: str = "edgesim.load.find-max"

    @property
    def sentence(self) -> str:
        """What was found, which is less where the search ended early."""
        if self.stopped:
            held = f" after {self.bound} held at {self.rate:,.0f} requests a second" if self.rate else ""
            return f"the search ended early{held}: {self.stopped}"
        if self.rate:
            return f"{self.bound} holds up to {self.rate:,.0f} requests a second"
        return f"{self.bound} holds at none of these rates"


Run = Callable[[Scenario], Awaitable[LoadResult]]


def at_rate(scenario: Scenario, rate: float, seconds: float, warm_up: float) -> Scenario:
    """Return the scenario of one window."""
    arrivals = scenario.mode.arrivals if isinstance(scenario.mode, Open) else Arrivals.EVEN
    mode = Open((Stage(seconds + warm_up, rate, rate),), arrivals)
    return replace(scenario, mode=mode, warm_up=warm_up, cool_down=0.0, count=0)


def judged(rate: float, bounds: Iterable[Condition], result: LoadResult) -> Trial:
    """Tell whether the bounds held in a window, and the server kept up."""
    answered = [cell for cell in result.cells if cell.status]
    latency = slots.total(cell.latency for cell in answered)
    p50, p99 = slots.percentiles(latency, [50, 99])
    within = _answered_in_time(result)
    why = [found.sentence for found in (look(each, result.cells) for each in bounds) if not found.true]
    if within < _KEPT_UP * result.asked:
        why.append(f"only {within:,} of {result.asked:,} requests were answered in time")
    errors = sum(cell.count for cell in result.cells if not cell.status)
    achieved = slots.count(latency) / result.seconds
    return Trial(
        rate, achieved, p50 / 1000, p99 / 1000, errors, not why, "; ".join(why), result.client.limits if why else ()
    )


def _answered_in_time(result: LoadResult) -> int:
    """Return how many requests were sent no later than the scenario's `late`, or were at least answered."""
    return sum(cell.count for cell in result.cells if cell.status) - result.client.late


async def search(
    scenario: Scenario,
    bounds: list[Condition],
    start: float,
    seconds: float,
    run: Run,
    tell: Callable[[Trial], None] = lambda _trial: None,
) -> Highest:
    """Double the rate from `start` until a bound is broken twice, then halve the gap; windows of so many seconds."""
    trials: list[Trial] = []
    holding, failing, rate = 0.0, 0.0, start
    stopped = ""
    while len(trials) < _MOST:
        one = at_rate(scenario, rate, seconds, min(1.0, seconds / 4))
        result, trial = await _tried(one, rate, bounds, run)
        stopped = result.stopped
        if stopped:
            break
        trials.append(trial)
        tell(trial)
        holding, failing = (max(holding, rate), failing) if trial.holds else (holding, rate)
        if _is_found(holding, failing):
            break
        rate = _next(holding, failing)
    text = " and ".join(each.text for each in bounds)
    return Highest(text, holding, tuple(trials), _limited(trials, holding, failing), stopped)


async def _tried(scenario: Scenario, rate: float, bounds: list[Condition], run: Run) -> tuple[LoadResult, Trial]:
    """Try a rate; one that fails is tried again, since a moment's noise may be all it was."""
    result = await run(scenario)
    trial = judged(rate, bounds, result)
    if not trial.holds and not result.stopped:
        result = await run(scenario)
        trial = judged(rate, bounds, result)
    return result, trial


def _is_found(holding: float, failing: float) -> bool:
    if holding >= _HIGHEST or (failing and failing <= _LOWEST):
        return True
    return bool(holding) and bool(failing) and failing / holding <= _CLOSE


def _next(holding: float, failing: float) -> float:
    if not failing:
        return min(_HIGHEST, holding * 2)
    if not holding:
        return max(_LOWEST, failing / 2)
    return _rounded((holding + failing) / 2)


def _rounded(rate: float) -> float:
    """Return a rate of three digits, which reads better and is as good."""
    return float(f"{rate:.3g}")


def _limited(trials: list[Trial], holding: float, failing: float) -> str:
    client = next((each.client[0] for each in trials if each.rate == failing and each.client), "")
    if not trials:
        return ""
    if holding and client:
        return f"the client, not the server, may be what held {failing:,.0f}/s back: {client}"
    return "" if failing else f"nothing failed up to {holding:,.0f}/s"
