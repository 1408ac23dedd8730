"""Adding up what the client processes tell, to seconds and to a result."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import edgesim
from edgesim.load.abridged import abridged
from edgesim.load.commit import commit
from edgesim.load.limits import Signs, sentences
from edgesim.load.messages import Beat, Counts, End, Grown
from edgesim.load.results import Cell, ClientSide, LoadResult, Machine, Second, SessionPattern
from edgesim.load.scenario import Scenario
from edgesim.load.span import length
from edgesim.telemetry import slots
from edgesim.telemetry.slots import Slots

_Key = tuple[str, int, str, str]


@dataclass(slots=True)
class Sums:
    """What has been told so far."""

    scenario: Scenario
    workers: int
    counts: Counts = field(default_factory=Counts)
    cells: dict[_Key, Cell] = field(default_factory=dict)
    timeline: list[Second] = field(default_factory=list)
    sessions: list[SessionPattern] = field(default_factory=list)
    ended: float = 0.0
    """Seconds from the start to the last answer."""
    connects: Slots = field(default_factory=dict)
    signs: Signs = field(default_factory=Signs)
    _open: dict[int, dict[int, Beat]] = field(default_factory=dict)
    """Of each second that is not over: what each client has told of it."""
    _ended: set[int] = field(default_factory=set)

    def add(self, beat: Beat, client: int = 0) -> Iterator[Second]:
        """Add what a client counted; yield the seconds of which all have told now."""
        _add_counts(self.counts, beat.measured)
        for grown in beat.cells:
            if grown.measured:
                self._add_cell(grown)
        slots.add(self.connects, beat.connects)
        self.signs.add(beat)
        self._open.setdefault(beat.second, {})[client] = beat
        yield from self._over()

    def end(self, message: End, client: int = 0) -> Iterator[Second]:
        """Add what a client tells at its end; yield the seconds that only it had not told of."""
        self.sessions += message.sessions
        self.ended = max(self.ended, message.seconds)
        self._ended.add(client)
        yield from self._over()

    def _over(self) -> Iterator[Second]:
        while (told := self._open.get(len(self.timeline))) and len(told.keys() | self._ended) == self.workers:
            yield self._close(len(self.timeline))

    def _close(self, number: int) -> Second:
        made = _second(number, [*self._open.pop(number).values()])
        self.timeline.append(made)
        return made

    def _add_cell(self, grown: Grown) -> None:
        key = (grown.request, grown.status, grown.destination, grown.error)
        before = self.cells.get(key) or Cell(*key)
        slots.add(before.latency, grown.latency)
        slots.add(before.service, grown.service or grown.latency)
        count = before.count + slots.count(grown.latency)
        self.cells[key] = Cell(*key, count, before.received + grown.received, before.latency, before.service)

    def result(self, started: str, stopped: str) -> LoadResult:
        """Return what came of the run."""
        measured = length(self.scenario) - self.scenario.warm_up - self.scenario.cool_down
        if stopped or self.scenario.count:
            measured = min(measured, self.ended - self.scenario.warm_up)
        side = ClientSide(
            self.workers,
            self.signs.busy,
            self.counts.late,
            self.counts.unsent,
            max((each.waiting for each in self.timeline), default=0),
            sentences(self.scenario, self.counts, self.signs),
        )
        return LoadResult(
            abridged(self.scenario),
            started,
            max(measured, 0.001),
            self.counts.asked,
            self.counts.sent,
            side,
            tuple(cell for _, cell in sorted(self.cells.items())),
            tuple(self.timeline),
            _patterns(self.sessions),
            self.connects,
            stopped,
            machine(),
            edgesim.__version__,
            commit(),
        )


def _add_counts(into: Counts, more: Counts) -> None:
    into.asked += more.asked
    into.sent += more.sent
    into.late += more.late
    into.unsent += more.unsent


def _second(number: int, beats: list[Beat]) -> Second:
    counts = Counts()
    for beat in beats:
        _add_counts(counts, beat.measured)
        _add_counts(counts, beat.other)
    cells = [grown for beat in beats for grown in beat.cells]
    answered = [grown for grown in cells if grown.status]
    failed = [grown for grown in answered if grown.status >= 500]
    errors = _counted((grown.error, grown) for grown in cells if not grown.status)
    if failed:
        errors["5xx"] = sum(slots.count(grown.latency) for grown in failed)
    by: dict[str, Slots] = {}
    for grown in answered:
        slots.add(by.setdefault(grown.destination, {}), grown.latency)
    return Second(
        number,
        counts.asked,
        counts.sent,
        counts.late,
        sum(slots.count(each) for each in by.values()),
        sum(beat.waiting for beat in beats),
        errors,
        {destination: slots.count(each) for destination, each in by.items()},
        slots.total(by.values()),
        by,
        _counted((grown.destination, grown) for grown in failed),
        max(beat.busy for beat in beats),
    )


def _counted(pairs: Iterable[tuple[str, Grown]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for name, grown in pairs:
        found[name] += slots.count(grown.latency)
    return dict(found)


def _patterns(told: Iterable[SessionPattern]) -> tuple[SessionPattern, ...]:
    found: Counter[frozenset[tuple[str, int]]] = Counter()
    for each in told:
        found[frozenset(each.answers.items())] += each.users
    return tuple(SessionPattern(dict(seen), users) for seen, users in sorted(found.items(), key=str))


def machine() -> Machine:
    """Return where this runs."""
    return Machine(platform.platform(terse=True), _processor(), os.cpu_count() or 1, platform.python_version())


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
