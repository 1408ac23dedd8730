from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pytest

from edgesim.inspect import Tables
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.simulate.models import Constant, Version
from edgesim.simulate.outcomes import Outcome
from edgesim.simulate.population import Axis, Population, Users
from edgesim.simulate.splits import Simulated, simulate
from edgesim.telemetry.slots import slot_of
from tests.simulate.scenes import canary

_HEADERS = (Axis(("", "stage: canary"), (0.9, 0.1)),)
_COOKIE = [HashPolicy(HashKind.COOKIE, "session")]


def _none(_outcomes: Iterable[Outcome]) -> Mapping[str, Version]:
    return {}


def _simulated(population: Population, runs: int = 40, requests: int = 5000, *, sticky: bool = False) -> Simulated:
    tables = Tables(canary((95, 5), _COOKIE if sticky else ()))
    seeds = np.random.SeedSequence(1).spawn(runs)
    return simulate(tables, population, _none, map(np.random.default_rng, seeds), requests)


def test_the_split_is_the_configured_one() -> None:
    """Shares are those of the weights and of the population, exactly known, and runs are spread as the binomial says."""
    found = _simulated(Population(headers=_HEADERS), runs=200)
    v1, v2 = sorted(found.rows, key=lambda row: -row.share)
    assert v1.exact == pytest.approx(0.9 * 0.95)
    assert v2.exact == pytest.approx(0.1 + 0.9 * 0.05)
    assert v1.share == pytest.approx(v1.exact or 0, abs=0.002)
    shares = found.shares[:, [row.destination for row in found.rows].index(v1.destination)]
    inside = ((shares >= v1.low) & (shares <= v1.high)).mean()
    assert inside > 0.9
    assert v1.least == shares.min()
    assert v1.requests == round(shares.sum() * 5000)


def test_users_who_stick_spread_the_split() -> None:
    """A few very active users who stick make runs differ far more than independent requests would, and that is told."""
    users = Users(200, 1.2, cookie="session")
    loose, sticky = (_simulated(Population(users=users), sticky=sticks) for sticks in (False, True))
    (one,), (two,) = ([row for row in each.rows if row.subset["version"] == "v2"] for each in (loose, sticky))
    assert two.high - two.low > 3 * (one.high - one.low)
    assert two.exact == one.exact == pytest.approx(0.05)
    assert one.users is not None
    assert two.users is not None
    assert two.users < 30 < one.users


def test_requests_that_hash_alike_go_one_way() -> None:
    """Where a hash is the same for all requests of a class, the exact share is all or nothing, and no draw counts."""
    tables = Tables(canary((50, 50), [HashPolicy(HashKind.HEADER, ":path")]))
    found = simulate(tables, Population(), _none, [np.random.default_rng(1)], 1000)
    (row,) = found.rows
    assert (row.exact, row.share) == (1.0, 1.0)


def test_models_of_versions() -> None:
    """Each destination answers with the errors and latencies of its model, as often as it was asked."""
    tables = Tables(canary((95, 5)))
    models = {"echo version=v2": Version(Constant(20_000), 0.5)}
    found = simulate(tables, Population(), lambda _outcomes: models, [np.random.default_rng(1)], 10_000)
    (v2,) = (row for row in found.rows if row.subset["version"] == "v2")
    assert v2.answers.latency == {slot_of(20_000): v2.requests}
    assert v2.answers.errors == pytest.approx(v2.requests / 2, abs=5 * (v2.requests / 4) ** 0.5)


def test_the_same_seed_the_same_figures() -> None:
    """All that is drawn comes from the generators that are passed in."""
    one, two = (_simulated(Population(headers=_HEADERS), runs=3) for _ in range(2))
    assert one.rows == two.rows
