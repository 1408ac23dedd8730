"""What many rollouts of one plan come to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgesim.simulate.exposure import Groups
from edgesim.simulate.rollout import Check, Plan, Rollouts, Step, Traffic, roll_out, seconds_of


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of many rollouts, and what they do not exceed in the asked share of them."""

    median: float
    most: float


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan with a canary that is worse.

    `stopped` is the share of rollouts that were stopped before everybody had the canary, `false_alarms` the same of a canary
    that is no worse. `at` is when, in seconds, among those that were stopped; the other spreads are of all rollouts: one
    that was not stopped counts with all users, and with what the canary was sent until it had everything.
    """

    steps: tuple[Step, ...]
    seconds: float
    rollouts: int
    stopped: float
    false_alarms: float
    at: Spread | None
    requests: Spread
    errors: Spread
    users: Spread | None
    every_user: int | None


def report_of(
    plan: Plan,
    rollouts: Rollouts,
    traffic: Traffic,
    check: Check,
    power: float,
    generator: np.random.Generator,
    groups: Groups | None,
) -> PlanReport:
    """Sum up rollouts, and roll out a canary that is no worse beside them."""
    runs = len(rollouts.at)
    same = Traffic(traffic.rate, traffic.before, traffic.before)
    false_alarms = roll_out(plan, same, check, generator, runs).stopped
    ended = rollouts.at[np.isfinite(rollouts.at)]
    return PlanReport(
        plan,
        seconds_of(plan),
        runs,
        rollouts.stopped,
        false_alarms,
        _spread(ended, power) if len(ended) else None,
        _spread(rollouts.requests, power),
        _spread(rollouts.errors, power),
        None if rollouts.users is None else _spread(rollouts.users, power),
        None if groups is None else round(groups.users),
    )


def _spread(values: NDArray[np.float64] | NDArray[np.int64], power: float) -> Spread:
    return Spread(
        float(np.quantile(values, 0.5, method="inverted_cdf")), float(np.quantile(values, power, method="higher"))
    )
