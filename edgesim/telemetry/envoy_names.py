"""Envoy's names of what is counted, as `/stats` writes them, and their labels in Prometheus.

`SCOPES` is the table: a scope with its prefix and labels, the names in it, and where each comes from. Names follow Envoy
1.40 (HTTP connection manager, router, cluster, listener, server and virtual cluster statistics).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edgesim.telemetry.histogram import (
    BYTES_OWN,
    BYTES_RECEIVED,
    BYTES_SENT,
    RESETS,
    RETRIES,
    TOTAL,
    Counts,
)
from edgesim.telemetry.states import DURATIONS, TLS
from edgesim.telemetry.tally import Totals

_PREFIX: Final = "http"
"""What Gloo calls the statistics of each of its HTTP connection managers."""
LISTENER_PREFIX: Final = f"http.{_PREFIX}."
ACCESS_LOG_DROPPED: Final = "access_logs.access_log_file.write_failed"
Label = tuple[str, str]
Labels = tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Stat:
    """One counter of a scope: its name behind the prefix, what it counts, and how it is read."""

    name: str
    meaning: str
    read: Callable[[Counts], int]


def _slot(slot: int) -> Callable[[Counts], int]:
    return lambda counts: counts[slot]


_RETRIES = Stat("upstream_rq_retry", "further tries", _slot(RETRIES))
LISTENER: Final = (
    Stat("downstream_rq_total", "requests", _slot(TOTAL)),
    Stat("downstream_rq_http1_total", "the same: all are HTTP/1", _slot(TOTAL)),
    Stat("downstream_cx_rx_bytes_total", "bytes of requests' bodies", _slot(BYTES_RECEIVED)),
    Stat("downstream_cx_tx_bytes_total", "bytes of answers' bodies", _slot(BYTES_SENT)),
    Stat("downstream_rq_rx_reset", "requests whose client left before an answer began", _slot(RESETS)),
)
CLUSTER: Final = (
    Stat("upstream_rq_total", "tries, the first and further ones", lambda counts: counts[TOTAL] + counts[RETRIES]),
    _RETRIES,
    Stat(
        "upstream_cx_rx_bytes_total", "bytes of answers' bodies", lambda counts: counts[BYTES_SENT] - counts[BYTES_OWN]
    ),
    Stat("upstream_cx_tx_bytes_total", "bytes of requests' bodies", _slot(BYTES_RECEIVED)),
)
VIRTUAL_HOST: Final = (Stat("upstream_rq_total", "requests", _slot(TOTAL)), _RETRIES)
ANSWERED: Final = (
    ("_completed", "answers, whatever their status"),
    ("_NNN", "answers with that status, where there were any"),
    ("_Nxx", "answers of that class"),
)
"""What there is of answers in each scope, behind the name of its requests."""

TOTALS: Final[tuple[tuple[str, str, Callable[[Totals], int]], ...]] = (
    ("downstream_cx_total", "connections of clients", lambda totals: totals.connections),
    ("downstream_cx_http1_total", "the same: all are HTTP/1", lambda totals: totals.connections),
    ("downstream_cx_active", "connections of clients now", lambda totals: totals.connections_active),
    ("downstream_cx_http1_active", "the same: all are HTTP/1", lambda totals: totals.connections_active),
    ("downstream_rq_active", "requests in progress now", lambda totals: totals.requests_active),
    ("no_route", "requests that no route took", lambda totals: totals.no_route),
    ("no_cluster", "requests whose route leads to a cluster that is not there", lambda totals: totals.no_cluster),
)
STATES: Final = (
    ("lb_healthy_panic", "picks whatever the health of endpoints, because too few, or none, are healthy"),
    ("lb_subsets_active", "subsets with endpoints, of all workers"),
    ("lb_subsets_fallback", "picks by the fallback policy of subsets"),
    ("upstream_cx_active", "connections now"),
    ("upstream_cx_total", "connections that were begun"),
    ("upstream_cx_http1_total", "the same: all are HTTP/1"),
    ("upstream_cx_destroy", "connections that ended"),
    ("upstream_cx_connect_fail", "connections that could not be made"),
    ("upstream_cx_connect_timeout", "those of them that took too long"),
    ("upstream_cx_none_healthy", "requests for which there was no endpoint"),
    ("upstream_cx_overflow", "connections not made because of `max_connections`"),
    ("upstream_rq_active", "requests that have a connection now"),
    ("upstream_rq_active_overflow", "requests refused because of `max_requests`"),
    ("upstream_rq_pending_active", "requests that wait for a connection now"),
    ("upstream_rq_pending_total", "requests that waited for one"),
    ("upstream_rq_pending_failure_eject", "requests that waited for a connection that could not be made"),
    ("upstream_rq_pending_overflow", "requests refused because of `max_pending_requests`"),
    ("upstream_rq_per_try_timeout", "tries that took too long"),
    ("upstream_rq_retry_limit_exceeded", "requests that failed in the last try they may have"),
    ("upstream_rq_retry_overflow", "retries not made because of `max_retries`"),
    ("upstream_rq_retry_success", "requests whose last try was no reason for another one"),
    ("upstream_rq_timeout", "requests that took too long"),
    ("outlier_detection.ejections_enforced_total", "ejections"),
    ("outlier_detection.ejections_overflow", "ejections that would have been too many at a time"),
    ("circuit_breakers.default.cx_open", "1 while `max_connections` is reached in a worker"),
    ("circuit_breakers.default.cx_pool_open", "0: pools are not limited"),
    ("circuit_breakers.default.rq_open", "1 while `max_requests` is reached in a worker"),
    ("circuit_breakers.default.rq_pending_open", "1 while `max_pending_requests` is reached in a worker"),
    ("circuit_breakers.default.rq_retry_open", "1 while `max_retries` is reached in a worker"),
)
"""What workers tell of a cluster."""
CHECKS: Final = (
    ("health_check.attempt", "active health checks"),
    ("health_check.success", "those that passed"),
    ("health_check.failure", "those that did not"),
    ("health_check.network_failure", "those of them that got no answer"),
    ("health_check.healthy", "endpoints that pass now"),
)
"""What there is of clusters with health checks."""
LOOKUPS: Final = (
    ("update_attempt", "look-ups of names"),
    ("update_success", "those that were answered, also that there is no address"),
    ("update_failure", "those that were not"),
    ("update_empty", "0, as Envoy counts none of names"),
    ("update_no_rebuild", "answers with the same addresses as before"),
)
"""What there is of clusters whose endpoints are names."""
_CAUSES: Final = (
    ("consecutive_5xx", "5xx in a row"),
    ("consecutive_gateway_failure", "502, 503 and 504 in a row"),
    ("consecutive_local_origin_failure", "failures on this side in a row"),
    ("local_origin_success_rate", "fewer connections made than to others"),
    ("success_rate", "fewer good answers than others"),
)
EJECTIONS: Final = (
    *((f"outlier_detection.ejections_detected_{cause}", f"thresholds met: {why}") for cause, why in _CAUSES),
    *((f"outlier_detection.ejections_enforced_{cause}", f"ejections: {why}") for cause, why in _CAUSES),
)
"""What there is of clusters with outlier detection."""
MEMBERS: Final = (
    ("membership_total", "endpoints"),
    ("membership_healthy", "endpoints that are neither ejected nor fail a check, in any worker"),
    ("outlier_detection.ejections_active", "endpoints that are ejected now, in any worker"),
)
CONNECTIONS: Final = tuple(
    zip(
        DURATIONS,
        ("how long connecting took in ms, P0 to P100", "how long connections that ended were there in ms, P0 to P100"),
        strict=True,
    )
)
"""What there is of clusters that had a connection."""
OF_LISTENERS: Final = (
    ("downstream_cx_active", "connections now"),
    ("downstream_cx_total", "connections"),
)
OF_TLS: Final = (
    *zip(
        TLS,
        (
            "connections to a server name that nothing serves",
            "handshakes that failed otherwise",
            "handshakes with a certificate of a client that nobody vouches for",
            "handshakes without the certificate of a client that is asked for",
            "handshakes with a certificate of a client that carries none of the wanted names",
            "handshakes that succeeded",
            "those of them without a certificate of the client",
            "those of them that took up an earlier session",
        ),
        strict=True,
    ),
    ("ssl.versions.NAME", "those of them with that version, where there were any"),
    ("ssl.ciphers.NAME", "those of them with that cipher, where there were any"),
)
"""What there is of listeners with TLS."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A family of stats: how its prefix is written, and the part of a key that stands in it (none: one scope).

    `family` is the prefix in Prometheus, `label` what the part is called there; `labels` there are always.
    """

    prefix: str
    part: str
    stats: tuple[Stat, ...]
    requests: str
    family: str
    label: str = ""
    labels: Labels = ()

    @property
    def histogram(self) -> str:
        """The name of its durations, in milliseconds."""
        return f"{self.requests}_time"

    def named(self, name: str) -> tuple[str, Labels]:
        """Return the prefix and the labels of one of its kind."""
        own = ((self.label, name),) if self.label else ()
        return self.prefix.format(sanitized(name)), (*own, *self.labels)


HTTP: Final = Scope(
    LISTENER_PREFIX,
    "",
    LISTENER,
    "downstream_rq",
    "http_",
    labels=(("envoy_http_conn_manager_prefix", _PREFIX),),
)
OF_CLUSTER: Final = Scope("cluster.{}.", "cluster", CLUSTER, "upstream_rq", "cluster_", "envoy_cluster_name")
OF_EXTERNAL: Final = Scope(
    "cluster.{}.external.", "cluster", (), "upstream_rq", "cluster_external_", "envoy_cluster_name"
)
"""The same again, as Envoy counts requests from outside; who it finds inside it counts as internal."""
OF_RETRIES: Final = Scope("cluster.{}.retry.", "cluster", (), "upstream_rq", "cluster_retry_", "envoy_cluster_name")
"""Answers instead of which another try was made, where there were any."""
OF_HOST: Final = Scope(
    "vhost.{}.vcluster.other.",
    "virtual_host",
    VIRTUAL_HOST,
    "upstream_rq",
    "vhost_vcluster_",
    "envoy_virtual_host",
    (("envoy_virtual_cluster", "other"),),
)
OF_LISTENER: Final = Scope("listener.{}.", "", (), "", "listener_", "envoy_listener_address")
SERVER: Final = Scope("", "", (), "", "")
SCOPES: Final = (HTTP, OF_CLUSTER, OF_EXTERNAL, OF_HOST)


def sanitized(name: str) -> str:
    """Return a name as it stands in a stat's."""
    return name.replace(":", "_")
