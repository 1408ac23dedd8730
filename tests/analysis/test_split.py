from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from edgesim.analysis.split import Expected, judge_split, matters, shares_of
from edgesim.analysis.verdict import Kind, Verdict


def judged(
    counts: Mapping[str, int],
    weights: Mapping[str, float],
    tolerance: float | None = None,
    confidence: float = 0.99,
    seed: int = 0,
) -> Verdict:
    expected = Expected(shares_of(weights), confidence, tolerance)
    return judge_split(counts, expected, np.random.default_rng(seed))


EVEN = {"v1": 50.0, "v2": 50.0}


def test_an_even_split_passes_with_5000_requests() -> None:
    """50/50 with 5,000 requests passes, and says what would have failed."""
    verdict = judged({"v1": 2480, "v2": 2520}, EVEN)
    assert verdict.kind is Kind.PASS
    assert verdict.needed == 0
    assert verdict.sentence == (
        "5,000 requests gave v1 49.60%, v2 50.40%, as the weights say; a split that is off (v1 by 3 points, "
        "v2 by 3 points) fails with probability 0.951."
    )


def test_50_to_52_fails_with_enough_data() -> None:
    """A split of 50 to 52 where 50 to 50 is expected fails with 100,000 requests."""
    verdict = judged({"v1": 49_020, "v2": 50_980}, EVEN)
    assert verdict.kind is Kind.FAIL
    assert "less than once in a billion runs" in verdict.sentence


@pytest.mark.parametrize("weights", [{"v1": 1.0, "v2": 1.0}, {"v1": 5.0, "v2": 5.0}])
def test_an_inclusive_draw_fails_with_enough_data(weights: dict[str, float]) -> None:
    """A gateway that draws from 0 to the sum, both included, gives one weight too much: found with 20,000 requests."""
    every = sum(weights.values())
    drawn = np.random.default_rng(7).integers(0, int(every), 20_000, endpoint=True)
    counts = {"v1": int((drawn < weights["v1"]).sum()), "v2": int((drawn >= weights["v1"]).sum())}
    verdict = judged(counts, weights)
    assert verdict.kind is Kind.FAIL
    assert "so far off" in verdict.sentence


def test_weight_0_fails_with_its_first_request() -> None:
    """A destination of weight 0 fails with one request, however many others there are, within any tolerance."""
    for tolerance in (None, 0.05):
        verdict = judged({"v1": 5000, "v2": 1}, {"v1": 100, "v2": 0}, tolerance)
        assert verdict.kind is Kind.FAIL
        assert verdict.p_value == 0.0
        assert verdict.sentence == "v2 got 1 of 5,001 requests, and its weight is 0: it can have none."


def test_what_nobody_expects_fails() -> None:
    """A destination that is not among those expected fails, too."""
    verdict = judged({"v1": 500, "v2": 500, "v3": 2}, EVEN)
    assert verdict.kind is Kind.FAIL
    assert "not among those expected" in verdict.sentence


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ({"v1": 50, "v2": 50}, EVEN),
        ({"v1": 49, "v2": 51}, EVEN),
        ({"v1": 100}, {"v1": 100, "v2": 0}),
        ({"v1": 100}, {"v1": 1}),
        ({"v1": 92, "v2": 6, "v3": 2}, {"v1": 90, "v2": 8, "v3": 2}),
        ({}, EVEN),
    ],
)
def test_100_requests_are_too_few(counts: dict[str, int], weights: dict[str, float]) -> None:
    """With 100 requests a split that looks right needs more data; with as many as it says, it passes."""
    verdict = judged(counts, weights)
    assert verdict.kind is Kind.NEED_MORE_DATA
    assert verdict.needed
    assert f"about {verdict.needed:,} more are needed" in verdict.sentence
    enough = sum(counts.values()) + verdict.needed
    shares = shares_of(weights)
    full = {name: round(enough * share) for name, share in shares.items() if share}
    assert judged(full, weights).kind is Kind.PASS


@pytest.mark.parametrize(
    ("share", "difference"), [(0.5, 0.03), (0.1, 0.02), (0.05, 0.01), (0.01, 0.005), (0.9, 0.02), (0.0, 0.005)]
)
def test_what_matters(share: float, difference: float) -> None:
    """Where no tolerance is given 20% of an arm matter, at least half a point and at most 3."""
    assert matters(share) == pytest.approx(difference)


def test_a_tolerance_passes_and_fails() -> None:
    """With a tolerance of a point 10% passes by its interval, 13% fails by it, and 10.8% needs more data to be told."""
    weights = {"v1": 90.0, "v2": 10.0}
    passed = judged({"v1": 18_000, "v2": 2000}, weights, 0.01)
    assert passed.kind is Kind.PASS
    assert passed.sentence.endswith("every share is within 1 point of what the weights say.")
    failed = judged({"v1": 17_400, "v2": 2600}, weights, 0.01)
    assert failed.kind is Kind.FAIL
    assert "not within 1 point of 90.00%" in failed.sentence
    open_ = judged({"v1": 89_200, "v2": 10_800}, weights, 0.01)
    assert open_.kind is Kind.NEED_MORE_DATA
    assert open_.needed
    more = judged({"v1": 89_200 * 5, "v2": 10_800 * 5}, weights, 0.01)
    assert more.kind is Kind.PASS


def test_a_tolerance_says_how_many() -> None:
    """With too few requests for a tolerance it says how many; with so many the expected split passes."""
    weights = {"v1": 90.0, "v2": 10.0, "v3": 0.0}
    verdict = judged({"v1": 900, "v2": 100}, weights, 0.01)
    assert verdict.kind is Kind.NEED_MORE_DATA
    enough = 1000 + (verdict.needed or 0)
    assert judged({"v1": enough - enough // 10, "v2": enough // 10}, weights, 0.01).kind is Kind.PASS
    (leak,) = (arm for arm in verdict.arms if arm.name == "v3")
    assert leak.power > 0.99


def test_three_arms_share_the_level() -> None:
    """Of three arms the intervals that decide are wider than those shown, and chi-square judges without a tolerance."""
    weights = {"v1": 90.0, "v2": 5.0, "v3": 5.0}
    verdict = judged({"v1": 18_000, "v2": 1000, "v3": 1000}, weights, 0.01)
    assert verdict.kind is Kind.PASS
    assert all(arm.exact_low < arm.low < arm.share < arm.high < arm.exact_high for arm in verdict.arms)
    assert judged({"v1": 18_000, "v2": 1150, "v3": 850}, weights).kind is Kind.FAIL


def test_weights_that_serve_nothing_are_an_error() -> None:
    """All-zero and negative weights are refused, never divided by."""
    for weights, said in (
        ({"v1": 0.0, "v2": 0.0}, "all weights are zero"),
        ({}, "all weights"),
        ({"a": -1.0}, "negative"),
    ):
        with pytest.raises(ValueError, match=said):
            shares_of(weights)


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=4),
    st.lists(st.integers(0, 100), min_size=1, max_size=4),
    st.sampled_from([None, 0.001, 0.02, 0.5, 1.0]),
)
def test_any_counts_are_judged(counts: list[int], weights: list[int], tolerance: float | None) -> None:
    """Whatever the counts and weights are, a verdict says how many more are needed exactly where it needs more."""
    if not any(weights):
        return
    named = {f"v{index}": float(weight) for index, weight in enumerate(weights)}
    verdict = judged({f"v{index}": count for index, count in enumerate(counts)}, named, tolerance)
    assert bool(verdict.needed) == (verdict.kind is Kind.NEED_MORE_DATA)
    for arm in verdict.arms:
        assert 0 <= arm.exact_low <= arm.share <= arm.exact_high <= 1 or not arm.observed
        assert 0 <= arm.power <= 1


def _kinds(weights: Mapping[str, float], drawn: np.ndarray, tolerance: float | None, confidence: float) -> list[Kind]:
    """Judge each row of counts; equal rows once."""
    rows, times = np.unique(drawn, axis=0, return_counts=True)
    found = [
        judged(dict(zip(weights, map(int, row), strict=True)), weights, tolerance, confidence).kind for row in rows
    ]
    return [kind for kind, number in zip(found, times, strict=True) for _ in range(number)]


@pytest.mark.parametrize(
    ("weights", "of", "tolerance"),
    [
        ({"v1": 90.0, "v2": 10.0}, 400, None),
        ({"v1": 99.0, "v2": 1.0}, 900, None),
        ({"v1": 90.0, "v2": 10.0}, 400, 0.02),
        ({"v1": 80.0, "v2": 15.0, "v3": 5.0}, 60, None),
    ],
)
def test_false_alarms_stay_below_the_level(weights: dict[str, float], of: int, tolerance: float | None) -> None:
    """A right split fails no more often than 1 - confidence (5% here): 400 runs, and their own noise allowed for."""
    shares = np.array(list(shares_of(weights).values()))
    drawn = np.random.default_rng(3).multinomial(of, shares, 400)
    alarms = _kinds(weights, drawn, tolerance, 0.95).count(Kind.FAIL)
    assert alarms <= binom.isf(1e-3, 400, 0.05)


def test_the_power_is_what_it_says() -> None:
    """A split that is off by what matters fails as often as the verdict's power says."""
    weights = {"v1": 90.0, "v2": 10.0}
    for of in (1500, 4000):
        drawn = np.random.default_rng(4).multinomial(of, [0.88, 0.12], 250)
        said = judged({"v1": of - of // 10, "v2": of // 10}, weights).power or 0.0
        found = _kinds(weights, drawn, None, 0.99).count(Kind.FAIL)
        assert found >= binom.ppf(1e-3, 250, said)


@pytest.mark.parametrize("tolerance", [0.02, 0.01])
def test_a_tolerance_is_seldom_wrongly_passed(tolerance: float) -> None:
    """A split that is off by the tolerance itself passes no more often than half of 1 - confidence."""
    weights = {"v1": 90.0, "v2": 10.0}
    drawn = np.random.default_rng(5).multinomial(20_000, [0.9 - tolerance, 0.1 + tolerance], 600)
    passed = _kinds(weights, drawn, tolerance, 0.95).count(Kind.PASS)
    assert passed <= binom.isf(1e-3, 600, 0.025)


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3, 5])
@pytest.mark.parametrize("of", [50, 300, 2000, 20_000])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_false_alarms_stay_below_the_level_everywhere(arms: int, of: int, confidence: float) -> None:
    """As above, for many sizes, numbers of arms and levels, with 10,000 runs each."""
    weights = {f"v{index}": weight for index, weight in enumerate([70.0, 20.0, 6.0, 3.0, 1.0][:arms])}
    shares = np.array(list(shares_of(weights).values()))
    drawn = np.random.default_rng(of).multinomial(of, shares, 10_000 if arms == 2 else 2000)
    alarms = _kinds(weights, drawn, None, confidence).count(Kind.FAIL)
    assert alarms <= binom.isf(1e-3, len(drawn), 1 - confidence)
