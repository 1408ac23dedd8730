"""What was counted, under Envoy's names (`envoy_names`), with the labels that Prometheus has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from edgesim.telemetry.envoy_names import (
    ACCESS_LOG_DROPPED,
    CHECKS,
    EJECTIONS,
    HTTP,
    LOOKUPS,
    MEMBERS,
    OF_CLUSTER,
    OF_LISTENER,
    OF_LISTENERS,
    OF_RETRIES,
    SCOPES,
    SERVER,
    STATES,
    TOTALS,
    Label,
    Labels,
    Scope,
)
from edgesim.telemetry.histogram import TOTAL, Counts, answers, classes, new_counts, total, whole
from edgesim.telemetry.states import ACTIVE, RETRIED, TLS, State
from edgesim.telemetry.tally import Tally

_UNAVAILABLE: Final = 503
_UNSENT: Final = ("upstream_rq_active_overflow", "upstream_rq_pending_failure_eject", "upstream_rq_pending_overflow")
_SPOKEN: Final = {"versions": "envoy_ssl_version", "ciphers": "envoy_ssl_cipher"}


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
