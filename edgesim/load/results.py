"""What came of a run: the file other commands read (`edgesim compare`, `bench diff`), and what a report shows.

Durations lie in slots, as in telemetry.slots (HdrHistogram's own layout: 3 significant digits, microseconds), so that
runs, workers and seconds are added up slot by slot and percentiles are never averaged.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edgesim.load.scenario import Scenario

FORMAT = 1
"""Raised when the meaning of a field changes."""

Slots = dict[int, int]


@dataclass(frozen=True, slots=True)
class Cell:
    """Requests alike: of one class, answered with one status by one destination. Status 0: not answered, `error` says why."""

    request: str
    status: int
    destination: str
    error: str = ""
    """connect, timeout, reset, protocol, tls: what ended it without an answer."""
    count: int = 0
    received: int = 0
    """Bytes."""
    latency: Slots = field(default_factory=dict)
    """Microseconds from the intended send time to the end of the answer (in a closed loop: from the send)."""
    service: Slots = field(default_factory=dict)
    """Microseconds from the send itself."""


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the run, warm-up and cool-down included."""

    at: int
    asked: int = 0
    """Requests that the schedule wanted in this second."""
    sent: int = 0
    late: int = 0
    """Of those sent: more than `Scenario.late` after their time."""
    done: int = 0
    waiting: int = 0
    """Most requests that were due and had no connection, at some moment of the second."""
    errors: dict[str, int] = field(default_factory=dict)
    """By kind of error; answers of 500 and more as `5xx`."""
    destinations: dict[str, int] = field(default_factory=dict)
    latency: Slots = field(default_factory=dict)
    by_destination: dict[str, Slots] = field(default_factory=dict)
    """Latency of each destination."""
    failed_by_destination: dict[str, int] = field(default_factory=dict)
    """Answers of 500 and more of each destination."""
    busy: float = 0.0
    """The share of its core that the busiest client process used."""


@dataclass(frozen=True, slots=True)
class SessionPattern:
    """So many users got exactly these numbers of answers from these destinations."""

    answers: dict[str, int]
    users: int


@dataclass(frozen=True, slots=True)
class ClientSide:
    """What the load itself may have done to the figures."""

    workers: int
    busy: float
    """The share of its core that the busiest client process used while it measured."""
    late: int
    unsent: int
    most_waiting: int
    limits: tuple[str, ...] = ()
    """Sentences; where there is one, the client and not the server may have been what was measured."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it ran."""

    system: str
    cpu: str
    cores: int
    python: str


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A run."""

    scenario: Scenario
    started: str
    """RFC 3339."""
    seconds: float
    """Measured ones: without warm-up and cool-down."""
    asked: int
    sent: int
    client: ClientSide
    cells: tuple[Cell, ...]
    timeline: tuple[Second, ...]
    sessions: tuple[SessionPattern, ...] = ()
    connects: Slots = field(default_factory=dict)
    """Microseconds from a connection's start to its being ready, TLS included."""
    stopped: str = ""
    """Why the run ended before its schedule, a stop condition for example."""
    machine: Machine = Machine("", "", 0, "")
    version: str = ""
    commit: str = ""
    """Of the checkout edgesim ran from; empty in an installation."""
    format: int = FORMAT
    kind: str = "edgesim.load"
