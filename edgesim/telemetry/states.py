"""What clusters and listeners are in: what is open now, and the counters of rare events, as a worker tells them.

Names are Envoy's behind the prefix `cluster.NAME.` or `listener.ADDRESS.`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from edgesim.telemetry.histogram import Counts, total

BREAKERS: Final = ("cx_open", "cx_pool_open", "rq_open", "rq_pending_open", "rq_retry_open")
OPEN: Final = tuple(f"circuit_breakers.default.{name}" for name in BREAKERS)
"""1 while a circuit breaker is full in any worker."""
TLS: Final = (
    "no_filter_chain_match",
    "ssl.connection_error",
    "ssl.fail_verify_error",
    "ssl.fail_verify_no_cert",
    "ssl.fail_verify_san",
    "ssl.handshake",
    "ssl.no_certificate",
    "ssl.session_reused",
)
"""What is counted of a listener with TLS, besides versions (`ssl.versions.TLSv1.3`) and ciphers (`ssl.ciphers.NAME`)."""
DURATIONS: Final = ("upstream_cx_connect_ms", "upstream_cx_length_ms")
RETRIED: Final = "retry.upstream_rq_"
"""Behind it a status: answers instead of which another try was made."""
ACTIVE: Final = frozenset(
    (
        "downstream_cx_active",
        "health_check.healthy",
        "lb_subsets_active",
        "upstream_cx_active",
        "upstream_rq_active",
        "upstream_rq_pending_active",
        *OPEN,
    )
)
"""What ends with a worker; everything else is counted on."""


class Host(NamedTuple):
    """An endpoint as workers know it; a check that fails, or an ejection by any of them, is told."""

    connections: int = 0
    opened: int = 0
    failures: int = 0
    requests: int = 0
    pending: int = 0
    timeouts: int = 0
    check_failed: bool = False
    ejected: bool = False
    leaving: bool = False
    """It is listed no more, and stays while it passes its checks."""
    retried: int = 0
    """Tries after which another was made."""
    unsent: int = 0
    """Tries that got no connection: none could be made, or there were too many requests."""
    refused: int = 0
    """Tries that were not to wait for a connection: too many did."""

    def plus(self, other: Host) -> Host:
        """Return what two workers know."""
        return Host(
            self.connections + other.connections,
            self.opened + other.opened,
            self.failures + other.failures,
            self.requests + other.requests,
            self.pending + other.pending,
            self.timeouts + other.timeouts,
            self.check_failed or other.check_failed,
            self.ejected or other.ejected,
            self.leaving or other.leaving,
            self.retried + other.retried,
            self.unsent + other.unsent,
            self.refused + other.refused,
        )

    @property
    def healthy(self) -> bool:
        """Whether every worker sends requests there."""
        return not (self.check_failed or self.ejected)


@dataclass(frozen=True, slots=True)
class State:
    """Numbers by Envoy's names; of a cluster also its endpoints, by `address:port`, and durations of connections.

    Durations are `histogram.Counts`, by the names of `DURATIONS`.
    """

    values: Mapping[str, int] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    durations: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    @property
    def lasting(self) -> State:
        """What stays when the worker is gone."""
        values = {name: value for name, value in self.values.items() if name not in ACTIVE}
        return State(values, durations=self.durations)


Scope = tuple[str, str]
"""`cluster` or `listener`, and its name."""


def added(states: Iterable[State]) -> State:
    """Return what several workers tell of one scope."""
    values: dict[str, int] = {}
    hosts: dict[str, Host] = {}
    durations: dict[str, Counts] = {}
    for state in states:
        for name, counts in state.durations.items():
            durations[name] = total((durations.get(name, {}), counts))
        for name, value in state.values.items():
            before = values.get(name, 0)
            values[name] = max(before, value) if name in OPEN else before + value
        for address, host in state.hosts.items():
            hosts[address] = hosts.get(address, Host()).plus(host)
    return State(values, hosts, durations)
