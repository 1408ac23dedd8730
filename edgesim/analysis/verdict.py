"""What a question about a run is answered with: one word, a sentence, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The word of a verdict."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    NEED_MORE_DATA = "NEED-MORE-DATA"


@dataclass(frozen=True, slots=True)
class ArmNumbers:
    """One destination of a split."""

    name: str
    expected: float
    """Its share as the weights say."""
    observed: int
    """Requests, or users where traffic is sticky."""
    share: float
    low: float
    """Wilson's interval of the share, at the verdict's confidence."""
    high: float
    exact_low: float
    """Clopper and Pearson's interval, by which the verdict goes; wider where there are three arms or more."""
    exact_high: float
    p_value: float
    """Of this arm alone, against all others: exact binomial, two-sided."""
    matters: float
    """The smallest difference of its share that must not be missed."""
    power: float
    """The probability that a difference of `matters` is found; with a tolerance, that the expected share passes."""
    needed: int
    """Requests (or users) in all for the power asked for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one question."""

    kind: Kind
    name: str
    """`split`, `errors`, `latency p50`: what a machine goes by."""
    question: str
    sentences: tuple[str, ...]
    """The first says it all; the others are what to know beside it."""
    confidence: float
    needed: int | None = None
    """How many more requests (or users, as `unit` says); None where it cannot be told, 0 where none are needed."""
    unit: str = "requests"
    p_value: float | None = None
    power: float | None = None
    arms: tuple[ArmNumbers, ...] = ()
    advisory: bool = False
    """Whether it may stay open: a NEED-MORE-DATA of it leaves the word for all as it is, a FAIL does not."""
    numbers: dict[str, float] = field(default_factory=dict)
    """Whatever else was computed, by name: intervals as `low` and `high`, durations in milliseconds."""

    @property
    def is_left_open(self) -> bool:
        """Whether it says nothing yet, and need not."""
        return self.advisory and self.kind is Kind.NEED_MORE_DATA

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return self.sentences[0]


def gravest(verdicts: Iterable[Verdict]) -> Kind:
    """Return the one word for all: FAIL before NEED-MORE-DATA before PASS; PASS where nothing was asked."""
    kinds = {each.kind for each in verdicts if not each.is_left_open}
    return next((kind for kind in (Kind.FAIL, Kind.NEED_MORE_DATA) if kind in kinds), Kind.PASS)
