"""A scenario as a result keeps it: without a log's many requests and times, and without values that may be secret."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import ceil

from edgesim.load.scenario import Open, RequestClass, Scenario, Stage

_MOST_STAGES = 100


def abridged(scenario: Scenario) -> Scenario:
    """Return a scenario without rows of variables; a replay as steps of its own rates, with one request of each name."""
    made = replace(scenario, variables=replace(scenario.variables, rows=()))
    mode = scenario.mode
    if not isinstance(mode, Open) or not mode.times:
        return made
    named: dict[str, RequestClass] = {}
    for each in scenario.requests:
        first = named.setdefault(each.name, replace(each, weight=0.0))
        named[each.name] = replace(first, weight=first.weight + each.weight)
    return replace(made, requests=tuple(named.values()), mode=Open(steps(mode), mode.arrivals))


def steps(mode: Open) -> tuple[Stage, ...]:
    """Return the stages of an open loop; those of a replay are steps of its own rates, a hundred at most."""
    if not mode.times:
        return mode.stages
    seconds = max(1.0, mode.times[-1])
    width = float(max(1, ceil(seconds / _MOST_STAGES)))
    counted = Counter(int(at / width) for at in mode.times)
    return tuple(Stage(width, counted[each] / width, counted[each] / width) for each in range(max(counted) + 1))
