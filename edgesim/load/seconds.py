"""Seconds of a run joined: several as one, and the last few answers with the second they belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from edgesim.load.results import Second
from edgesim.telemetry import slots

_FEW = 0.05
"""The share of a second's answers that is no second of its own."""


def without_stragglers(timeline: Iterable[Second]) -> list[Second]:
    """Return seconds; the few last requests and answers, when the schedule was all but over, go to its last second."""
    seconds = list(timeline)
    if len(seconds) > 1 and all(
        getattr(seconds[-1], of) <= _FEW * getattr(seconds[-2], of) for of in ("asked", "done")
    ):
        seconds[-2:] = [join(seconds[-2:])]
    return seconds


def join(part: Sequence[Second]) -> Second:
    """Return seconds as one that begins where the first does; histograms are added up, peaks stay peaks."""
    names = {name for second in part for name in second.by_destination}
    return Second(
        part[0].at,
        sum(second.asked for second in part),
        sum(second.sent for second in part),
        sum(second.late for second in part),
        sum(second.done for second in part),
        max(second.waiting for second in part),
        added(second.errors for second in part),
        added(second.destinations for second in part),
        slots.total(second.latency for second in part),
        {name: slots.total(second.by_destination.get(name, {}) for second in part) for name in names},
        added(second.failed_by_destination for second in part),
        max(second.busy for second in part),
    )


def added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return counts by name, added up."""
    found: Counter[str] = Counter()
    for part in parts:
        found.update(part)
    return dict(found)
