from __future__ import annotations

import numpy as np
import pytest

from edgesim.simulate.exposure import Groups
from edgesim.simulate.rollout import Check, Step, Traffic, looks, roll_out, seconds_of

_PLAN = (Step(0.05, 600), Step(0.25, 95), Step(1.0))
_BAD = Traffic(200, 0.001, 0.02)


def _generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_looks() -> None:
    """A plan is looked at each interval and at the end of each step, with the share it had."""
    shares, seconds = looks(_PLAN, 60)
    assert shares.tolist() == [0.05] * 10 + [0.25] * 2
    assert seconds.tolist() == [60.0] * 10 + [60.0, 35.0]
    assert seconds_of(_PLAN) == seconds.sum()


def test_a_bad_canary_is_stopped() -> None:
    """A canary with twenty times the errors is stopped in nearly every rollout, and before everybody has it."""
    found = roll_out(_PLAN, _BAD, Check(), _generator(), 500)
    assert found.stopped > 0.99
    assert np.isfinite(found.at).mean() == found.stopped
    assert found.requests.mean() < 200 * 0.05 * 300


def test_false_alarms_stay_below_the_level() -> None:
    """A canary that is no worse is stopped at most as often as the check's level says, looked at 70 times."""
    found = roll_out(_PLAN, Traffic(200, 0.02, 0.02), Check(0.9), _generator(), 2000)
    assert found.stopped <= 0.1


def test_requests_are_those_of_the_time() -> None:
    """What the canary got by the time it was stopped is its share of the rate over that time."""
    found = roll_out((Step(0.1, 600), Step(1.0)), _BAD, Check(), _generator(), 500)
    stopped = np.isfinite(found.at)
    assert found.requests[stopped].sum() == pytest.approx((found.at[stopped] * 20).sum(), rel=0.02)
    assert found.errors.sum() == pytest.approx(found.requests.sum() * 0.02, rel=0.35)


def test_nobody_stops_it() -> None:
    """A canary too little worse is not stopped, and meets every user; it got what the plan gives it until then."""
    groups = Groups(np.array([1000.0]), np.array([0.2]))
    found = roll_out(_PLAN, Traffic(200, 0.001, 0.00101), Check(), _generator(), 200, groups)
    assert found.stopped < 0.05
    assert found.users is not None
    assert np.median(found.users) == 1000
    assert np.median(found.requests) == pytest.approx(200 * (30 + 0.25 * 95), rel=0.02)


def test_the_same_seed_the_same_rollouts() -> None:
    """Everything is drawn from the generator that is passed in."""
    one, two = (roll_out(_PLAN, _BAD, Check(), _generator(7), 50) for _ in range(2))
    assert one.at.tolist() == two.at.tolist()
