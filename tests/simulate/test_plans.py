from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edgesim.simulate import plans as search
from edgesim.simulate.exposure import Groups
from edgesim.simulate.plans import Bound, Of, fastest, least_risk, plans, risk, within
from edgesim.simulate.rollout import Check, Rollouts, Step, Traffic, roll_out, seconds_of

_BAD = Traffic(500, 0.01, 0.02)
_GROUPS = Groups(np.array([5000.0]), np.array([0.1]))
_BOUND = Bound(Of.USERS, 3500, 0.9)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try fewer plans, so that all of them can be simulated."""
    monkeypatch.setattr(search, "SHARES", (0.02, 0.1, 0.5))
    monkeypatch.setattr(search, "HOLDS", (30.0, 60.0, 120.0, 300.0))
    monkeypatch.setattr(search, "MOST_STEPS", 2)


def test_plans_are_sorted() -> None:
    """Plans come the shortest first, their shares grow, and they end with everybody."""
    every = plans()
    times = [seconds_of(plan) for plan in every]
    assert times == sorted(times)
    assert all(plan[-1] == Step(1.0) for plan in every)
    assert all(a.share < b.share for plan in every for a, b in pairwise(plan))


@pytest.mark.usefixtures("few")
def test_the_fastest_is_the_first_that_holds() -> None:
    """No shorter plan is within the bound when every one is simulated, and the one found is."""
    generator = np.random.default_rng(1)
    found = fastest(_BAD, Check(every=5), _BOUND, generator, 400, _GROUPS)
    assert found.plan is not None
    assert found.rollouts is not None
    assert within(found.rollouts, _BOUND)
    assert risk(found.rollouts, _BOUND) <= 3500
    risks = {
        plan: risk(roll_out(plan, _BAD, Check(every=5), generator, 400, _GROUPS), _BOUND)
        for plan in plans()
        if seconds_of(plan) < seconds_of(found.plan)
    }
    assert min(risks.values()) > 3500 * 0.97  # but for chance at the very edge
    assert found.simulated < found.considered


@pytest.mark.usefixtures("few")
def test_the_formula_is_below_the_simulation() -> None:
    """For every plan what the formula says at least is no more than what simulated rollouts have at most."""
    for bound in (_BOUND, Bound(Of.REQUESTS, 1, 0.9), Bound(Of.ERRORS, 1, 0.9)):
        for plan in plans()[::3]:
            simulated = risk(roll_out(plan, _BAD, Check(every=5), np.random.default_rng(2), 300, _GROUPS), bound)
            assert least_risk(plan, _BAD, Check(every=5), bound, _GROUPS) <= simulated


@pytest.mark.usefixtures("few")
def test_no_plan() -> None:
    """Where no plan is within the bound there is none, and all were looked at."""
    found = fastest(_BAD, Check(), Bound(Of.REQUESTS, 3, 0.9), np.random.default_rng(1), 100)
    assert found.plan is None
    assert found.considered == len(plans())


def test_a_plan_that_seldom_stops_is_no_plan() -> None:
    """The risk of a plan that is stopped less often than asked is infinite, whatever it met."""
    at = np.array([1.0, np.inf])
    rollouts = Rollouts(at, np.array([1, 1]), np.array([1, 1]), None)
    assert risk(rollouts, Bound(Of.REQUESTS, 10, 0.9)) == np.inf
    assert risk(rollouts, Bound(Of.REQUESTS, 10, 0.4)) == 1
