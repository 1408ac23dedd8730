from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from edgesim.inspect import Tables
from edgesim.simulate.decided import Decided
from edgesim.simulate.drawing import CHUNK, chunks, classes_of, count_outcomes, traffic_of, users_of
from edgesim.simulate.population import Axis, Population, Users
from tests.simulate.scenes import canary


def _generator() -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(1))


def test_axes_are_independent() -> None:
    """Classes come as often as the product of their values' shares says, by a chi-square test, also for many values."""
    paths = Axis(tuple(f"/{number}" for number in range(3000)), tuple(float(1 + n % 3) for n in range(3000)))
    headers = (Axis(("", "x: 1"), (3, 1)), Axis(("", "y: 1"), (1, 1)))
    population = Population(paths=paths, headers=headers)
    traffic = traffic_of(population)
    assert len(traffic.classes) > 1
    found = np.bincount(classes_of(traffic, _generator(), 600_000), minlength=population.classes)
    shares = np.multiply.outer(np.multiply.outer([0.5, 0.5], [0.75, 0.25]), np.array(paths.weights)).ravel()
    expected = shares / shares.sum() * 600_000
    assert ((found - expected) ** 2 / expected).sum() < chi2.ppf(0.9999, population.classes - 1)


def test_users_are_as_active_as_said() -> None:
    """Users are equally active, or the second half as active as the first with zipf 1."""
    even = users_of(traffic_of(Population(users=Users(10))), _generator(), 100_000)
    zipf = users_of(traffic_of(Population(users=Users(10, 1.0))), _generator(), 100_000)
    assert even is not None
    assert zipf is not None
    assert np.bincount(even.astype(int), minlength=10) == pytest.approx(np.full(10, 10_000), abs=500)
    counts = np.bincount(zipf, minlength=10)
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.05)


def test_every_request_is_counted_once() -> None:
    """Counts add up to the requests, chunk by chunk, and who looks on hears of all of them."""
    told: list[int] = []
    population = Population(users=Users(500))
    requests = 2 * CHUNK + 5
    decided = Decided(Tables(canary()), population)
    found = count_outcomes(decided, traffic_of(population), _generator(), requests, told.append)
    assert found.counts.sum() == sum(told) == requests == sum(chunks(requests))
    assert found.met is not None
    assert found.met[0].all()


def test_weights_that_sum_to_nothing() -> None:
    """An axis nothing is drawn from is refused."""
    with pytest.raises(ValueError, match="more than 0"):
        traffic_of(Population(paths=Axis(("/",), (0.0,))))
