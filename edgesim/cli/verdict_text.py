"""Verdicts as people read them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from edgesim.analysis import ArmNumbers, Kind, Verdict
from edgesim.cli.console import STYLES, paint
from edgesim.cli.problems import printable

_STYLES = {Kind.PASS: "ok", Kind.FAIL: "error", Kind.NEED_MORE_DATA: "warning"}
_WIDTH = max(map(len, Kind))


def verdict_lines(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Yield each verdict: its word with the sentence, the arms where it is about a split, what to know beside it."""
    for verdict in verdicts:
        word = paint(verdict.kind.ljust(_WIDTH), STYLES[_STYLES[verdict.kind]], sys.stdout)
        yield f"{word}  {printable(verdict.name)}: {printable(verdict.sentence)}"
        indent = " " * (_WIDTH + 2)
        yield from (f"{indent}{_arm(each, verdict.confidence)}" for each in verdict.arms)
        if verdict.arms:
            yield f"{indent}{_test(verdict)}"
        yield from (f"{indent}{printable(each)}" for each in verdict.sentences[1:])


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
