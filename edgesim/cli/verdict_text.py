"""Verdicts as people read them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from edgesim.analysis import ArmNumbers, Kind, Verdict
from edgesim.cli.console import STYLES, paint
from edgesim.cli.problems import printable

_STYLES = {Kind.PASS: "ok", Kind.FAIL: "error", Kind.NEED_MORE_DATA: "warning"}


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """Yield a verdict: its word with the sentence, the arms where it is about a split, what to know beside it."""
    word = paint(verdict.kind.value, STYLES[_STYLES[verdict.kind]], sys.stdout)
    yield f"{word} {printable(verdict.name)}: {printable(verdict.sentence)}"
    yield from (f"  {_arm(each, verdict.confidence)}" for each in verdict.arms)
    if verdict.arms and (test := _test(verdict)):
        yield f"  {test}"
    yield from (f"  {printable(each)}" for each in verdict.sentences[1:])


def _arm(arm: ArmNumbers, confidence: float) -> str:
    interval = f"{arm.low:.2%} to {arm.high:.2%} ({100 * confidence:g}%)"
    return f"{printable(arm.name)}: {arm.observed:,}, {arm.share:.2%}; {interval}; expected {arm.expected:.2%}"


def _test(verdict: Verdict) -> str:
    parts = [] if verdict.p_value is None else [f"p-value {verdict.p_value:.2g}"]
    if verdict.power is not None:
        parts.append(f"power {verdict.power:.3g}")
    if verdict.needed:
        parts.append(f"{verdict.needed:,} more {verdict.unit} needed")
    return ", ".join(parts)
