"""What a worker tells of its clusters and listeners, beside what it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.model import CircuitBreakers, Cluster, ClusterType, Endpoint, OutlierDetection
from edgesim.proxy.clusters import ClusterRuntime
from edgesim.proxy.messages import Memory
from edgesim.proxy.states import forget, states
from edgesim.telemetry.envoy_names import EJECTIONS
from edgesim.telemetry.histogram import HISTOGRAM, slot_of
from edgesim.telemetry.states import OPEN, Host, State, added
from edgesim.telemetry.tally import Tally

ONE, OTHER = Endpoint("127.0.0.1", 1), Endpoint("127.0.0.1", 2)
LIMITS = CircuitBreakers(max_connections=2, max_retries=1)
OUTLIER = OutlierDetection(consecutive_5xx=1, max_ejection_percent=100)


@pytest.fixture
def runtime() -> ClusterRuntime:
    """Return a cluster of two endpoints."""
    cluster = Cluster("echo", ClusterType.STATIC, (ONE, OTHER), breakers=LIMITS, outlier=OUTLIER)
    made = ClusterRuntime(cluster, lambda: 0, lambda: 0.0, Memory())
    made.update(cluster, (ONE, OTHER))
    return made


def told(runtime: ClusterRuntime) -> State:
    """Return what is told of a cluster."""
    return dict(states([runtime], []))["cluster", "echo"]


def test_nothing_is_told_of_a_cluster_without_a_request(runtime: ClusterRuntime) -> None:
    """A cluster that was never used, and all of whose endpoints are healthy, costs nobody anything."""
    assert [*states([runtime], [])] == []


def test_connections_and_breakers(runtime: ClusterRuntime) -> None:
    """Connections are told by cluster and endpoint, and a breaker is open while its limit is reached."""
    runtime.load.opened = runtime.load.connections = 2
    runtime.pool(ONE).opened = 2
    runtime.pool(ONE).timeouts = 1
    state = told(runtime)
    assert (state.values["upstream_cx_total"], state.values["upstream_cx_active"]) == (2, 2)
    assert [name for name in OPEN if state.values[name]] == ["circuit_breakers.default.cx_open"]
    assert state.hosts == {"127.0.0.1:1": Host(opened=2, timeouts=1)}


def test_an_ejection(runtime: ClusterRuntime) -> None:
    """An endpoint that is ejected is told of although nothing is connected to it; the ejection is counted by its cause."""
    assert runtime.outliers is not None
    watch = runtime.outliers.watch(("127.0.0.1", 2))
    assert watch is not None
    watch.answered(500)
    state = told(runtime)
    assert state.hosts == {"127.0.0.1:2": Host(ejected=True)}
    assert state.values["outlier_detection.ejections_enforced_total"] == 1
    assert state.values["outlier_detection.ejections_detected_consecutive_5xx"] == 1
    assert state.values["outlier_detection.ejections_enforced_consecutive_5xx"] == 1
    assert {name for name, _ in EJECTIONS} <= state.values.keys()


def test_a_check_that_failed(runtime: ClusterRuntime) -> None:
    """An endpoint that fails its check is told of; briefly, no endpoint is."""
    runtime.load.none_healthy = 3
    runtime.balancer.health["127.0.0.1", 1].active_failed = True
    assert told(runtime).hosts == {"127.0.0.1:1": Host(check_failed=True)}
    ((_, brief),) = states([runtime], [], hosts=False)
    assert (brief.hosts, brief.values["upstream_cx_none_healthy"]) == ({}, 3)


def test_answers_that_were_retried(runtime: ClusterRuntime) -> None:
    """They are told by status, and none of a status that was reset and did not come again is shown."""
    runtime.load.opened = 1
    runtime.load.retried_answers.update({503: 2, 500: 1})
    names = ("retry.upstream_rq_503", "retry.upstream_rq_500")
    assert [told(runtime).values[name] for name in names] == [2, 1]
    forget([runtime], [])
    runtime.load.retried_answers[500] += 1
    assert [told(runtime).values[name] for name in names] == [0, 1]


def test_durations_of_connections(runtime: ClusterRuntime) -> None:
    """How long connecting took, and how long connections were there, are told in microseconds until a reset."""
    load, now = runtime.load, [3.0]
    load.opened, load.clock = 2, lambda: now[0]
    load.note_connected(2.999)
    load.note_gone(1.0)
    load.note_gone(3.0)
    took, lasted = (HISTOGRAM + slot_of(each) for each in (1000, 2_000_000))
    before = told(runtime)
    assert before.durations == {"upstream_cx_connect_ms": {took: 1}, "upstream_cx_length_ms": {lasted: 1, HISTOGRAM: 1}}
    both = added((before, before.lasting))
    assert both.durations["upstream_cx_length_ms"] == {lasted: 2, HISTOGRAM: 2}
    forget([runtime], [])
    assert not any(told(runtime).durations.values())
    assert before.durations["upstream_cx_connect_ms"]


def test_counters_begin_at_zero_again(runtime: ClusterRuntime) -> None:
    """A reset forgets what was counted, and not what is open."""
    runtime.load.opened = runtime.load.connections = runtime.load.timeouts = 2
    forget([runtime], [])
    runtime.load.timeouts += 1
    state = told(runtime)
    assert (state.values["upstream_cx_total"], state.values["upstream_rq_timeout"]) == (0, 1)
    assert state.values["upstream_cx_active"] == 2


def eject(runtime: ClusterRuntime) -> None:
    """Let the first endpoint be ejected."""
    assert runtime.outliers is not None
    watch = runtime.outliers.watch(("127.0.0.1", 1))
    assert watch is not None
    watch.answered(500)


def test_ejections_are_counted_on_where_thresholds_change(runtime: ClusterRuntime) -> None:
    """Nor do other thresholds, or none for a while, let a counter fall below zero after a reset."""
    runtime.load.opened = 1
    eject(runtime)
    forget([runtime], [])
    for outlier in (replace(OUTLIER, interval=1.0), None, OUTLIER):
        runtime.update(replace(runtime.cluster, outlier=outlier), (ONE, OTHER))
        assert ("outlier_detection.ejections_enforced_total" in told(runtime).values) is (outlier is not None)
        assert min(told(runtime).values.values()) == 0
    eject(runtime)
    assert told(runtime).values["outlier_detection.ejections_enforced_total"] == 1


def test_workers_add_up() -> None:
    """Numbers of workers are added, an open breaker is open, an endpoint is ill where any of them says so."""
    one = State({"upstream_cx_active": 2, OPEN[0]: 1}, {"a:1": Host(connections=2, ejected=True)})
    other = State({"upstream_cx_active": 1, OPEN[0]: 1}, {"a:1": Host(connections=1), "b:2": Host(check_failed=True)})
    both = added((one, other))
    assert both.values == {"upstream_cx_active": 3, OPEN[0]: 1}
    assert both.hosts == {"a:1": Host(connections=3, ejected=True), "b:2": Host(check_failed=True)}
    assert not any(host.healthy for host in both.hosts.values())


def test_what_a_dead_worker_leaves() -> None:
    """Of a worker that is gone its counters stay, while its connections and what it thought of endpoints do not."""
    state = State({"upstream_cx_active": 2, "upstream_cx_total": 5, OPEN[0]: 1}, {"a:1": Host(ejected=True)})
    left = Tally(states={("cluster", "echo"): state}).gone()
    left.add(Tally(states={("cluster", "echo"): State({"upstream_cx_active": 1, "upstream_cx_total": 1})}))
    assert left.states["cluster", "echo"] == State({"upstream_cx_total": 6, "upstream_cx_active": 1}, {})
