"""The plan that is fastest within a risk bound: plans are tried from the shortest on, most of them by a formula or a few rollouts.

No test of a level stops a canary sooner, with a given power, than one look at the best moment would. So what has met the
canary by the moment at which one look has that power bounds a plan's risk from below, and needs no simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, product
from math import sqrt

import numpy as np

from edgesim.analysis.sizes import power_of_rise
from edgesim.simulate.exposure import Floats, Groups, users_met
from edgesim.simulate.rollout import Check, Plan, Rollouts, Step, Traffic, looks, roll_out, seconds_of

SHARES = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5)
HOLDS = (60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0, 86400.0)
"""Seconds."""
MOST_STEPS = 3
_FIRST = ((40, 4.0), (300, 1.0), (1000, 0.0))
"""Rollouts of a plan that leave out most that are over the bound, and the standard deviations by which it may be over it."""
_SURELY = -1.645
"""... and by which it must be within it in the end: with 95% confidence."""
_LOOKS = 150
"""A plan is looked at about so often while candidates are compared, or as often as asked for where that is less."""


class Of(StrEnum):
    """What a bound counts."""

    USERS = "users"
    REQUESTS = "requests"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True)
class Bound:
    """In a share of the rollouts, `power`, a canary that is worse meets at most so many."""

    of: Of
    most: float
    power: float


@dataclass(frozen=True, slots=True)
class Found:
    """The fastest plan with its rollouts, or None; how many plans were looked at, and how many of them simulated."""

    plan: Plan | None
    rollouts: Rollouts | None
    considered: int
    simulated: int


def within(rollouts: Rollouts, bound: Bound, deviations: float = _SURELY) -> bool:
    """Tell whether no more rollouts are over the bound than allowed, with room for chance on this or that side."""
    over = float((_met(rollouts, bound) > bound.most).mean())
    allowed = 1 - bound.power
    return over <= allowed + deviations * sqrt(allowed * bound.power / len(rollouts.at))


def _met(rollouts: Rollouts, bound: Bound) -> Floats:
    """Return what each rollout met, infinite where it was not stopped."""
    met = {Of.USERS: rollouts.users, Of.REQUESTS: rollouts.requests, Of.ERRORS: rollouts.errors}[bound.of]
    assert met is not None
    return np.where(np.isfinite(rollouts.at), met, np.inf)


def risk(rollouts: Rollouts, bound: Bound) -> float:
    """Return what is met at most in the bound's share of the rollouts; infinite where they are not stopped so often."""
    if rollouts.stopped < bound.power:
        return float("inf")
    return float(np.quantile(_met(rollouts, bound), bound.power, method="inverted_cdf"))


def plans() -> list[Plan]:
    """Return the plans that are tried, the shortest first."""
    return sorted(_plans(), key=seconds_of)


def _plans() -> Iterator[Plan]:
    for steps in range(1, MOST_STEPS + 1):
        for shares in combinations(SHARES, steps):
            for holds in product(HOLDS, repeat=steps):
                yield (*(Step(share, held) for share, held in zip(shares, holds, strict=True)), Step(1.0))


def fastest(
    traffic: Traffic,
    check: Check,
    bound: Bound,
    generator: np.random.Generator,
    runs: int,
    groups: Groups | None = None,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> Found:
    """Return the first plan whose risk is within the bound; `told` hears how many of how many were looked at."""
    simulated = 0
    every = plans()
    for number, plan in enumerate(every, 1):
        told(number, len(every))
        if least_risk(plan, traffic, check, bound, groups) > bound.most:
            continue
        simulated += 1
        coarser = _coarser(plan, check)
        tries = ((roll_out(plan, traffic, coarser, generator, few, groups), room) for few, room in _FIRST)
        if not all(within(rollouts, bound, room) for rollouts, room in tries):
            continue
        rollouts = roll_out(plan, traffic, check, generator, runs, groups)
        if within(rollouts, bound):
            return Found(plan, rollouts, number, simulated)
    return Found(None, None, len(every), simulated)


def _coarser(plan: Plan, check: Check) -> Check:
    return Check(check.confidence, max(check.every, seconds_of(plan) / _LOOKS))


def least_risk(plan: Plan, traffic: Traffic, check: Check, bound: Bound, groups: Groups | None) -> float:
    """Return what the canary meets until one look has the bound's power; infinite where it never has."""
    at = _moment(plan, traffic, check, bound.power)
    if at is None:
        return float("inf")
    shares, seconds = looks(_until(plan, at), float("inf"))
    if bound.of is Of.USERS:
        assert groups is not None
        return float(users_met(groups, shares, seconds)[0][-1]) * _SLACK
    requests = float((shares * seconds).sum()) * traffic.rate
    return requests * (traffic.after if bound.of is Of.ERRORS else 1.0) * _SLACK


_SLACK = 0.9
"""The formula is an approximation: only what is clearly out of the bound is left out by it."""


def _moment(plan: Plan, traffic: Traffic, check: Check, power: float) -> float | None:
    """Return the seconds after which one look has the power, to a hundredth of a step."""
    begun = exposed = 0.0
    for step in plan[:-1]:
        if _power(begun + step.seconds, exposed + step.share * step.seconds, traffic, check) >= power:
            low, high = 0.0, step.seconds
            while high - low > step.seconds / 100:
                middle = (low + high) / 2
                there = _power(begun + middle, exposed + step.share * middle, traffic, check) >= power
                low, high = (low, middle) if there else (middle, high)
            return begun + high
        begun += step.seconds
        exposed += step.share * step.seconds
    return None


def _power(seconds: float, exposed: float, traffic: Traffic, check: Check) -> float:
    requests = int(exposed * traffic.rate)
    if requests < 1:
        return 0.0
    ratio = (seconds - exposed) / exposed
    return power_of_rise(traffic.before, traffic.after, requests, check.confidence, ratio)


def _until(plan: Plan, at: float) -> Plan:
    steps: list[Step] = []
    for step in plan:
        held = min(step.seconds, at)
        if held > 0:
            steps.append(Step(step.share, held))
        at -= held
    return tuple(steps)
