from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from edgesim.analysis import always_valid_quantiles as avq
from edgesim.analysis.binned import Binned
from tests.analysis.drawing import binned_of, durations

EMPTY = Binned(np.array([]), np.array([], np.int64))


def _looks(rng: np.random.Generator, looks: int, each: int, scale: float) -> list[Binned]:
    values = np.round(10 * scale * rng.lognormal(0, 0.4, looks * each), 1)
    return [binned_of(values[: each * (look + 1)]) for look in range(looks)]


def _false_alarms(runs: int, looks: int, share: float, factor: float, alpha: float) -> int:
    """Count the runs in which any look calls the canary slower than `factor` times, while it is just that."""
    rng, alarms = np.random.default_rng(5), 0
    for _ in range(runs):
        pairs = zip(_looks(rng, looks, 60, 1.0), _looks(rng, looks, 30, factor), strict=True)
        alarms += any(avq.log_evidence(one, two, share, factor * 1.011) >= np.log(1 / alpha) for one, two in pairs)
    return alarms


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_looking_at_latency_every_second_raises_no_more_false_alarms(share: float) -> None:
    """Of 100 runs looked at 20 times no more than 10% are ever called slower than they are (steps of 0.1 ms apart)."""
    assert _false_alarms(100, 20, share, 1.1, 0.1) <= binom.isf(1e-3, 100, 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("factor", [1.0, 1.2])
def test_looking_at_latency_60_times_raises_no_more_false_alarms(share: float, factor: float) -> None:
    """As above with 200 runs looked at 60 times, at 5%."""
    assert _false_alarms(200, 60, share, factor, 0.05) <= binom.isf(1e-3, 200, 0.05)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_the_interval_of_a_quantile_holds_at_all_times(share: float) -> None:
    """Of 1,000 runs looked at 100 times the true quantile leaves its interval, ever, in no more than 5%."""
    requests = 30 * np.arange(1, 101)
    below = np.random.default_rng(7).binomial(30, share, (1000, 100)).cumsum(axis=1)
    high = avq._too_many(below, requests, share) >= np.log(2 / 0.05)
    low = avq._too_many(requests - below, requests, 1 - share) >= np.log(2 / 0.05)
    assert (high | low).any(axis=1).sum() <= binom.isf(1e-3, 1000, 0.05)


def test_the_interval_of_a_quantile() -> None:
    """The interval of a quantile is what the evidence leaves, and wider than one that is looked at once."""
    found, values = avq.quantile(binned_of(np.arange(4000.0)), 0.5, 0.05), np.arange(4000)
    evidence = avq._too_many(values, 4000, 0.5) >= np.log(2 / 0.05)
    assert found.high == values[evidence].min() - 1
    assert found.low == 3999 - found.high
    assert found.low < binom.ppf(0.025, 4000, 0.5) < binom.isf(0.025, 4000, 0.5) < found.high


def test_a_slower_version_is_found() -> None:
    """20% slower is told from 5% with some thousand requests, and not from 20%."""
    rng = np.random.default_rng(8)
    before, after = durations(rng, 6000), durations(rng, 3000, 1.2)
    assert avq.p_value(before, after, 0.5, 1.05) < 1e-4
    assert avq.p_value(before, after, 0.5, 1.2) > 0.05
    assert avq.p_value(after, before, 0.5, 1.0) == 1.0


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_ratio_and_the_evidence_say_the_same(share: float) -> None:
    """The interval of the ratio ends where the evidence reaches 2/alpha."""
    rng = np.random.default_rng(9)
    before, after = durations(rng, 3000), durations(rng, 3000, 1.1)
    found = avq.ratio(before, after, share, 0.02)
    assert found.low < after.quantile(share) / before.quantile(share) < found.high
    assert (
        avq.p_value(before, after, share, found.low * 0.995)
        < 0.01
        < avq.p_value(before, after, share, found.low * 1.02)
    )
    high = 1 / found.high
    assert avq.p_value(after, before, share, high * 0.995) < 0.01 < avq.p_value(after, before, share, high * 1.02)


def test_the_least_is_that_of_all_values() -> None:
    """Looking only where the least may be finds the least of all."""
    rng = np.random.default_rng(10)
    for scale in (0.9, 1.0, 1.2):
        less, more = binned_of(rng.lognormal(0, 0.4, 700)), binned_of(scale * rng.lognormal(0, 0.4, 900))
        at = np.append(less.values, np.inf)
        low = avq._too_many(less.below(at), 700, 0.9)
        high = avq._too_many(900 - more.not_above(at * 1.05), 900, 0.1)
        assert avq.log_evidence(less, more, 0.9, 1.05) == pytest.approx(float((low + high).min()))


def test_little_says_nothing() -> None:
    """Nothing is no evidence, and three requests bound no quantile."""
    few = binned_of(np.arange(3.0) + 1)
    assert avq.log_evidence(EMPTY, few, 0.5) == 0.0
    assert avq.more_needed(EMPTY, few, 0.5, 1.1, 0.01) is None
    found = avq.quantile(few, 0.5, 0.01)
    assert (found.low, found.high) == (0.0, np.inf)
    found = avq.ratio(few, few, 0.5, 0.01)
    assert (found.low, found.high) == (0.0, np.inf)


@pytest.mark.parametrize("scale", [1.0, 1.25])
def test_what_it_takes(scale: float) -> None:
    """With about as many more requests as it says, and the same distributions, the question is decided."""
    rng = np.random.default_rng(12)
    before, after = durations(rng, 200), durations(rng, 200, scale)
    more = avq.more_needed(before, after, 0.5, 1.1, 0.01)
    assert more
    factor = 1.02 * (400 + more) / 400
    ends = avq.ratio(before.scaled(factor), after.scaled(factor), 0.5, 0.02)
    assert ends.high < 1.1 or ends.low > 1.1


def test_what_cannot_be_told() -> None:
    """Where the ratio is the factor itself no number of requests decides."""
    one, two = binned_of(np.full(50, 10.0)), binned_of(np.full(50, 11.0))
    assert avq.more_needed(one, two, 0.5, 1.1, 0.01) is None


def test_the_band_holds_at_all_times() -> None:
    """Of 300 runs looked at after each of 500 requests the distribution function leaves its band in no more than 5%."""
    rng, left = np.random.default_rng(13), 0
    for _ in range(300):
        values = rng.integers(0, 20, 500)
        seen = (values[:, np.newaxis] <= np.arange(20)).cumsum(axis=0) / np.arange(1, 501)[:, np.newaxis]
        far = np.abs(seen - (np.arange(20) + 1) / 20).max(axis=1)
        left += any(off > avq.band(n, 0.05) for n, off in enumerate(far, 1))
    assert left <= binom.isf(1e-3, 300, 0.05)
    assert avq.band(0, 0.05) == 1.0
    assert avq.band(10_000, 0.05) == pytest.approx(
        0.85 * np.sqrt((np.log(np.log(np.e * 1e4)) + 0.8 * np.log(1612 / 0.05)) / 1e4)
    )


def test_the_probability_of_superiority_is_bounded() -> None:
    """The effect size comes with an interval that holds the true one, for the sum of two log-normals' logs."""
    rng = np.random.default_rng(14)
    before, after = durations(rng, 20_000), durations(rng, 20_000, 1.1)
    found = avq.superiority(before, after, 0.05)
    true = 0.5669  # Phi(log(1.1) / (0.4 sqrt 2))
    assert found.low < true < found.high
