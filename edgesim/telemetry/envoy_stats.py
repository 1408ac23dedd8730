"""What is counted, under Envoy's names: as `/stats` writes them, and as Prometheus has them, with labels.

`SCOPES` is the table: a scope with its prefix and labels, the names in it, and where each comes from. Names follow Envoy
1.40 (HTTP connection manager, router, cluster, listener, server and virtual cluster statistics).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from edgesim.telemetry.histogram import (
    BYTES_OWN,
    BYTES_RECEIVED,
    BYTES_SENT,
    RESETS,
    RETRIES,
    TOTAL,
    Counts,
    answers,
    classes,
    new_counts,
    total,
    whole,
)
from edgesim.telemetry.states import ACTIVE, DURATIONS, RETRIED, TLS, State
from edgesim.telemetry.tally import Tally, Totals

_PREFIX: Final = "http"
"""What Gloo calls the statistics of each of its HTTP connection managers."""
LISTENER_PREFIX: Final = f"http.{_PREFIX}."
ACCESS_LOG_DROPPED: Final = "access_logs.access_log_file.write_failed"
_UNAVAILABLE: Final = 503
_UNSENT: Final = ("upstream_rq_active_overflow", "upstream_rq_pending_failure_eject", "upstream_rq_pending_overflow")
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
_SPOKEN: Final = {"versions": "envoy_ssl_version", "ciphers": "envoy_ssl_cipher"}


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


@dataclass(frozen=True, slots=True)
class Metric:
    """A counter or gauge: its name in `/stats`, that of its family in Prometheus, and its labels there."""

    name: str
    family: str
    labels: Labels
    value: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """Durations under their names, as `Metric` has them."""

    name: str
    family: str
    labels: Labels
    counts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of a running instance beside what it counted.

    `endpoints` of a cluster are `address:port`, `listeners` the addresses of each by name, `server` gauges by name.
    """

    endpoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listeners: Mapping[str, str] = field(default_factory=dict)
    server: Mapping[str, int] = field(default_factory=dict)


NOWHERE: Final = Surroundings()


def metrics(tally: Tally, around: Surroundings = NOWHERE) -> list[Metric]:
    """Return counters and gauges, sorted by name as Envoy prints them."""
    found = [metric for scope, name, counts in _each(tally, around) for metric in _counted(scope, name, counts)]
    found += [_metric(HTTP, "", name, read(tally.totals)) for name, _, read in TOTALS]
    found.append(_metric(SERVER, "", "server.total_connections", tally.totals.connections_active))
    found += _states(tally, around)
    found += [_metric(SERVER, "", name, value) for name, value in around.server.items()]
    found.append(_metric(SERVER, "", ACCESS_LOG_DROPPED, tally.totals.log_lines_dropped))
    return sorted(found, key=lambda metric: metric.name)


def distributions(tally: Tally, around: Surroundings = NOWHERE) -> list[Distribution]:
    """Return durations, sorted by name; as in Envoy, those of clusters and hosts are of what an upstream answered."""
    found = []
    for scope, name, counts in _each(tally, around):
        prefix, labels = scope.named(name)
        durations = whole(counts) if scope is HTTP else counts
        found.append(Distribution(prefix + scope.histogram, scope.family + scope.histogram, labels, durations))
    found += _of_connections(tally)
    return sorted(found, key=lambda each: each.name)


def _of_connections(tally: Tally) -> Iterator[Distribution]:
    """Yield what is known of connections, where there were any: with thousands of clusters few have had one."""
    for (kind, cluster), state in tally.states.items():
        prefix, labels = OF_CLUSTER.named(cluster)
        if kind == "cluster":
            for name, counts in state.durations.items():
                yield Distribution(prefix + name, OF_CLUSTER.family + name, labels, counts)


def is_gauge(metric: Metric) -> bool:
    """Tell whether a number may fall."""
    last = metric.name.rpartition(".")[2]
    started = metric.name.startswith(("server.", "cluster_manager.", "listener_manager."))
    gauge = last in _GAUGES or last.endswith(("_active", "_open")) or last.startswith("membership_")
    return started or gauge


_GAUGES = {name.rpartition(".")[2] for name in ACTIVE}


def _each(tally: Tally, around: Surroundings) -> Iterator[tuple[Scope, str, Counts]]:
    """Yield each scope there is: its kind, its name, and its counts; as in Envoy, clusters from before their first request."""
    found = by_cluster(tally)
    for scope in SCOPES:
        if not scope.part:
            yield scope, "", total(tally.counts.values())
        elif scope.part == "cluster":
            yield from ((scope, name, found.get(name) or new_counts()) for name in {*around.endpoints, *found})
        else:
            yield from ((scope, str(name), counts) for (name,), counts in tally.by(scope.part).items() if name)


def by_cluster(tally: Tally) -> dict[str, Counts]:
    """Return what was counted of clusters: what was answered before an endpoint was asked for is none of theirs.

    As in Envoy, an answer for want of an endpoint or a connection is counted as such, and is no request.
    """
    groups: dict[str, list[Mapping[int, int]]] = {}
    for key, counts in tally.counts.items():
        if key.cluster and key.endpoint:
            groups.setdefault(key.cluster, []).append(counts)
    for (kind, name), state in tally.states.items():
        refused, unsent = _kept_back(state)
        if kind == "cluster" and (refused or unsent):
            groups.setdefault(name, []).append({-_UNAVAILABLE: refused, TOTAL: -unsent})
    return {name: total(parts) for name, parts in groups.items()}


def _kept_back(state: State) -> tuple[int, int]:
    """Return how many requests found no endpoint, and how many tries no connection."""
    told = state.values
    return told.get("upstream_cx_none_healthy", 0), sum(told.get(name, 0) for name in _UNSENT)


def _counted(scope: Scope, name: str, counts: Counts) -> Iterator[Metric]:
    for stat in scope.stats:
        yield _metric(scope, name, stat.name, stat.read(counts))
    by_class = classes(counts)
    yield _metric(scope, name, f"{scope.requests}_completed", sum(by_class))
    for number, count in enumerate(by_class, 1):
        made = _metric(scope, name, f"{scope.requests}_{number}xx", count)
        yield _labelled(made, scope, "_xx", ("envoy_response_code_class", str(number)))
    if scope is not HTTP:
        for status, count in answers(counts).items():
            made = _metric(scope, name, f"{scope.requests}_{status}", count)
            yield _labelled(made, scope, "", ("envoy_response_code", str(status)))


def _labelled(metric: Metric, scope: Scope, suffix: str, label: Label) -> Metric:
    return replace(metric, family=f"{scope.family}{scope.requests}{suffix}", labels=(label, *metric.labels))


def _metric(scope: Scope, name: str, stat: str, value: int) -> Metric:
    prefix, labels = scope.named(name)
    return Metric(prefix + stat, scope.family + stat.replace(".", "_"), labels, value)


def _states(tally: Tally, around: Surroundings) -> Iterator[Metric]:
    """Yield what clusters and listeners are in; one of which nothing was told has had no request."""
    for name in {*around.endpoints, *(name for kind, name in tally.states if kind == "cluster")}:
        state = tally.states.get(("cluster", name), State())
        for stat, _ in STATES:
            yield _metric(OF_CLUSTER, name, stat, state.values.get(stat, 0))
        for stat, _ in (*LOOKUPS, *CHECKS, *EJECTIONS):
            if stat in state.values:
                yield _metric(OF_CLUSTER, name, stat, state.values[stat])
        retried = _retried(state)
        if retried:
            yield from _counted(OF_RETRIES, name, retried)
        for (stat, _), value in zip(MEMBERS, members(around, name, state), strict=True):
            yield _metric(OF_CLUSTER, name, stat, value)
    for name, address in around.listeners.items():
        state = tally.states.get(("listener", name), State())
        for stat, _ in OF_LISTENERS:
            yield _metric(OF_LISTENER, address, stat, state.values.get(stat, 0))
        yield from _of_tls(address, state)


def _of_tls(address: str, state: State) -> Iterator[Metric]:
    """Yield what became of handshakes, where a listener has any; versions and ciphers are labels, as in Envoy."""
    for stat, value in state.values.items():
        made = _metric(OF_LISTENER, address, stat, value)
        if stat in TLS:
            yield made
        for family, label in _SPOKEN.items():
            if stat.startswith(f"ssl.{family}."):
                named = (label, stat.removeprefix(f"ssl.{family}."))
                yield replace(made, family=f"{OF_LISTENER.family}ssl_{family}", labels=(named, *made.labels))


def _retried(state: State) -> Counts:
    """Return answers instead of which another try was made, as counts of their statuses."""
    told = {name.removeprefix(RETRIED): many for name, many in state.values.items() if name.startswith(RETRIED)}
    return total([{-int(status): many for status, many in told.items() if many}])


def members(around: Surroundings, cluster: str, state: State) -> tuple[int, int, int]:
    """Return how many endpoints a cluster has, how many of them are healthy, and how many ejected.

    Each worker ejects by itself: an endpoint counts once, however many of them ejected it.
    """
    known = around.endpoints.get(cluster) or tuple(state.hosts)
    told = [state.hosts[address] for address in set(known) & state.hosts.keys()]
    ill = sum(not host.healthy for host in told)
    return len(known), len(known) - ill, sum(host.ejected for host in told)
