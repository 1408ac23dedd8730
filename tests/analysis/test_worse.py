from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, fisher_exact

from edgesim.analysis.intervals import newcombe
from edgesim.analysis.worse import Rate, compare_errors


def test_error_rates_are_compared() -> None:
    """The difference comes with Newcombe's interval and Fisher's one-sided p-value."""
    found = compare_errors(Rate(10, 1000), Rate(30, 1000), 0.99)
    assert found.difference == pytest.approx(0.02)
    assert found.interval == newcombe((10, 1000), (30, 1000), 0.99)
    assert found.fisher_p == pytest.approx(fisher_exact([[30, 970], [10, 990]], alternative="greater")[1])
    assert found.is_beyond(0.001)
    assert not found.is_within(0.03)
    assert found.is_within(0.05)
    assert not found.is_beyond(0.02)


def test_nothing_is_not_worse() -> None:
    """Without requests on a side nothing is shown."""
    found = compare_errors(Rate(0, 0), Rate(3, 10))
    assert found.fisher_p == 1.0
    assert not found.is_within(0.01)
    assert Rate(0, 0).share == 0.0


def test_the_margin_is_seldom_wrongly_kept() -> None:
    """A version that is worse by the margin itself is called within it no more often than 2.5% (95% two-sided)."""
    rng = np.random.default_rng(4)
    old, new = rng.binomial(3000, 0.02, 2000), rng.binomial(3000, 0.03, 2000)
    within = sum(newcombe((int(a), 3000), (int(b), 3000)).high < 0.01 for a, b in zip(old, new, strict=True))
    assert within <= binom.isf(1e-3, 2000, 0.025)
