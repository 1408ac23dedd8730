"""Distributions as outputs want them: percentiles by name, a spread, counts below bounds; durations in microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt

from edgesim.load.results import Cell
from edgesim.load.scenario import Closed, Scenario
from edgesim.telemetry import slots
from edgesim.telemetry.slots import Slots

PERCENTS = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0)


def named(counted: Mapping[int, int]) -> dict[str, float]:
    """Return the percentiles `p50` to `p100`, in milliseconds."""
    found = slots.percentiles(counted, PERCENTS)
    return {f"p{percent:g}": value / 1000 for percent, value in zip(PERCENTS, found, strict=True)}


def latency_of(cells: Iterable[Cell]) -> Slots:
    """Return the latencies of all answers among cells, from the intended send time."""
    return slots.total(cell.latency for cell in cells if cell.status)


def service_of(cells: Iterable[Cell]) -> Slots:
    """Return the service times of all answers among cells, from the send itself."""
    return slots.total(cell.service for cell in cells if cell.status)


def is_open(scenario: Scenario) -> bool:
    """Tell whether send times were fixed before the run, so that latency and service time are two things."""
    return not isinstance(scenario.mode, Closed)


def deviation(counted: Mapping[int, int]) -> float:
    """Return the standard deviation in microseconds, each duration taken for the middle of its slot."""
    recorded, mean = slots.count(counted), slots.mean(counted)
    squares = sum((sum(slots.bounds(slot)) / 2 - mean) ** 2 * number for slot, number in counted.items())
    return sqrt(squares / recorded) if recorded else 0.0


def total_of(counted: Mapping[int, int]) -> float:
    """Return the sum of all durations in microseconds, each taken for the middle of its slot."""
    return slots.mean(counted) * slots.count(counted)


def lowest(counted: Mapping[int, int]) -> int:
    """Return the smallest value that may have been counted; 0 where there is none."""
    return slots.bounds(min(counted))[0] if counted else 0


def cumulative(counted: Mapping[int, int], limits: Sequence[int]) -> Iterator[int]:
    """Yield how many durations were at most each of rising limits; a slot across a limit is above it."""
    rising = sorted(counted.items())
    position = seen = 0
    for limit in limits:
        while position < len(rising) and slots.bounds(rising[position][0])[1] <= limit:
            seen += rising[position][1]
            position += 1
        yield seen
