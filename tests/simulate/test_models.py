from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from scipy.stats import chi2

from edgesim.simulate.models import Constant, LogNormal, Measured, Version, answers, latencies
from edgesim.telemetry import slots


def _generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_constant_is_one_slot() -> None:
    """A constant latency lies in one slot; of no requests there is none."""
    assert latencies(Constant(20_000), 7, _generator()) == {slots.slot_of(20_000): 7}
    assert latencies(Constant(20_000), 0, _generator()) == {}


def test_a_lognormal_has_its_percentiles() -> None:
    """Median and p99 of a million draws are those that were asked for, within the slots' three digits and chance."""
    found = latencies(LogNormal(20_000, 80_000), 1_000_000, _generator())
    median, p99 = slots.percentiles(found, [50, 99])
    assert slots.count(found) == 1_000_000
    assert median == pytest.approx(20_000, rel=0.004)
    assert p99 == pytest.approx(80_000, rel=0.01)


def test_a_lognormal_is_drawn_as_one_by_one() -> None:
    """The multinomial draw over slots agrees with single lognormal draws put into slots, by a chi-square test."""
    sigma = log(80_000 / 20_000) / 2.3263478740408408
    single = np.exp(_generator(2).normal(log(20_000), sigma, 200_000)).astype(int)
    bulk = latencies(LogNormal(20_000, 80_000), 200_000, _generator(3))
    edges = [0, *(exp(log(20_000) + sigma * z) for z in np.linspace(-2.5, 2.5, 20)), 1e9]
    one = np.histogram(single, edges)[0]
    values = [sum(slots.bounds(slot)) / 2 for slot in bulk]
    two = np.histogram(values, edges, weights=list(bulk.values()))[0]
    statistic = ((one - two) ** 2 / (one + two)).sum()
    assert statistic < chi2.ppf(0.9999, len(one) - 1)


def test_no_spread_at_all() -> None:
    """A p99 that is the median is that one value."""
    found = latencies(LogNormal(5_000, 5_000), 10, _generator())
    assert found == {slots.slot_of(5_000): 10}


def test_the_longest_takes_the_tail() -> None:
    """What would take longer than a minute counts as a minute: nothing is lost."""
    found = latencies(LogNormal(50_000_000, 500_000_000), 1000, _generator())
    assert slots.count(found) == 1000
    assert max(found) == slots.LAST


def test_measured_is_drawn_from() -> None:
    """A measured histogram gives its own slots, in its own shares."""
    found = latencies(Measured({100: 1, 2000: 3}), 40_000, _generator())
    assert set(found) == {100, 2000}
    assert found[2000] == pytest.approx(30_000, abs=5 * (40_000 * 3 / 16) ** 0.5)


def test_errors_are_binomial() -> None:
    """A share of errors is drawn; where nothing is said of a version nothing is answered."""
    found = answers(Version(errors=0.1), 100_000, _generator())
    assert found.errors == pytest.approx(10_000, abs=5 * 95)
    assert found.latency == {}
    assert answers(Version(), 5, _generator()).errors is None
