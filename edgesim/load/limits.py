"""Signs that the client and not the server was what was measured, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from edgesim.load.messages import Beat, Counts
from edgesim.load.scenario import Closed, Scenario
from edgesim.telemetry import slots
from edgesim.telemetry.slots import Slots

BUSY = 0.9
"""The share of its core above which a client process holds the load back."""
LATE_ALARM = 1000
"""Microseconds by which 1% of alarms may come late."""
_OFTEN = 0.01

_LACKED = {
    "files": "open files ran out (`ulimit -n`)",
    "ports": "local ports ran out (net.ipv4.ip_local_port_range; closed connections hold theirs for a minute)",
    "memory": "the system's memory for sockets ran out",
}


@dataclass(slots=True)
class Signs:
    """What the clients told about themselves, of all seconds."""

    busy: float = 0.0
    busy_seconds: int = 0
    pacing: Slots = field(default_factory=dict)
    blocked: int = 0
    short: dict[str, int] = field(default_factory=dict)

    def add(self, beat: Beat) -> None:
        """Add a second of a client; one without measured requests says nothing about the figures."""
        slots.add(self.pacing, beat.pacing)
        self.blocked += beat.blocked
        for what, number in beat.short.items():
            self.short[what] = self.short.get(what, 0) + number
        if beat.measured.asked:
            self.busy = max(self.busy, beat.busy)
            self.busy_seconds += beat.busy > BUSY


def sentences(scenario: Scenario, counts: Counts, signs: Signs) -> tuple[str, ...]:
    """Return why the figures may be the client's own; none where there is no sign of it."""
    return tuple(_sentences(scenario, counts, signs))


def _sentences(scenario: Scenario, counts: Counts, signs: Signs) -> Iterator[str]:
    if signs.busy_seconds:
        yield (
            f"A client process used up to {signs.busy:.0%} of its core, over {BUSY:.0%} in {signs.busy_seconds} "
            "second(s): what it adds to latencies is in the figures; use more --workers."
        )
    (late,) = slots.percentiles(signs.pacing, [99])
    if late > LATE_ALARM:
        yield (
            f"The client itself woke up {late / 1000:.1f} ms late or more for 1% of its sends: its core was busy, with "
            "it or with others."
        )
    if counts.sent and signs.blocked > _OFTEN * counts.sent:
        yield f"The system took {signs.blocked:,} sends only in part: the send buffers were full."
    for what, number in signs.short.items():
        yield f"{number:,} connections were not opened: {_LACKED[what]}."
    if not isinstance(scenario.mode, Closed):
        yield from _unsent(scenario, counts)


def _unsent(scenario: Scenario, counts: Counts) -> Iterator[str]:
    if counts.unsent:
        yield (
            f"{counts.unsent:,} of {counts.asked:,} requests were never sent: each waited over {scenario.timeout:g} s "
            f"for one of {scenario.connections} connections. They are in no percentile."
        )
    if counts.late > _OFTEN * counts.asked:
        yield (
            f"{counts.late:,} requests were sent over {scenario.late * 1000:g} ms late; their latency counts from the "
            "intended time. Either the server was slow on all connections, or there were too few (--connections)."
        )
