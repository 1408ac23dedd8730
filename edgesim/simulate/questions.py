"""What is asked of a simulation beside the split, and its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from edgesim.model.codes import failure
from edgesim.simulate.canaries import Canary, canary_of
from edgesim.simulate.exposure import Groups, groups_of
from edgesim.simulate.holding import Hold, hold
from edgesim.simulate.models import Version
from edgesim.simulate.plans import Bound, Of, fastest
from edgesim.simulate.population import Users
from edgesim.simulate.rollout import Check, Plan, Traffic, roll_out
from edgesim.simulate.rollout_report import PlanReport, report_of
from edgesim.simulate.splits import Simulated

USUAL_ERRORS = 0.001
"""The old version's share of errors where nobody says otherwise."""
_WORSE = 1e-9

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked; empty or None where it is not. Shares are fractions of 1, `rate` is of all requests a second."""

    rate: float | None
    canary: str = ""
    errors: float | None = None
    rise: float | None = None
    share: float = 0.05
    plan: Plan | None = None
    bound: Bound | None = None
    check: Check = field(default_factory=Check)
    power: float = 0.95
    runs: int = 2_000


@dataclass(frozen=True, slots=True)
class Search:
    """The fastest plan within a bound, None where there is none, and how many plans were looked at and simulated."""

    bound: Bound
    plan: PlanReport | None
    considered: int
    simulated: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers, and what they were calculated with: `rate` is of the requests that are split."""

    canary: str
    others: tuple[str, ...]
    rate: float
    before: float
    after: float
    hold: Hold | None = None
    plan: PlanReport | None = None
    search: Search | None = None


def answer(
    asked: Questions,
    simulated: Simulated,
    users: Users | None,
    generator: np.random.Generator,
    told: Told = lambda _done, _all: None,
) -> Answered | None:
    """Answer what is asked, None where nothing is. Raises EdgesimError for a question without an answer."""
    if asked.rise is None and asked.plan is None and asked.bound is None:
        return None
    if asked.rate is None:
        raise failure(
            "ES1105", "how long it takes depends on the rate of requests", "say it with `--rate`", exit_code=2
        )
    exact = simulated.exact or simulated.estimated
    canary = canary_of(asked.canary, simulated.outcomes, exact)
    traffic = _traffic(asked, canary, simulated.models, asked.rate)
    groups = None if users is None else groups_of(users, traffic.rate, sticky=simulated.sticky)
    others = tuple(sorted(canary.others))
    held = None
    if asked.rise is not None:
        risen = Traffic(traffic.rate, traffic.before, _risen(traffic.before, asked.rise))
        held = hold(asked.share, risen, asked.check.confidence, asked.power, generator, asked.runs)
    plan = None if asked.plan is None else _rolled_out(asked.plan, asked, traffic, groups, generator)
    search = None if asked.bound is None else _searched(asked.bound, asked, traffic, groups, generator, told)
    return Answered(canary.name, others, traffic.rate, traffic.before, traffic.after, held, plan, search)


def _traffic(asked: Questions, canary: Canary, versions: Mapping[str, Version], rate: float) -> Traffic:
    """Return rates of errors: those that are said, else the usual one, and the rise that is to be seen above it."""
    known = [each.errors for name in sorted(canary.others) if (each := versions.get(name)) and each.errors is not None]
    before = asked.errors if asked.errors is not None else known[0] if known else USUAL_ERRORS
    said = [
        each.errors for name in sorted(canary.destinations) if (each := versions.get(name)) and each.errors is not None
    ]
    after = said[0] if said else before if asked.rise is None else _risen(before, asked.rise)
    if after <= before + _WORSE and (asked.plan is not None or asked.bound is not None):
        text = f"`{canary.name}` is no worse than the others: errors {after:.4g} against {before:.4g}"
        hint = "say how bad it is: `errors` of its version in the population, or `--detect 'errors+1%'`"
        raise failure("ES1105", text, hint)
    return Traffic(rate * canary.share, before, after)


def _risen(before: float, rise: float) -> float:
    if before + rise >= 1:
        raise failure("ES1105", f"errors of {before:.3g} cannot rise by {rise:.3g}", exit_code=2)
    return before + rise


def _rolled_out(
    plan: Plan, asked: Questions, traffic: Traffic, groups: Groups | None, generator: np.random.Generator
) -> PlanReport:
    rollouts = roll_out(plan, traffic, asked.check, generator, asked.runs, groups)
    return report_of(plan, rollouts, traffic, asked.check, asked.power, generator, groups)


def _searched(
    bound: Bound,
    asked: Questions,
    traffic: Traffic,
    groups: Groups | None,
    generator: np.random.Generator,
    told: Told,
) -> Search:
    if bound.of is Of.USERS and groups is None:
        raise failure("ES1105", "a bound on users needs users: the population has none", exit_code=2)
    found = fastest(traffic, asked.check, bound, generator, asked.runs, groups, told)
    report = None
    if found.plan is not None and found.rollouts is not None:
        report = report_of(found.plan, found.rollouts, traffic, asked.check, asked.power, generator, groups)
    return Search(bound, report, found.considered, found.simulated)
