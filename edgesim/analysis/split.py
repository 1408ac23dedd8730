"""Is the split right? Counts of destinations against the weights they should follow.

Without a tolerance: FAIL where counts so far off come less often than 1 - confidence; PASS where they do not and a
difference that matters would have been found; else NEED-MORE-DATA. With one: PASS where the exact interval of every
share lies within the expected share plus or minus the tolerance, FAIL where one lies outside, else NEED-MORE-DATA.
A destination with weight 0, or one that nobody expects, fails with its first request: it can have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np
from numpy.typing import ArrayLike

from edgesim.analysis import fit
from edgesim.analysis.binned import Floats
from edgesim.analysis.intervals import clopper_pearson, wilson
from edgesim.analysis.verdict import ArmNumbers, Kind, Verdict

CONFIDENCE = 0.99
POWER = 0.9
MATTERS_MOST, MATTERS_LEAST, MATTERS_OF_ARM = 0.03, 0.005, 0.2
"""The difference that matters where no tolerance is given: 20% of the arm (or of the rest, where that is smaller), at
most 3 points and at least half a point."""

Power = Callable[[ArrayLike], Floats]
"""The power with a number of requests, or with each of many."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The weights as shares, and what is asked of the counts."""

    shares: Mapping[str, float]
    confidence: float = CONFIDENCE
    tolerance: float | None = None
    power: float = POWER


def shares_of(weights: Mapping[str, float]) -> dict[str, float]:
    """Return weights as shares. Raises ValueError where they are negative or all zero."""
    every = sum(weights.values())
    if min(weights.values(), default=0.0) < 0:
        raise ValueError("a weight is negative")
    if not every > 0:
        raise ValueError("all weights are zero: nothing can be served")
    return {name: weight / every for name, weight in weights.items()}


def matters(share: float) -> float:
    """Return the smallest difference of a share that must not be missed where no tolerance is given."""
    return max(MATTERS_LEAST, min(MATTERS_MOST, MATTERS_OF_ARM * min(share, 1 - share)))


def judge_split(
    counts: Mapping[str, int], expected: Expected, rng: np.random.Generator, unit: str = "requests"
) -> Verdict:
    """Return the verdict on counts of destinations; `rng` is for p-values that are drawn."""
    every = {**dict.fromkeys(expected.shares, 0), **counts}
    of = sum(every.values())
    p_value = _p_value(every, expected, rng)
    arms = tuple(_arm(name, count, of, expected) for name, count in every.items())
    uncalled = [arm for arm in arms if not arm.expected and arm.observed]
    kind = Kind.FAIL if uncalled else _kind(arms, expected, p_value)
    needed = 0 if kind is not Kind.NEED_MORE_DATA else max(arm.needed for arm in arms) - of
    return Verdict(
        kind,
        "split",
        f"Is the split {_written(expected.shares)}?",
        (_sentence(kind, arms, uncalled, expected, p_value, of, needed, unit),),
        expected.confidence,
        needed,
        unit,
        p_value,
        min(arm.power for arm in arms),
        arms,
    )


def _p_value(counts: Mapping[str, int], expected: Expected, rng: np.random.Generator) -> float:
    called = {name: share for name, share in expected.shares.items() if share}
    if any(count and name not in called for name, count in counts.items()):
        return 0.0
    observed = [counts[name] for name in called]
    if len(called) == 1:
        return 1.0
    if len(called) == 2:
        return fit.binomial_p(observed[0], sum(observed), next(iter(called.values())))
    return fit.chi_square_p(observed, list(called.values()), rng, expected.confidence)


def _arm(name: str, count: int, of: int, expected: Expected) -> ArmNumbers:
    share = expected.shares.get(name, 0.0)
    difference = expected.tolerance or matters(share)
    power_at = _power_at(name, share, difference, expected)
    shown, exact = wilson(count, of, expected.confidence), clopper_pearson(count, of, _arm_confidence(expected))
    power = float(power_at(of)) if of else 0.0
    needed = _needed(power_at, of, share, expected.power)
    return ArmNumbers(
        name,
        share,
        count,
        count / of if of else 0.0,
        shown.low,
        shown.high,
        exact.low,
        exact.high,
        float(not count) if not share else fit.binomial_p(count, of, share),
        difference,
        power,
        needed if needed > of else _until_clear(count, of, share, expected),
    )


def _arm_confidence(expected: Expected) -> float:
    """Two arms have one interval, mirrored; of more, each has its part of the level (Bonferroni)."""
    called = sum(1 for share in expected.shares.values() if share)
    return expected.confidence if called <= 2 else 1 - (1 - expected.confidence) / called


def _power_at(name: str, share: float, difference: float, expected: Expected) -> Power:
    called = {each: part for each, part in expected.shares.items() if part}
    if not 0 < share < 1:  # one request in the wrong place is enough
        return lambda of: -np.expm1(np.asarray(of, float) * log1p(-min(difference, 0.999)))
    if expected.tolerance is not None:
        level = _arm_confidence(expected)
        return lambda of: fit.within_power(of, share, difference, level)
    if len(called) == 2:
        return lambda of: np.minimum(
            *(fit.binomial_power(of, share, shift, expected.confidence) for shift in (difference, -difference))
        )
    parts, arm = list(called.values()), list(called).index(name)
    return lambda of: fit.chi_square_power(of, parts, arm, difference, expected.confidence)


def _needed(power_at: Power, of: int, share: float, power: float) -> int:
    """Return about the lowest number with the power asked for, and all numbers above it with it."""
    if power_at(of) >= power:
        return of
    # Counts are whole, so that the power goes up and down a little with every 1/share requests.
    ahead = np.linspace(0, 2 / min(share, 1 - share), 32).round() if 0 < share < 1 else np.zeros(1)

    def is_enough(number: int) -> bool:
        return float(power_at(number + ahead).min()) >= power

    low, high = of, max(of + 1, 16)
    while not is_enough(high):
        low, high = high, high * 2
    while high - low > max(1, low // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _until_clear(count: int, of: int, share: float, expected: Expected) -> int:
    """Return how many it takes until the interval lies on one side of the tolerance, if the share stays as it is."""
    if expected.tolerance is None or not of or not 0 < share < 1:
        return of
    tolerance, confidence = expected.tolerance, _arm_confidence(expected)
    seen = clopper_pearson(count, of, confidence)
    if seen.within(share - tolerance, share + tolerance) or seen.outside(share - tolerance, share + tolerance):
        return of
    gap = abs(abs(count / of - share) - tolerance)
    return max(of + 1, fit.needed_for_within(count / of, max(gap, tolerance / 100), confidence, expected.power))


def _kind(arms: Sequence[ArmNumbers], expected: Expected, p_value: float) -> Kind:
    if expected.tolerance is None:
        if p_value < 1 - expected.confidence:
            return Kind.FAIL
        return Kind.PASS if all(arm.power >= expected.power for arm in arms) else Kind.NEED_MORE_DATA
    called = [arm for arm in arms if 0 < arm.expected < 1]
    if any(_is_outside(arm, expected.tolerance) for arm in called):
        return Kind.FAIL
    leaks = all(arm.power >= expected.power for arm in arms if not 0 < arm.expected < 1)
    return Kind.PASS if leaks and all(_is_within(arm, expected.tolerance) for arm in called) else Kind.NEED_MORE_DATA


def _is_within(arm: ArmNumbers, tolerance: float) -> bool:
    return arm.expected - tolerance <= arm.exact_low and arm.exact_high <= arm.expected + tolerance


def _is_outside(arm: ArmNumbers, tolerance: float) -> bool:
    return arm.exact_high < arm.expected - tolerance or arm.expected + tolerance < arm.exact_low


def _sentence(
    kind: Kind,
    arms: Sequence[ArmNumbers],
    uncalled: Sequence[ArmNumbers],
    expected: Expected,
    p_value: float,
    of: int,
    needed: int,
    unit: str,
) -> str:
    if uncalled:
        arm = uncalled[0]
        why = "its weight is 0" if arm.name in expected.shares else "it is not among those expected"
        return f"{arm.name} got {arm.observed:,} of {of:,} {unit}, and {why}: it can have none."
    seen = ", ".join(f"{arm.name} {arm.share:.2%}" for arm in arms if arm.name in expected.shares)
    if kind is Kind.NEED_MORE_DATA:
        return f"{of:,} {unit} ({seen}) cannot tell yet: about {needed:,} more are needed."
    if expected.tolerance is not None:
        return f"{of:,} {unit} gave {seen}: {_by_tolerance(kind, arms, expected)}."
    if kind is Kind.FAIL:
        return f"{of:,} {unit} gave {seen}: a split of {_written(expected.shares)} is so far off {_rarely(p_value)}."
    limits = ", ".join(f"{arm.name} by {100 * arm.matters:.2g} points" for arm in arms)
    power = min(arm.power for arm in arms)
    return f"{of:,} {unit} gave {seen}, as the weights say; a split that is off ({limits}) fails with {_odds(power)}."


def _by_tolerance(kind: Kind, arms: Sequence[ArmNumbers], expected: Expected) -> str:
    tolerance = expected.tolerance or 0.0
    limit = f"{100 * tolerance:.3g} point" + ("" if tolerance == 0.01 else "s")
    if kind is Kind.PASS:
        return f"every share is within {limit} of what the weights say"
    arm = next(arm for arm in arms if 0 < arm.expected < 1 and _is_outside(arm, tolerance))
    return f"{arm.name} lies between {arm.exact_low:.2%} and {arm.exact_high:.2%}, not within {limit} of {arm.expected:.2%}"


def _rarely(p_value: float) -> str:
    return f"once in {1 / p_value:,.0f} runs" if p_value > 1e-9 else "less than once in a billion runs"


def _odds(power: float) -> str:
    return f"probability {min(power, 0.999):.3g}" + (" or more" if power > 0.999 else "")


def _written(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name}={100 * share:g}%" for name, share in shares.items())
