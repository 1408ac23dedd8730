"""Circuit breakers: what is under way to a cluster, in one worker, and how much of it there may be.

Counted as Envoy does for HTTP/1: a request is pending until it has a connection; a connection counts from when it is
opened until it is closed; a request counts while it has a connection. A pool without any connection may always open
one, or what waits there would wait for ever. (Envoy's limits hold for a process, edgesim's for each worker.)

Nothing is done per request for this but one comparison: as each request has a connection of its own, there cannot be
more requests than connections, and these are counted as they come and go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from edgesim.model import CircuitBreakers
from edgesim.telemetry.histogram import HISTOGRAM, slot_of


class OverflowedError(Exception):
    """A circuit breaker is full: there will be no connection for the request."""


class Load:
    """What is under way to a cluster; `overflows` count what was refused, or not opened, for it."""

    __slots__ = (
        "clock",
        "connect_failures",
        "connect_timeouts",
        "connecting_took",
        "connection_overflows",
        "connections",
        "lasted",
        "limits",
        "none_healthy",
        "opened",
        "pended",
        "pending",
        "pending_failures",
        "pending_overflows",
        "per_try_timeouts",
        "request_overflows",
        "requests",
        "retried_answers",
        "retries",
        "retry_limits",
        "retry_overflows",
        "retry_successes",
        "timeouts",
        "told",
    )

    def __init__(self, limits: CircuitBreakers, requests: Callable[[], int], clock: Callable[[], float]) -> None:
        """Take the limits, what counts the requests that have a connection, and a monotonic clock in seconds."""
        self.clock = clock
        self.connecting_took: Counter[int] = Counter()
        self.lasted: Counter[int] = Counter()
        """How long connecting took, and from its begin on each connection was there, also one that was never made."""
        self.limits = limits
        self.requests = requests
        self.connections = self.pending = self.retries = 0
        self.pended = 0
        """Requests that ever waited for a connection."""
        self.opened = 0
        """Connections that were ever begun."""
        self.connection_overflows = self.pending_overflows = self.request_overflows = self.retry_overflows = 0
        self.connect_failures = self.connect_timeouts = self.timeouts = self.per_try_timeouts = 0
        self.pending_failures = 0
        """Requests that waited for a connection that could not be made."""
        self.retry_limits = 0
        """Requests that failed in the last try they may have."""
        self.retry_successes = 0
        """Requests that were retried until there was no more reason to."""
        self.retried_answers: Counter[int] = Counter()
        """Answers, by status, instead of which another try was made."""
        self.none_healthy = 0
        """Requests for which there was no endpoint."""
        self.told: dict[str, int] = {}
        """What was counted when counters were set to zero."""

    def note_connected(self, begun: float) -> None:
        """Note a connection that was made."""
        self.connecting_took[_slot(self.clock() - begun)] += 1

    def note_gone(self, begun: float) -> None:
        """Note a connection that ended, or could not be made."""
        self.lasted[_slot(self.clock() - begun)] += 1

    @property
    def takes_connection(self) -> bool:
        """Whether another connection may be opened beside those there are."""
        return self.connections < self.limits.max_connections

    def add_pending(self) -> None:
        """Let another request wait for a connection. Raises OverflowedError."""
        if self.pending >= self.limits.max_pending_requests:
            self.pending_overflows += 1
            raise OverflowedError
        self.pending += 1
        self.pended += 1

    def check_request(self) -> None:
        """Find out whether another request may be given a connection that is there. Raises OverflowedError."""
        if self.requests() >= self.limits.max_requests:
            self.request_overflows += 1
            raise OverflowedError

    def add_retry(self) -> bool:
        """Begin a retry, if there may be another one."""
        if self.retries >= self.limits.max_retries:
            self.retry_overflows += 1
            return False
        self.retries += 1
        return True


def _slot(seconds: float) -> int:
    return HISTOGRAM + slot_of(max(0, round(seconds * 1e6)))
