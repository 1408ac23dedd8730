"""Is the split right? Counts of destinations against the weights they should follow.

Without a tolerance: FAIL where counts so far off come less often than 1 - confidence; PASS where they do not and a
difference that matters would have been found; else NEED-MORE-DATA. With one: PASS where the exact interval of every
share lies within the expected share plus or minus the tolerance, FAIL where one lies outside, else NEED-MORE-DATA.
A destination with weight 0, or one that nobody expects, fails with its first request: it can have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log, log1p

import numpy as np

from edgesim.analysis import fit, sizes
from edgesim.analysis.intervals import clopper_pearson, wilson
from edgesim.analysis.verdict import ArmNumbers, Kind, Verdict

CONFIDENCE = 0.99
POWER = 0.9
MATTERS_MOST, MATTERS_LEAST, MATTERS_OF_ARM = 0.03, 0.005, 0.2
"""The difference that matters where no tolerance is given: 20% of the arm (or of the rest, where that is smaller), at
most 3 points and at least half a point."""


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
    return fit.chi_square_p(observed, list(called.values()), rng)


def _arm(name: str, count: int, of: int, expected: Expected) -> ArmNumbers:
    share = expected.shares.get(name, 0.0)
    difference = expected.tolerance or matters(share)
    power_at = _power_at(name, share, difference, expected)
    shown, exact = wilson(count, of, expected.confidence), clopper_pearson(count, of, _arm_confidence(expected))
    power = power_at(of) if of else 0.0
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
        _needed(power_at, share, difference, of, power, expected, count),
    )


def _arm_confidence(expected: Expected) -> float:
    """Two arms have one interval, mirrored; of more, each has its part of the level (Bonferroni)."""
    called = sum(1 for share in expected.shares.values() if share)
    return expected.confidence if called <= 2 else 1 - (1 - expected.confidence) / called


def _power_at(name: str, share: float, difference: float, expected: Expected) -> Callable[[int], float]:
    called = {each: part for each, part in expected.shares.items() if part}
    if not 0 < share < 1:  # one request in the wrong place is enough
        return lambda of: -float(np.expm1(of * log1p(-min(difference, 0.999))))
    if expected.tolerance is not None:
        level = _arm_confidence(expected)
        return lambda of: fit.within_power(of, share, difference, level)
    if len(called) == 2:
        shifts = [shift for shift in (difference, -difference) if 0 <= share + shift <= 1]
        return lambda of: min(fit.binomial_power(of, share, shift, expected.confidence) for shift in shifts)
    parts, arm = list(called.values()), list(called).index(name)
    return lambda of: fit.chi_square_power(of, parts, arm, difference, expected.confidence)


def _needed(
    power_at: Callable[[int], float],
    share: float,
    difference: float,
    of: int,
    power: float,
    expected: Expected,
    count: int,
) -> int:
    """Return how many are needed in all; where there are enough and it is still open, as many as the rest will take."""
    if power >= expected.power:
        return of if expected.tolerance is None or not 0 < share < 1 else _until_clear(count, of, share, expected)
    if not 0 < share < 1:
        return ceil(log(1 - expected.power) / log1p(-min(difference, 0.999)))
    return _search(power_at, max(of + 1, sizes.for_shift(share, difference, expected.confidence, 0.5)), expected.power)


def _search(power_at: Callable[[int], float], start: int, power: float) -> int:
    """Return about the smallest number from `start` on with the power: doubled, then halved to 0.1%."""
    low, high = start, start
    while power_at(high) < power:
        low, high = high, high * 2
    while high - low > max(1, low // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if power_at(middle) >= power else (middle, high)
    return high


def _until_clear(count: int, of: int, share: float, expected: Expected) -> int:
    """Return how many it takes until the interval lies on one side of the tolerance, if the share stays as it is."""
    tolerance, confidence = expected.tolerance or 0.0, _arm_confidence(expected)
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
    if kind is Kind.PASS:
        return f"every share is within {tolerance:.3%} of what the weights say"
    arm = next(arm for arm in arms if 0 < arm.expected < 1 and _is_outside(arm, tolerance))
    true = f"between {arm.exact_low:.2%} and {arm.exact_high:.2%}"
    return f"{arm.name} lies {true}, not within {tolerance:.3%} of {arm.expected:.2%}"


def _rarely(p_value: float) -> str:
    return f"once in {1 / p_value:,.0f} runs" if p_value > 1e-9 else "less than once in a billion runs"


def _odds(power: float) -> str:
    return f"probability {min(power, 0.999):.3g}" + (" or more" if power > 0.999 else "")


def _written(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name}={100 * share:g}%" for name, share in shares.items())
