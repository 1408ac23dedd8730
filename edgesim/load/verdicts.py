"""A run judged: is its split right, is one version worse than the other.

This loads numpy and scipy: only who has something to ask imports it. All of `judge` may be asked again every second of
a run, on what there is so far: the comparison's answers stay right (`analysis.always_valid`); the split's are for the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite

import numpy as np

from edgesim.analysis import Kind, Verdict, always_valid, intervals, shift, worse
from edgesim.analysis import always_valid_quantiles as avq
from edgesim.analysis import sessions as stuck
from edgesim.analysis.binned import Binned, binned
from edgesim.analysis.dispersion import TwoArms, difference_over_time, dispersion
from edgesim.analysis.split import Expected, judge_split, shares_of
from edgesim.load.expectations import TAIL, Comparison, Expectations, Split
from edgesim.load.results import LoadResult, Second
from edgesim.load.span import length
from edgesim.load.wording import more_by, most_more, most_slower, ms, of, percent, points, slower_by, takes
from edgesim.telemetry import slots

_QUESTIONS = 3
"""Errors, p50 and p99: each has its part of the level, so that all of a comparison together keeps it."""


def judge(result: LoadResult, asked: Expectations) -> tuple[Verdict, ...]:
    """Return the verdicts that were asked for."""
    split = [] if asked.split is None else [judge_weights(result, asked.split)]
    return (*split, *(() if asked.comparison is None else judge_versions(result, asked.comparison)))


def judge_weights(result: LoadResult, asked: Split) -> Verdict:
    """Return whether destinations were answered from as their weights say, by users where traffic is sticky."""
    counts = _answers(result)
    unnamed = counts.pop("", 0)
    expected = Expected(shares_of(asked.weights), asked.confidence, asked.tolerance)
    counted, unit, notes = _counted(result, counts)
    verdict = judge_split(counted, expected, np.random.default_rng(result.scenario.seed), unit)
    if unnamed and not counts:
        said = f"None of {unnamed:,} answers told its version: nothing can be said of the split (look at --by)."
        return replace(verdict, kind=Kind.FAIL, sentences=(said,), needed=0)
    if unnamed:
        notes.append(f"{unnamed:,} answers told no version and are not counted.")
    return replace(verdict, sentences=(*verdict.sentences, *notes))


def _answers(result: LoadResult) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cell in result.cells:
        if cell.status:
            counts[cell.destination] = counts.get(cell.destination, 0) + cell.count
    return counts


def _counted(result: LoadResult, counts: dict[str, int]) -> tuple[dict[str, int], str, list[str]]:
    """Return what to count, users where they stick, and what to say of it."""
    patterns = [
        stuck.Pattern({name: count for name, count in each.answers.items() if name}, each.users)
        for each in result.sessions
    ]
    found = stuck.stickiness(patterns)
    if found.is_sticky:
        moved = f", {found.moved:,} of whom saw more than one" if found.moved else ""
        said = f"Users keep to their version, so that they are counted, not requests: {found.users:,} users{moved}."
        return stuck.by_user(patterns), "users", [said]
    if found.is_correlated:
        said = (
            f"Users keep to a version now and then: {found.effect:.3g} requests say as much as one independent one "
            "would (the design effect), so that counts are divided by it."
        )
        return stuck.effective(counts, found.effect), "independent requests", [said]
    return counts, "requests", [said for said in [_over_seconds(result, counts)] if said]


def _over_seconds(result: LoadResult, counts: dict[str, int]) -> str:
    """Return what the spread over seconds says of the chooser: of the arm whose share is nearest to one half."""
    every = sum(counts.values())
    if not every:
        return ""
    name = min(counts, key=lambda each: abs(counts[each] / every - 0.5))
    return dispersion(
        [
            (second.destinations.get(name, 0), sum(n for each, n in second.destinations.items() if each))
            for second in measured(result)
        ]
    ).sentence


def measured(result: LoadResult) -> Iterator[Second]:
    """Yield the seconds that lie wholly between warm-up and cool-down."""
    end = length(result.scenario) - result.scenario.cool_down
    for second in result.timeline:
        if result.scenario.warm_up <= second.at and second.at + 1 <= end:
            yield second


def judge_versions(result: LoadResult, asked: Comparison) -> tuple[Verdict, ...]:
    """Return whether the new version fails more often, and whether it is slower, at p50 and p99."""
    alpha = (1 - asked.confidence) / _QUESTIONS
    rates = [_rate(result, name) for name in (asked.before, asked.after)]
    before, after = (_latency(result, name) for name in (asked.before, asked.after))
    seconds = list(measured(result))
    found = (
        (_errors(rates[0], rates[1], asked, alpha, _unanswered(result)), _failures(seconds, asked)),
        (_slower(before, after, asked, alpha, 0.5, asked.latency_margin), _above(seconds, asked, 50)),
        (_tail(_slower(before, after, asked, alpha, 0.99, asked.latency_margin * TAIL)), _above(seconds, asked, 99)),
    )
    return tuple(_with_bursts(verdict, over_time) for verdict, over_time in found)


def _tail(verdict: Verdict) -> Verdict:
    """Return it as one that may stay open: to tell tails apart takes more requests than most runs have."""
    verdict = replace(verdict, advisory=True)
    if not verdict.is_left_open:
        return verdict
    return replace(
        verdict, sentences=(*verdict.sentences, "This question may stay open: the exit code is that of the others.")
    )


def _failures(seconds: Sequence[Second], asked: Comparison) -> list[TwoArms]:
    return [
        (
            second.failed_by_destination.get(asked.before, 0),
            second.destinations.get(asked.before, 0),
            second.failed_by_destination.get(asked.after, 0),
            second.destinations.get(asked.after, 0),
        )
        for second in seconds
    ]


def _above(seconds: Sequence[Second], asked: Comparison, percent: float) -> list[TwoArms]:
    """Return how many answers of each version took longer than the percentile of both together, second by second."""
    names = (asked.before, asked.after)
    every = slots.total(second.by_destination.get(name, {}) for second in seconds for name in names)
    limit = slots.slot_of(slots.percentiles(every, [percent])[0])
    counted = [[_longer(second.by_destination.get(name, {}), limit) for name in names] for second in seconds]
    return [(*before, *after) for before, after in counted]


def _longer(counted: Mapping[int, int], limit: int) -> tuple[int, int]:
    return sum(count for slot, count in counted.items() if slot > limit), slots.count(counted)


def _with_bursts(verdict: Verdict, over_time: Sequence[TwoArms]) -> Verdict:
    found = difference_over_time(over_time)
    if not found.is_over:
        return verdict
    said = (
        f"The difference varies over the run {found.ratio:.2g} times as much as independent requests would: it comes in "
        "bursts, so that this is less sure than it says."
    )
    return replace(
        verdict, sentences=(*verdict.sentences, said), numbers={**verdict.numbers, "dispersion": found.ratio}
    )


def _rate(result: LoadResult, name: str) -> worse.Rate:
    cells = [cell for cell in result.cells if cell.status and cell.destination == name]
    return worse.Rate(sum(cell.count for cell in cells if cell.status >= 500), sum(cell.count for cell in cells))


def _unanswered(result: LoadResult) -> int:
    return sum(cell.count for cell in result.cells if not cell.status)


def _latency(result: LoadResult, name: str) -> Binned:
    """Return the latency of answers below 500, in milliseconds: what fails fast is not quick."""
    cells = (cell for cell in result.cells if 0 < cell.status < 500 and cell.destination == name)
    return binned(slots.total(cell.latency for cell in cells), lambda slot: sum(slots.bounds(slot)) / 2000)


def _errors(before: worse.Rate, after: worse.Rate, asked: Comparison, alpha: float, unanswered: int) -> Verdict:
    found = always_valid.difference(before, after, alpha)
    kind = Kind.FAIL if found.low > asked.margin else Kind.PASS if found.high < asked.margin else Kind.NEED_MORE_DATA
    more = always_valid.more_needed(before, after, asked.margin, alpha) if kind is Kind.NEED_MORE_DATA else 0
    once = worse.compare_errors(before, after, asked.confidence)
    seen = f"{asked.after} failed {of(after)}, {asked.before} {of(before)}"
    said = {
        Kind.PASS: f"{most_more(found.high)}, within the margin of {points(asked.margin)}",
        Kind.FAIL: f"at least {more_by(found.low)}, beyond the margin of {points(asked.margin)}",
        Kind.NEED_MORE_DATA: f"whether that is within the margin of {points(asked.margin)} {takes(more)}",
    }[kind]
    notes = [f"Looked at once, at the end, the difference would be {_between(once.interval)} (Newcombe)."]
    if unanswered:
        notes.append(f"{unanswered:,} requests got no answer and count for neither version.")
    numbers = {
        "before": before.share, "after": after.share, "difference": once.difference, "low": found.low,
        "high": found.high, "margin": asked.margin, "newcombe_low": once.interval.low,
        "newcombe_high": once.interval.high, "fisher_p": once.fisher_p,
    }  # fmt: skip
    return Verdict(
        kind,
        "errors",
        f"Does {asked.after} fail more often than {asked.before}, by over {points(asked.margin)}?",
        (f"{seen}: {said}.", *notes),
        asked.confidence,
        more,
        p_value=always_valid.p_value(before, after, asked.margin),
        numbers=numbers,
    )


def _between(interval: intervals.Interval) -> str:
    return f"between {points(interval.low)} and {points(interval.high)}"


def _slower(before: Binned, after: Binned, asked: Comparison, alpha: float, share: float, margin: float) -> Verdict:
    name = f"p{100 * share:g}"
    question = f"Is {asked.after} slower than {asked.before} at {name}, by over {percent(margin)}?"
    if not before.total or not after.total:
        missing = asked.after if before.total else asked.before
        said = f"{missing} gave no answer below 500, so that there is nothing to compare."
        return Verdict(Kind.NEED_MORE_DATA, f"latency {name}", question, (said,), asked.confidence, None)
    found = avq.ratio(before, after, share, 2 * alpha)  # an end may be wrong with alpha each, as with errors
    limit = 1 + margin
    kind = Kind.FAIL if found.low > limit else Kind.PASS if found.high < limit else Kind.NEED_MORE_DATA
    more = avq.more_needed(before, after, share, limit, alpha) if kind is Kind.NEED_MORE_DATA else 0
    numbers = {
        "before_ms": before.quantile(share), "after_ms": after.quantile(share),
        "ratio": after.quantile(share) / before.quantile(share), "low": found.low, "high": found.high, "margin": margin,
    }  # fmt: skip
    notes: tuple[str, ...] = ()
    if share == 0.5:
        shown, notes = _shift(before, after, asked, alpha)
        numbers |= shown
    seen = f"{asked.after}'s {name} is {ms(numbers['after_ms'])}, {asked.before}'s {ms(numbers['before_ms'])}"
    return Verdict(
        kind,
        f"latency {name}",
        question,
        (f"{seen}: {_than(kind, found, margin, more)}.", *notes),
        asked.confidence,
        more,
        p_value=avq.p_value(before, after, share, limit),
        numbers={key: float(value) for key, value in numbers.items() if isfinite(value)},
    )


def _than(kind: Kind, found: intervals.Interval, margin: float, more: int | None) -> str:
    allowed = f"the margin of {percent(margin)}"
    if kind is Kind.PASS:
        return f"{most_slower(found.high)}, within {allowed}"
    if kind is Kind.FAIL:
        return f"at least {slower_by(found.low)}, beyond {allowed}"
    return f"whether that is within {allowed} {takes(more)}"


def _shift(before: Binned, after: Binned, asked: Comparison, alpha: float) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the effect size: how far all of the distribution is shifted, and how often the new version is slower."""
    middle, interval = shift.hodges_lehmann(before, after, asked.confidence)
    test, bound = shift.mann_whitney(before, after), avq.superiority(before, after, alpha)
    said = (
        f"All in all it is shifted by {middle:+.3g} ms (Hodges-Lehmann, {interval.low:+.3g} to {interval.high:+.3g}); an "
        f"answer of {asked.after} takes longer than one of {asked.before} with probability {test.superiority:.2f} "
        f"({bound.low:.2f} to {bound.high:.2f} at all times; Cliff's delta {test.cliffs_delta:+.2f})."
    )
    numbers = {
        "shift_ms": middle, "shift_low_ms": interval.low, "shift_high_ms": interval.high,
        "superiority": test.superiority, "superiority_low": bound.low, "superiority_high": bound.high,
        "cliffs_delta": test.cliffs_delta, "mann_whitney_p": test.p_value,
    }  # fmt: skip
    return numbers, (said,)
