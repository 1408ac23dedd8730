from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest, chisquare

from edgesim.analysis import fit
from edgesim.analysis.intervals import clopper_pearson


@pytest.mark.parametrize("count", [0, 3, 40, 50, 61, 100])
def test_two_arms_at_a_half_are_scipys(count: int) -> None:
    """At a share of one half, where both tails are alike, the exact p-value is scipy's."""
    assert fit.binomial_p(count, 100, 0.5) == pytest.approx(binomtest(count, 100, 0.5).pvalue)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_p_value_rejects_what_the_exact_interval_leaves_out(share: float) -> None:
    """P-value below the level and share outside Clopper and Pearson's interval are the same, for every count of 150."""
    for count in range(151):
        interval = clopper_pearson(count, 150, 0.99)
        assert (fit.binomial_p(count, 150, share) < 0.01) == (not interval.low <= share <= interval.high)


@pytest.mark.parametrize(("of", "share"), [(60, 0.5), (500, 0.1), (1000, 0.01), (5000, 0.5)])
def test_false_alarms_and_power_are_exact(of: int, share: float) -> None:
    """Summed over all counts, false alarms are at most the level and the power is what `binomial_power` says."""
    rejected = np.array([fit.binomial_p(count, of, share) < 0.01 for count in range(of + 1)])
    assert binom.pmf(np.arange(of + 1), of, share)[rejected].sum() <= 0.01
    for shift in (0.05, -0.005, 0.0):
        true = binom.pmf(np.arange(of + 1), of, share + shift)[rejected].sum()
        assert fit.binomial_power(of, share, shift, 0.99) == pytest.approx(true, abs=1e-12)


def test_many_arms_are_scipys() -> None:
    """With expectations large enough the statistic and the p-value are scipy's chi-square."""
    counts, shares = [880, 70, 52], [0.9, 0.05, 0.05]
    theirs = chisquare(counts, np.array(shares) * sum(counts))
    assert fit.chi_square(counts, shares) == pytest.approx(theirs.statistic)
    assert fit.chi_square_p(counts, shares, np.random.default_rng(0)) == pytest.approx(theirs.pvalue)


def test_few_expected_are_drawn() -> None:
    """With small expectations the p-value is drawn: that of all multinomial counts summed, but for the luck of draws."""
    shares, counts = [0.6, 0.3, 0.1], [3, 3, 4]
    statistic, exact = fit.chi_square(counts, shares), 0.0
    for one in range(11):
        for two in range(11 - one):
            seen = [one, two, 10 - one - two]
            if fit.chi_square(seen, shares) >= statistic * (1 - 1e-12):
                exact += binom.pmf(one, 10, 0.6) * binom.pmf(two, 10 - one, 0.75)
    assert fit.chi_square_p(counts, shares, np.random.default_rng(5)) == pytest.approx(exact, abs=0.005)


def test_a_high_confidence_takes_more_draws() -> None:
    """Counts that never come by chance have a p-value well below the level, however low that is."""
    for confidence in (0.99, 0.99999):
        p_value = fit.chi_square_p([0, 0, 30], [0.6, 0.3, 0.1], np.random.default_rng(6), confidence)
        assert p_value < (1 - confidence) / 9


def test_nothing_is_no_reason() -> None:
    """Without requests nothing is rejected."""
    assert fit.binomial_p(0, 0, 0.5) == 1.0
    assert fit.chi_square([0, 0, 0], [0.2, 0.3, 0.5]) == 0.0
    assert fit.chi_square_p([0, 0, 0], [0.2, 0.3, 0.5], np.random.default_rng(0)) == 1.0


@pytest.mark.parametrize(("of", "shift"), [(2000, 0.02), (20_000, -0.01), (10_000_000, 0.01), (500, 0.0)])
def test_the_power_of_chi_square_is_that_of_draws(of: int, shift: float) -> None:
    """The power of chi-square is the share of drawn counts it rejects, for one arm off by a shift."""
    shares = np.array([0.85, 0.1, 0.05])
    others = np.where(np.arange(3) == 1, 0.1 + shift, shares * (1 - 0.1 - shift) / 0.9)
    drawn = np.random.default_rng(2).multinomial(of, others, 4000)
    statistics = ((drawn - of * shares) ** 2 / (of * shares)).sum(axis=1)
    power = fit.chi_square_power(of, list(shares), 1, shift, 0.99)
    assert power == pytest.approx((statistics > 9.21034).mean(), abs=0.03)


@pytest.mark.parametrize(
    ("of", "share", "tolerance"), [(4000, 0.1, 0.02), (300, 0.5, 0.1), (900, 0.01, 0.02), (50, 0.5, 0.1)]
)
def test_the_power_within_a_tolerance_is_exact(of: int, share: float, tolerance: float) -> None:
    """Summed over all counts whose exact interval lies within the tolerance, the power is what `within_power` says."""
    counts = np.arange(of + 1)
    held = np.array(
        [clopper_pearson(int(count), of, 0.99).within(share - tolerance, share + tolerance) for count in counts]
    )
    assert fit.within_power(of, share, tolerance, 0.99) == pytest.approx(
        binom.pmf(counts, of, share)[held].sum(), abs=1e-12
    )


def test_what_a_tolerance_needs() -> None:
    """The number needed for an interval within a gap has about the power asked for."""
    n = fit.needed_for_within(0.1, 0.01, 0.99, 0.9)
    assert fit.within_power(n, 0.1, 0.01, 0.99) == pytest.approx(0.9, abs=0.03)
