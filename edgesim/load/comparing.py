"""Two runs compared: the same load on the version before and the version after.

Both are over, so that each question is asked once: errors by Newcombe's interval, latency by the bootstrap. Stretches of
some seconds are what is drawn anew, since requests of one stretch share its pauses and its noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from edgesim.analysis import Kind, Verdict, intervals, shift, worse
from edgesim.analysis.binned import Binned, binned
from edgesim.load.expectations import TAIL
from edgesim.load.results import LoadResult, Second
from edgesim.load.scenario import Scenario
from edgesim.load.verdicts import measured
from edgesim.load.wording import more_by, most_more, most_slower, ms, of, percent, points, slower_by
from edgesim.telemetry import slots

_QUESTIONS = 3
_BLOCKS = 60
"""Stretches a run is cut into, at most."""
_FEW = 10
"""Stretches below which an interval says little."""
_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Allowed:
    """How much worse the run after may be: the error rate in points, the median by a share, p99 by `TAIL` times it."""

    margin: float
    latency_margin: float
    confidence: float


def compare_runs(before: LoadResult, after: LoadResult, allowed: Allowed, seed: int = 0) -> tuple[Verdict, ...]:
    """Return whether the second run failed more often, and whether it was slower, at p50 and p99."""
    blocks = [_blocks(each) for each in (before, after)]
    return (
        _errors(_rate(before), _rate(after), allowed),
        *(
            _slower(blocks[0], blocks[1], share, margin, allowed, np.random.default_rng(seed))
            for share, margin in ((0.5, allowed.latency_margin), (0.99, allowed.latency_margin * TAIL))
        ),
    )


def _rate(result: LoadResult) -> worse.Rate:
    wrong = sum(cell.count for cell in result.cells if not cell.status or cell.status >= 500)
    return worse.Rate(wrong, sum(cell.count for cell in result.cells))


def _part(allowed: Allowed) -> float:
    """Return the confidence of one question's interval, so that each end of all three is wrong as seldom as asked."""
    return 1 - 2 * (1 - allowed.confidence) / _QUESTIONS


def _errors(before: worse.Rate, after: worse.Rate, allowed: Allowed) -> Verdict:
    found = worse.compare_errors(before, after, _part(allowed))
    low, high, margin = found.interval.low, found.interval.high, allowed.margin
    kind = _kind(found.interval, margin) if before.of and after.of else Kind.NEED_MORE_DATA
    said = {
        Kind.PASS: f"{most_more(high)}, within the margin of {points(margin)}",
        Kind.FAIL: f"at least {more_by(low)}, beyond the margin of {points(margin)}",
        Kind.NEED_MORE_DATA: f"longer runs are needed to tell whether that is within the margin of {points(margin)}",
    }[kind]
    return Verdict(
        kind,
        "errors",
        f"Did the run after fail more often, by over {points(margin)}?",
        (f"After, {of(after)} failed, before, {of(before)}: {said}.",),
        allowed.confidence,
        None if kind is Kind.NEED_MORE_DATA else 0,
        numbers={
            "before": before.share, "after": after.share, "difference": found.difference, "low": low, "high": high,
            "margin": margin,
            "fisher_p": found.fisher_p,
        },
    )  # fmt: skip


def _kind(interval: intervals.Interval, limit: float) -> Kind:
    if interval.low > limit:
        return Kind.FAIL
    return Kind.PASS if interval.high < limit else Kind.NEED_MORE_DATA


def _slower(
    before: Sequence[Binned],
    after: Sequence[Binned],
    share: float,
    margin: float,
    allowed: Allowed,
    rng: np.random.Generator,
) -> Verdict:
    name = f"p{100 * share:g}"
    question = f"Was the run after slower at {name}, by over {percent(margin)}?"
    if not before or not after:
        said = f"The run {'after' if before else 'before'} has no answer below 500: there is nothing to compare."
        return Verdict(Kind.NEED_MORE_DATA, f"latency {name}", question, (said,), allowed.confidence)
    drawn = shift.bootstrap_blocks(before, after, (share,), rng, _DRAWS)[:, 0]
    interval = shift.interval_of(drawn, _part(allowed))
    first, second = (_joined(each).quantile(share) for each in (before, after))
    few = min(len(before), len(after)) < _FEW
    kind = Kind.NEED_MORE_DATA if few else _kind(interval, 1 + margin)
    limit = f"the margin of {percent(margin)}"
    said = {
        Kind.PASS: f"{most_slower(interval.high)}, within {limit}",
        Kind.FAIL: f"at least {slower_by(interval.low)}, beyond {limit}",
        Kind.NEED_MORE_DATA: f"longer runs are needed to tell whether that is within {limit}",
    }[kind]
    return Verdict(
        kind,
        f"latency {name}",
        question,
        (f"After, {name} is {ms(second)}, before, {ms(first)}: {said}.",),
        allowed.confidence,
        None if kind is Kind.NEED_MORE_DATA else 0,
        numbers={
            "before_ms": first, "after_ms": second, "ratio": second / first, "low": interval.low,
            "high": interval.high, "margin": margin,
        },
    )  # fmt: skip


def _blocks(result: LoadResult) -> list[Binned]:
    """Return the latency of stretches of the run, in milliseconds."""
    seconds = list(measured(result))
    long = -(-len(seconds) // _BLOCKS) or 1
    cut = (_latency(seconds[at : at + long]) for at in range(0, len(seconds), long))
    return [each for each in cut if each.total]


def _latency(seconds: Sequence[Second]) -> Binned:
    return binned(slots.total(each.latency for each in seconds), lambda slot: sum(slots.bounds(slot)) / 2000)


def _joined(blocks: Sequence[Binned]) -> Binned:
    values, where = np.unique(np.concatenate([each.values for each in blocks]), return_inverse=True)
    counts = np.bincount(where, np.concatenate([each.counts for each in blocks]))
    return Binned(values, counts.astype(np.int64))


def cautions(before: LoadResult, after: LoadResult) -> Iterator[str]:
    """Yield why a difference may not be that of the versions."""
    if before.machine != after.machine:
        yield "The runs are of different machines: nothing said here is about the versions alone."
    other = list(_settings(before.scenario, after.scenario))
    if other:
        yield f"The runs differ in what was sent: {', '.join(other)}."
    for name, result in (("before", before), ("after", after)):
        yield from (f"In the run {name} the client may be what was measured: {limit}" for limit in result.client.limits)
        if result.stopped:
            yield f"The run {name} ended early: {result.stopped}."
    if min(len(_blocks(before)), len(_blocks(after))) < _FEW:
        yield f"A run of less than {_FEW} seconds says little of its latency."
    yield (
        "Two runs differ by what else the machine did, too, which no interval knows of: run each several times, in "
        "turns, or send both versions their share of one run (--compare)."
    )


_CALLED = {"mode": "rate, arrivals or duration", "count": "number of requests", "late": "when a send is late"}
"""How settings are called where their names say too little."""


def _settings(before: Scenario, after: Scenario) -> Iterator[str]:
    """Yield the names of settings that differ; the target's address and the seed may."""
    one, two = (replace(each, target=replace(each.target, host="", port=0, authority="")) for each in (before, after))
    for each in fields(Scenario):
        if each.name not in {"seed", "labels"} and getattr(one, each.name) != getattr(two, each.name):
            yield _CALLED.get(each.name, each.name.replace("_", " "))
