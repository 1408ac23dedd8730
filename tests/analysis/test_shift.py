from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu

from edgesim.analysis import shift
from edgesim.analysis.binned import Binned
from tests.analysis.drawing import binned_of, durations

EMPTY = Binned(np.array([]), np.array([], np.int64))


def _values(of: Binned) -> np.ndarray:
    return np.repeat(of.values, of.counts)


@pytest.mark.parametrize("scale", [1.0, 1.05, 0.7])
def test_mann_whitney_is_scipys(scale: float) -> None:
    """Over bins with ties the test gives scipy's p-values for the values themselves, and the same superiority."""
    rng = np.random.default_rng(4)
    before, after = durations(rng, 300), durations(rng, 200, scale)
    found = shift.mann_whitney(before, after)
    theirs = mannwhitneyu(_values(after), _values(before), use_continuity=False, method="asymptotic")
    above = mannwhitneyu(
        _values(after), _values(before), use_continuity=False, alternative="greater", method="asymptotic"
    )
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert found.p_greater == pytest.approx(above.pvalue)
    assert found.superiority == pytest.approx(theirs.statistic / (300 * 200))
    assert found.cliffs_delta == pytest.approx(2 * theirs.statistic / (300 * 200) - 1)


def test_mann_whitney_of_nothing() -> None:
    """Nothing, and values that are all the same, show no difference."""
    same = binned_of(np.ones(5))
    for before, after in ((EMPTY, same), (same, EMPTY), (same, same)):
        found = shift.mann_whitney(before, after)
        assert (found.superiority, found.z, found.p_value) == (0.5, 0.0, 1.0)


@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_hodges_lehmann_is_the_median_difference(scale: float) -> None:
    """The shift is the median of all differences of pairs."""
    rng = np.random.default_rng(5)
    before, after = durations(rng, 301), durations(rng, 201, scale)
    differences = (_values(after)[:, np.newaxis] - _values(before)).ravel()
    middle, interval = shift.hodges_lehmann(before, after)
    assert middle == pytest.approx(np.quantile(differences, 0.5, method="inverted_cdf"), abs=1e-9)
    assert interval.low < middle < interval.high


def test_the_interval_of_the_shift_holds() -> None:
    """The shift's interval misses the true shift about as seldom as it says (95%), over 400 runs."""
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(400):
        before, after = rng.normal(10, 1, 60), rng.normal(10.5, 1, 40)
        _, interval = shift.hodges_lehmann(binned_of(before), binned_of(after))
        held += interval.low <= 0.5 <= interval.high
    assert binom.ppf(1e-3, 400, 0.95) <= held <= binom.isf(1e-3, 400, 0.95)


def test_a_shift_of_constants() -> None:
    """Between two constants the shift is exact; from nothing there is none."""
    one, two = binned_of(np.full(9, 3.0)), binned_of(np.full(5, 5.0))
    middle, interval = shift.hodges_lehmann(one, two)
    assert (middle, interval.low, interval.high) == (2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="from or to nothing"):
        shift.hodges_lehmann(EMPTY, two)


def test_the_bootstrap_of_quantiles_holds() -> None:
    """The interval of the ratio of medians holds the true one about as often as it says (90%), over 200 runs."""
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(200):
        before, after = durations(rng, 300), durations(rng, 200, 1.2)
        drawn = shift.bootstrap_quantiles(before, after, (0.5,), rng, 200)
        interval = shift.interval_of(drawn[:, 0], 0.9)
        held += interval.low <= 1.2 <= interval.high
    assert held >= binom.ppf(1e-3, 200, 0.86)


def test_the_bootstrap_of_seconds_knows_that_seconds_differ() -> None:
    """Where seconds have much in common the interval from seconds drawn anew holds, that from requests does not."""
    rng = np.random.default_rng(9)
    by_second = by_request = 0
    for _ in range(60):
        one, two = ([durations(rng, 50, rng.lognormal(0, 0.3)) for _ in range(30)] for _ in range(2))
        drawn = shift.bootstrap_blocks([*one, EMPTY], two, (0.5,), rng, 100)[:, 0]
        interval = shift.interval_of(drawn, 0.95)
        by_second += interval.low <= 1 <= interval.high
        whole = [binned_of(np.concatenate([_values(each) for each in side])) for side in (one, two)]
        narrow = shift.interval_of(shift.bootstrap_quantiles(whole[0], whole[1], (0.5,), rng, 100)[:, 0], 0.95)
        by_request += narrow.low <= 1 <= narrow.high
    assert by_second >= binom.ppf(1e-3, 60, 0.9)
    assert by_request < by_second - 10
