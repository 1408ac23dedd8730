"""Active health checks as Envoy's: what a check's outcome makes of an endpoint, and when the next one is due.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking
Draws are passed in. An endpoint counts as ill until its first check; one pass is enough then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import Final, Protocol

from edgesim.model import Cluster, HealthCheck

AGENT: Final = b"Envoy/HC"
"""How checks by HTTP call themselves."""
Fields = Iterable[tuple[bytes, bytes]]


def check_of(cluster: Cluster) -> HealthCheck | None:
    """Return by what the endpoints of a cluster are checked: the first check, as Envoy takes one only."""
    return next(iter(cluster.health_checks), None)


class Outcome(Enum):
    """How a check ended. REFUSED is an answer that says no, LOST is none: only of those the threshold counts several."""

    PASSED = auto()
    REFUSED = auto()
    LOST = auto()


class Judgement(Protocol):
    """The answer to one check so far. Each part of it tells the outcome, if it is certain with it."""

    def head(self, fields: Fields, *, ends: bool) -> Outcome | None:
        """Take the head, `:status` among its fields; `ends` says that it is all there is."""

    def data(self, data: bytes, *, ends: bool) -> Outcome | None:
        """Take a piece of the body."""

    def trailers(self, fields: Fields) -> Outcome:
        """Take the trailers, which are the end."""


class StatusJudgement:
    """By the status alone, once the answer is whole."""

    __slots__ = ("_expected", "_outcome")

    def __init__(self, expected: Sequence[tuple[int, int]]) -> None:
        """Take the statuses that pass, as half-open ranges."""
        self._expected = expected
        self._outcome = Outcome.REFUSED

    def head(self, fields: Fields, *, ends: bool) -> Outcome | None:
        """Note the status."""
        status = int(dict(fields)[b":status"])
        passes = any(begin <= status < end for begin, end in self._expected)
        self._outcome = Outcome.PASSED if passes else Outcome.REFUSED
        return self._outcome if ends else None

    def data(self, data: bytes, *, ends: bool) -> Outcome | None:
        """Nobody reads it."""
        del data
        return self._outcome if ends else None

    def trailers(self, fields: Fields) -> Outcome:
        """Nobody reads them."""
        del fields
        return self._outcome


class Course:
    """The checks of one endpoint so far."""

    __slots__ = ("_failures", "_first", "_passes", "_pending", "_was_good", "config", "healthy")

    def __init__(self, config: HealthCheck) -> None:
        """Begin: ill, and never checked."""
        self.config = config
        self.healthy = False
        self._first, self._was_good, self._pending = True, False, False
        self._passes = self._failures = 0

    def take(self, outcome: Outcome) -> bool:
        """Take how a check ended; return whether there is something new: the endpoint's health, or that it is known."""
        first, before = self._first, self.healthy
        self._first, self._was_good = False, outcome is Outcome.PASSED
        self._pass(first=first) if self._was_good else self._fail(at_once=outcome is Outcome.REFUSED)
        self._pending = before == self.healthy and self._was_good != self.healthy and not first
        return first or before != self.healthy

    def _pass(self, *, first: bool) -> None:
        self._failures = 0
        if not self.healthy:
            self._passes += 1
            self.healthy = first or self._passes >= self.config.healthy_threshold

    def _fail(self, *, at_once: bool) -> None:
        self._passes = 0
        if self.healthy:
            self._failures += 1
            self.healthy = not at_once and self._failures < self.config.unhealthy_threshold

    def pause(self, draw: Callable[[], int], *, used: bool) -> float:
        """Return the seconds until the next check; while no request ever went to the cluster, they are many."""
        config = self.config
        base = self._interval() if used else config.no_traffic_interval
        percent = config.interval_jitter_percent * base / 100
        return max(0.001, base + part_of(percent, draw) + part_of(config.interval_jitter, draw))

    def _interval(self) -> float:
        config = self.config
        unhealthy = _first_given(config.unhealthy_interval, config.interval)
        if self._was_good:
            return _first_given(config.healthy_edge_interval, config.interval) if self._pending else config.interval
        return _first_given(config.unhealthy_edge_interval, unhealthy) if self._pending else unhealthy


def part_of(longest: float, draw: Callable[[], int]) -> float:
    """Return any part of a time, by a draw of 64 bits."""
    return longest * (draw() / 2**64)


def _first_given(value: float | None, default: float) -> float:
    return default if value is None else value


def contains_in_order(expected: Sequence[bytes], received: bytes) -> bool:
    """Tell whether pieces come one after the other, whatever is between them."""
    at = 0
    for piece in expected:
        found = received.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True
