from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import ndtri
from scipy.stats import binom

from edgesim.analysis import always_valid as av
from edgesim.analysis.intervals import newcombe, wilson
from edgesim.analysis.worse import Rate

Counts = NDArray[np.int64]


def _runs(share: float, each_second: int, seconds: int, runs: int, seed: int) -> Counts:
    """Draw the errors counted so far at each second of many runs."""
    return np.random.default_rng(seed).binomial(each_second, share, (runs, seconds)).cumsum(axis=1)


@pytest.mark.parametrize(
    ("before", "after", "margin"), [(0.02, 0.02, 0.0), (0.02, 0.03, 0.01), (0.0, 0.01, 0.01), (0.3, 0.3, 0.0)]
)
def test_looking_every_second_raises_no_more_false_alarms(before: float, after: float, margin: float) -> None:
    """Of 1,500 runs looked at in each of 200 seconds no more than 5% are ever called worse than the margin.

    The canary is as bad as the margin allows. The usual test, looked at as often, is wrong in far more of them.
    """
    requests = 20.0 * np.arange(1, 201)
    old, new = _runs(before, 40, 200, 1500, 1), _runs(after, 20, 200, 1500, 2)
    evidence = av.log_evidence((old, 2 * requests), (new, requests), margin)
    alarms = int((evidence >= np.log(1 / 0.05)).any(axis=1).sum())
    assert alarms <= binom.isf(1e-3, 1500, 0.05)
    one, two = old / (2 * requests), new / requests
    error = np.sqrt(np.maximum(one * (1 - one) / (2 * requests) + two * (1 - two) / requests, 1e-9))
    naive = int(((two - one - margin) / error > float(ndtri(0.95))).any(axis=1).sum())
    assert naive > 2 * binom.isf(1e-3, 1500, 0.05)


def test_a_canary_that_is_worse_is_found() -> None:
    """A rise of errors from 1% to 5% is found in nearly every run, and long before its end."""
    requests = 20.0 * np.arange(1, 201)
    old, new = _runs(0.01, 40, 200, 300, 3), _runs(0.05, 20, 200, 300, 4)
    found = av.log_evidence((old, 2 * requests), (new, requests), 0.01) >= np.log(1 / 0.05)
    assert found.any(axis=1).mean() > 0.99
    assert np.median(found.argmax(axis=1)) < 100


@pytest.mark.parametrize(
    ("one", "two", "margin"),
    [
        ((5, 200), (9, 100), 0.01),
        ((0, 50), (30, 60), 0.1),
        ((9, 10), (10, 10), 0.05),
        ((40, 90), (2, 90), -0.6),
        ((3, 90), (9, 80), 0.0),
    ],
)
def test_the_null_is_at_its_best(one: tuple[int, int], two: tuple[int, int], margin: float) -> None:
    """The likelihood of the best pair of rates of the null is what a general optimiser finds."""

    def minus(rate: float) -> float:
        first, second = binom.logpmf(*one, rate), binom.logpmf(*two, rate + margin)
        return -float(first + second)

    best = minimize_scalar(
        minus, bounds=(max(0, -margin) + 1e-12, min(1, 1 - margin) - 1e-12), method="bounded", options={"xatol": 1e-12}
    )
    arrays = [(np.asarray(float(count)), np.asarray(float(of))) for count, of in (one, two)]
    constant = sum(float(binom.logpmf(count, of, 0.5)) + of * np.log(2) for count, of in (one, two))
    assert float(av._best_at(arrays[0], arrays[1], margin)) + constant == pytest.approx(-best.fun, abs=1e-6)


def test_the_interval_and_the_evidence_say_the_same() -> None:
    """The difference's interval ends where the evidence against the margin reaches 1/alpha, on either side."""
    before, after = Rate(10, 1000), Rate(40, 1000)
    found = av.difference(before, after, 0.01)
    assert av.p_value(before, after, found.low) == pytest.approx(0.01, rel=1e-6)
    assert av.p_value(after, before, -found.high) == pytest.approx(0.01, rel=1e-6)
    once = newcombe((10, 1000), (40, 1000), 0.99)
    assert found.low < once.low < once.high < found.high


def test_the_interval_of_a_rate() -> None:
    """The interval of one rate is wider than one that is looked at once, and ends in 0 where there are no errors."""
    found, once = av.rate(Rate(30, 1000), 0.01), wilson(30, 1000, 0.99)
    assert found.low < once.low < once.high < found.high
    assert av.rate(Rate(0, 1000), 0.01).low == 0.0
    assert av.rate(Rate(0, 0), 0.01).within(0, 1)


def test_the_interval_of_a_rate_holds_at_all_times() -> None:
    """Of 2,000 runs looked at 300 times the true rate leaves the interval, ever, in no more than 5%."""
    requests = 10 * np.arange(1, 301, dtype=np.float64)
    errors = _runs(0.01, 10, 300, 2000, 6).astype(float)
    against = av._mixture(errors, requests) - av._log_likelihood(errors, requests, np.asarray(0.01))
    assert (against >= np.log(1 / 0.05)).any(axis=1).sum() <= binom.isf(1e-3, 2000, 0.05)


def test_nothing_is_no_evidence() -> None:
    """Without requests on a side there is no evidence, and every difference is possible."""
    assert av.p_value(Rate(0, 0), Rate(5, 5), 0.0) == 1.0
    assert av.difference(Rate(0, 0), Rate(0, 0), 0.01).within(-1, 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Rate(1, 200), Rate(1, 100)),
        (Rate(10, 1000), Rate(15, 500)),
        (Rate(0, 0), Rate(0, 0)),
        (Rate(0, 50), Rate(0, 0)),
    ],
)
def test_what_it_takes(before: Rate, after: Rate) -> None:
    """With as many more requests as it says, and the same rates, the question is decided."""
    more = av.more_needed(before, after, 0.01, 0.01)
    assert more
    if not before.of or not after.of:
        before = after = Rate(0, 1)
    factor = 1 + more / (before.of + after.of)
    ends = av.difference(
        Rate(round(before.errors * factor), round(before.of * factor)),
        Rate(round(after.errors * factor), round(after.of * factor)),
        0.01,
    )
    assert ends.high < 0.011 or ends.low > 0.009


def test_some_things_cannot_be_told() -> None:
    """A difference that is the margin itself is never decided; what is decided needs nothing more."""
    assert av.more_needed(Rate(100, 10_000), Rate(200, 10_000), 0.01, 0.01) is None
    assert av.more_needed(Rate(0, 10_000), Rate(0, 10_000), 0.01, 0.01) == 0
