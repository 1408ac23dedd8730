"""What a client process counts, second by second."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgesim.load.messages import Counts, Grown
from edgesim.telemetry.slots import Slots

_MOST_KNOWN = 512
"""Answers remembered for a request; where all differ, remembering more would only cost memory."""


@dataclass(slots=True, eq=False)
class Tally:
    """Requests alike, of the second under way."""

    request: str
    status: int
    destination: str
    error: str
    measured: bool
    received: int = 0
    latency: Slots = field(default_factory=dict)
    service: Slots = field(default_factory=dict)

    def taken(self) -> Grown:
        """Return what was counted, and begin anew."""
        grown = Grown(
            self.request,
            self.status,
            self.destination,
            self.error,
            self.measured,
            self.received,
            self.latency.copy(),
            self.service.copy(),
        )
        # Emptied, not replaced: answers that are known lead here.
        self.received = 0
        self.latency.clear()
        self.service.clear()
        return grown


Known = dict[bytes, Tally]
"""Whole answers that were seen before, byte for byte, and where they count."""


@dataclass(slots=True)
class Recorder:
    """All that a client process has counted since its last beat."""

    tallies: dict[tuple[str, int, str, str, bool], Tally] = field(default_factory=dict)
    measured: Counts = field(default_factory=Counts)
    other: Counts = field(default_factory=Counts)
    connects: Slots = field(default_factory=dict)
    pacing: Slots = field(default_factory=dict)
    waiting: int = 0
    blocked: int = 0
    short: dict[str, int] = field(default_factory=dict)

    def tally(self, request: str, status: int, destination: str, error: str, *, measured: bool) -> Tally:
        """Return where requests like this are counted."""
        key = (request, status, destination, error, measured)
        found = self.tallies.get(key)
        if found is None:
            found = self.tallies[key] = Tally(*key)
        return found

    def lacks(self, what: str) -> None:
        """Count a connection that was not opened because the client itself lacks something."""
        self.short[what] = self.short.get(what, 0) + 1

    def taken(self) -> list[Grown]:
        """Return what became of requests since it was last asked."""
        return [tally.taken() for tally in self.tallies.values() if tally.latency]


def remember(known: Known, answer: bytes, tally: Tally) -> None:
    """Let the next answer with the same bytes be counted without reading it."""
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[answer] = tally
