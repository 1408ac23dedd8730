from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import binom

from edgesim.analysis import sizes


@pytest.mark.parametrize(
    ("share", "half_width", "n"), [(0.05, 0.01, 1825), (0.1, 0.01, 3457), (0.5, 0.01, 9604), (0.01, 0.002, 9508)]
)
def test_half_widths(share: float, half_width: float, n: int) -> None:
    """The textbook's numbers: 3.84 p (1 - p) / h^2."""
    assert sizes.for_half_width(share, half_width) == n


@pytest.mark.parametrize(("share", "shift"), [(0.5, 0.03), (0.1, 0.02), (0.1, -0.02), (0.01, 0.005)])
def test_a_shift_is_found_with_the_power(share: float, shift: float) -> None:
    """With n requests the two-sided z-test finds the shift about as often as asked (its counts are binomial)."""
    n = sizes.for_shift(share, shift, 0.99, 0.9)
    half = -float(ndtri(0.005)) * np.sqrt(n * share * (1 - share))
    counts = np.arange(n + 1)
    found = binom.pmf(counts, n, share + shift)[np.abs(counts - n * share) > half].sum()
    assert found == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(("before", "after", "ratio"), [(0.001, 0.011, 19.0), (0.01, 0.02, 1.0), (0.05, 0.06, 3.0)])
def test_a_rise_is_found_with_the_power(before: float, after: float, ratio: float) -> None:
    """With n requests to the canary a rise of errors is found as often as asked, by simulation."""
    n, rng = sizes.for_rise(before, after, 0.95, 0.95, ratio), np.random.default_rng(11)
    old, new = rng.binomial(round(n * ratio), before, 20_000), rng.binomial(n, after, 20_000)
    pooled = (old + new) / (n * (ratio + 1))
    z = (new / n - old / (n * ratio)) / np.sqrt(pooled * (1 - pooled) * (1 + 1 / ratio) / n)
    assert (z > float(ndtri(0.95))).mean() == pytest.approx(0.95, abs=0.025)
    assert sizes.power_of_rise(before, after, n, 0.95, ratio) == pytest.approx(0.95, abs=0.001)


def test_power_without_errors() -> None:
    """Where neither version can fail there is nothing to find, where only the new one does there is no doubt."""
    assert sizes.power_of_rise(0.0, 0.0, 100) == 0.0
    assert sizes.power_of_rise(0.0, 1.0, 100) == 1.0


@pytest.mark.parametrize(("rate", "n"), [(0.01, 299), (0.5, 5), (1.0, 1)])
def test_requests_without_errors(rate: float, n: int) -> None:
    """300 requests without an error claim under 1%."""
    assert sizes.without_errors(rate) == n


def test_no_difference_needs_no_number() -> None:
    """No number of requests shows a difference of nothing."""
    with pytest.raises(ValueError, match="no number of requests"):
        sizes.for_half_width(0.5, 0.0)
    with pytest.raises(ValueError, match="no number of requests"):
        sizes.for_shift(0.5, 0.0)
    with pytest.raises(ValueError, match="no number of requests"):
        sizes.for_rise(0.2, 0.1)
    with pytest.raises(ValueError, match="no number of requests"):
        sizes.without_errors(0.0)
