from __future__ import annotations

import numpy as np
import pytest

from edgesim.inspect import Tables
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.simulate.decided import Decided
from edgesim.simulate.drawing import count_outcomes, traffic_of
from edgesim.simulate.exposure import Groups, groups_of, users_met
from edgesim.simulate.population import Population, Users
from tests.simulate.scenes import canary

_SHARES, _SECONDS = np.array([0.05, 0.05, 0.25]), np.array([10.0, 10.0, 5.0])
_RUNS = 400


def _brute_force(rates: np.ndarray, sticky: bool) -> np.ndarray:
    """Count the users who met the canary after each look, user by user and request by request."""
    generator = np.random.default_rng(1)
    met = np.zeros((_RUNS, len(rates)), bool)
    place = generator.random((_RUNS, len(rates)))
    found = []
    for share, seconds in zip(_SHARES, _SECONDS, strict=True):
        requests = generator.poisson(rates * seconds, met.shape)
        to_canary = np.where(place < share, requests, 0) if sticky else generator.binomial(requests, share)
        met |= to_canary > 0
        found.append(met.sum(axis=1))
    return np.array(found)


@pytest.mark.parametrize("sticky", [False, True])
def test_as_many_as_one_by_one(sticky: bool) -> None:
    """Mean and variance agree with users simulated one by one, for users of very different activity."""
    rates = np.array([2.0] * 10 + [0.1] * 100 + [0.01] * 300)
    groups = Groups(np.array([10.0, 100.0, 300.0]), np.array([2.0, 0.1, 0.01]), sticky)
    mean, variance = users_met(groups, _SHARES, _SECONDS)
    found = _brute_force(rates, sticky)
    assert np.all(np.abs(found.mean(axis=1) - mean) < 5 * np.sqrt(variance / _RUNS))
    assert np.allclose(found.var(axis=1), variance, rtol=0.4)


def test_groups_keep_users_and_rate() -> None:
    """Grouping by activity loses no user and no request."""
    for users in (Users(1000), Users(10_000, 1.1), Users(1, 2.0)):
        groups = groups_of(users, 50.0)
        assert groups.users == users.count
        assert (groups.counts * groups.rates).sum() == pytest.approx(50.0)


def test_groups_are_fine_enough() -> None:
    """The number of users met with grouped activities is that with each user's own, to a hundredth."""
    users = Users(5000, 1.0)
    grouped, _ = users_met(groups_of(users, 100.0), _SHARES, _SECONDS)
    weights = 1 / np.arange(1, 5001)
    rates = weights / weights.sum() * 100
    single, _ = users_met(Groups(np.ones(5000), rates), _SHARES, _SECONDS)
    assert np.allclose(grouped, single, rtol=0.01)


@pytest.mark.parametrize("sticky", [False, True])
def test_as_many_as_routed_requests(sticky: bool) -> None:
    """The number of users is that of requests drawn and routed in bulk at one step's weights, loose and sticky."""
    users = Users(3000, 1.0, cookie="session")
    hashed = [HashPolicy(HashKind.COOKIE, "session")] if sticky else []
    population = Population(users=users)
    decided, traffic = Decided(Tables(canary((95, 5), hashed)), population), traffic_of(population)
    generator = np.random.default_rng(1)
    met = []
    for run in range(20):
        decided.begin(run)
        found = count_outcomes(decided, traffic, generator, generator.poisson(200 * 60)).met
        assert found is not None
        met.append(found[1].sum())
    mean, variance = users_met(groups_of(users, 200.0, sticky=sticky), np.array([0.05]), np.array([60.0]))
    assert abs(np.mean(met) - mean[0]) < 5 * np.sqrt(variance[0] / 20)
