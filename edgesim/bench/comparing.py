"""Two results side by side: the ratio of each series, and whether noise explains it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from edgesim.bench.results import BenchResult, Better, Series
from edgesim.bench.spread import CONFIDENCE, Comparison, unpaired


class Verdict(StrEnum):
    """What a ratio says."""

    NOTHING = "no difference shown"
    BETTER = "better"
    WORSE = "worse, within the tolerance"
    REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class Compared:
    """One series of both: medians, how many times as much the second is, a 95% interval of that, and what it says."""

    name: str
    unit: str
    before: float
    after: float
    ratio: float
    low: float
    high: float
    rounds: int
    """Of the result with fewer."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Differences:
    """All series that both have."""

    series: tuple[Compared, ...]
    tolerance: float
    relative: bool
    regressions: int
    notes: tuple[str, ...] = ()


def compare(before: BenchResult, after: BenchResult, tolerance: float, *, relative: bool = False) -> Differences:
    """Compare two results; those of two machines relative to plain Python wherever both have that."""
    relative = relative or before.machine != after.machine
    known = {each.name: each for each in after.series}
    pairs = [(each, known[each.name]) for each in before.series if each.name in known]
    found = tuple(_compared(*pair, tolerance, relative=relative) for pair in pairs if all(map(_has_ratios, pair)))
    regressions = sum(each.verdict is Verdict.REGRESSION for each in found)
    notes = (*_notes(before, after, pairs, relative=relative), *_left_out(before, after, pairs))
    return Differences(found, tolerance, relative, regressions, notes)


def _compared(one: Series, other: Series, tolerance: float, *, relative: bool) -> Compared:
    first, second, unit = one.values, other.values, one.unit
    if relative and one.reference and other.reference:
        first, second = _relative(one), _relative(other)
        unit = f"{unit} / plain Python"
    rounds = min(len(first), len(second))
    compared = unpaired(first, second)
    if one.exact and other.exact:
        verdict = _of(compared.ratio, compared.ratio, one.better, tolerance, shown=compared.ratio != 1)
    else:
        verdict = _of(*_bounds(compared), one.better, tolerance, shown=compared.shown)
    return Compared(one.name, unit, median(first), median(second), compared.ratio, *_bounds(compared), rounds, verdict)


def _has_ratios(series: Series) -> bool:
    return bool(series.values) and min(series.values) > 0


def _bounds(compared: Comparison) -> tuple[float, float]:
    return compared.interval.low, compared.interval.high


def _relative(series: Series) -> tuple[float, ...]:
    return tuple(value / reference for value, reference in zip(series.values, series.reference, strict=True))


def _of(low: float, high: float, better: Better, tolerance: float, *, shown: bool) -> Verdict:
    if not shown:
        return Verdict.NOTHING
    if better is Better.HIGHER:
        low, high = 1 / high, 1 / low
    if high < 1:
        return Verdict.BETTER
    return Verdict.REGRESSION if low > 1 + tolerance else Verdict.WORSE


def _notes(
    before: BenchResult, after: BenchResult, pairs: list[tuple[Series, Series]], *, relative: bool
) -> Iterator[str]:
    if before.machine != after.machine:
        yield "the results are of different machines or interpreters"
        if not all(one.reference and other.reference for one, other in pairs):
            yield "some figures cannot be compared relative to plain Python: those are what each machine did"
    elif relative:
        yield "times are relative to plain Python in the same round"
    for name in sorted(before.asked.keys() & after.asked.keys()):
        if before.asked[name] != after.asked[name]:
            yield f"{name} was {before.asked[name]}, then {after.asked[name]}"
    few = [one.name for one, other in pairs if min(len(one.values), len(other.values)) > 1 and not _enough(one, other)]
    if few:
        yield f"too few rounds to show a difference at {CONFIDENCE:.0%}: {', '.join(few)}"


def _left_out(before: BenchResult, after: BenchResult, pairs: list[tuple[Series, Series]]) -> Iterator[str]:
    """Say what is not compared, which must not pass for what has not changed."""
    first, second = ({each.name for each in result.series} for result in (before, after))
    without = {
        one.name for one, other in pairs if not (_has_ratios(one) and _has_ratios(other)) and _differ(one, other)
    }
    for names, why in (
        (first - second, "only the first result has"),
        (second - first, "only the second result has"),
        (without, "values of 0, or none at all, make no ratio"),
    ):
        if names:
            yield f"not compared, {why}: {', '.join(sorted(names))}"


def _differ(one: Series, other: Series) -> bool:
    return not one.values or not other.values or any(one.values) or any(other.values)


def _enough(one: Series, other: Series) -> bool:
    if not (_has_ratios(one) and _has_ratios(other)):
        return True
    return unpaired(one.values, other.values).interval.confidence >= CONFIDENCE
