"""A run as JSON: `--save` and `-o json`; docs/load.schema.json is made from these classes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import msgspec

from edgesim.analysis import Verdict
from edgesim.load.outcome import Outcome
from edgesim.load.percentiles import latency_of, named, service_of
from edgesim.load.results import LoadResult


@dataclass(frozen=True, slots=True)
class FoundCondition:
    """A condition of `--fail-if`, whether it was met, and what the figure was."""

    condition: str
    met: bool
    found: str


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds by name, `p50` to `p100`, of all answers."""

    latency: dict[str, float] = field(default_factory=dict)
    """From the intended send time (in a closed loop: from the send)."""
    service: dict[str, float] = field(default_factory=dict)
    """From the send itself."""


@dataclass(frozen=True, slots=True)
class LoadOutput(LoadResult):
    """A run of `edgesim load`.

    `cells` are the requests alike, `timeline` the seconds, warm-up and cool-down included. Durations lie in the slots
    of an HdrHistogram of 3 significant digits, in microseconds: `latency` counts from the intended send time,
    `service` from the send itself. What is added up is added slot by slot; `percentiles` are those of all answers.
    """

    percentiles: Percentiles = Percentiles()
    conditions: tuple[FoundCondition, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


def load_output(outcome: Outcome) -> LoadOutput:
    """Return a run in the form machines read."""
    result = outcome.result
    return LoadOutput(
        **{each.name: getattr(result, each.name) for each in fields(LoadResult)},
        percentiles=Percentiles(named(latency_of(result.cells)), named(service_of(result.cells))),
        conditions=tuple(FoundCondition(each.condition.text, each.true, each.figure) for each in outcome.looked),
        verdicts=outcome.verdicts,
    )


def as_json(outcome: Outcome) -> bytes:
    """Return the file of `--save`, which `edgesim compare` reads."""
    return msgspec.json.format(msgspec.json.encode(load_output(outcome))) + b"\n"
