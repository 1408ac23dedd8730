from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edgesim.telemetry.envoy_stats import Distribution, Surroundings, distributions, is_gauge, metrics
from edgesim.telemetry.envoy_text import BUCKETS, as_json, as_text, bucket_counts
from edgesim.telemetry.histogram import HISTOGRAM, cumulative, grow, new_counts, own_slot, recorded, slot_of
from edgesim.telemetry.states import RETRIED, Host, State
from edgesim.telemetry.tally import Tally, Totals
from tests.telemetry.test_tally import canary, key

AROUND = Surroundings(
    {"echo": ("127.0.0.1:1", "127.0.0.1:2"), "idle": ("127.0.0.1:3",)},
    {"listener-::-8080": "127.0.0.1_8080"},
    {"server.live": 1},
)


def told() -> Tally:
    """Return counts, and what a worker tells beside them."""
    tally = canary()
    hosts = {"127.0.0.1:2": Host(connections=2, ejected=True), "127.0.0.1:9": Host(check_failed=True)}
    tally.states["cluster", "echo"] = State({"upstream_cx_active": 2, "upstream_cx_none_healthy": 3}, hosts)
    tally.states["listener", "listener-::-8080"] = State({"downstream_cx_total": 7})
    return tally


def values(tally: Tally) -> dict[str, int]:
    return {metric.name: metric.value for metric in metrics(tally, AROUND)}


def test_envoys_names() -> None:
    """Counters have Envoy's names; a cluster's tries include retries, the listener counts everything."""
    found = values(canary())
    assert list(found) == sorted(found)
    assert found["cluster.echo.upstream_rq_total"] == 7
    assert found["cluster.echo.upstream_rq_5xx"] == found["cluster.echo.upstream_rq_503"] == 1
    assert found["http.http.downstream_rq_total"] == 7
    assert found["http.http.downstream_cx_total"] == 7
    assert found["vhost.any.vcluster.other.upstream_rq_3xx"] == 1
    assert found["access_logs.access_log_file.write_failed"] == 3
    assert found["server.live"] == 1


def test_what_workers_tell() -> None:
    """Connections and health are told as Envoy does; an endpoint that is gone, or ill, is not among the healthy ones."""
    found = values(told())
    assert found["cluster.echo.upstream_cx_active"] == 2
    assert (found["cluster.echo.membership_total"], found["cluster.echo.membership_healthy"]) == (2, 1)
    assert found["listener.127.0.0.1_8080.downstream_cx_total"] == 7


def test_answers_that_were_retried() -> None:
    """They have a scope of their own where there were any, with Envoy's names and labels."""
    tally = told()
    assert not any(".retry." in name for name in values(tally))
    tally.states["cluster", "echo"] = State(
        {"retry.upstream_rq_503": 2, "retry.upstream_rq_429": 1, RETRIED + "500": 0}
    )
    found = {each.name: each for each in metrics(tally, AROUND) if ".retry." in each.name and each.value}
    assert {name.removeprefix("cluster.echo.retry.upstream_rq_"): each.value for name, each in found.items()} == {
        "503": 2,
        "429": 1,
        "4xx": 1,
        "5xx": 2,
        "completed": 3,
    }
    one = found["cluster.echo.retry.upstream_rq_503"]
    assert one.family == "cluster_retry_upstream_rq"
    assert one.labels == (("envoy_response_code", "503"), ("envoy_cluster_name", "echo"))


def test_handshakes() -> None:
    """A listener with TLS tells of them; versions and ciphers are labels in Prometheus."""
    tally = told()
    assert not any(".ssl." in name for name in values(tally))
    spoken = {"ssl.handshake": 2, "ssl.versions.TLSv1.3": 2, "ssl.ciphers.TLS_AES_256_GCM_SHA384": 2}
    tally.states["listener", "listener-::-8080"] = State({**spoken, "downstream_cx_total": 3})
    found = {each.name.removeprefix("listener.127.0.0.1_8080."): each for each in metrics(tally, AROUND)}
    assert {name: found[name].value for name in spoken} == spoken
    version = found["ssl.versions.TLSv1.3"]
    assert version.family == "listener_ssl_versions"
    assert version.labels == (("envoy_ssl_version", "TLSv1.3"), ("envoy_listener_address", "127.0.0.1_8080"))
    assert not any(is_gauge(found[name]) for name in spoken)


def test_what_was_not_routed() -> None:
    """Requests without a route or a cluster are the listener's, and outlast a worker."""
    tally = Tally(Totals(no_route=3, no_cluster=2, requests_active=1)).gone()
    found = values(tally)
    assert [found[f"http.http.{name}"] for name in ("no_route", "no_cluster", "downstream_rq_active")] == [3, 2, 0]


def test_an_endpoint_that_every_worker_ejected_is_one() -> None:
    """Each worker ejects by itself; the gauge counts endpoints, and goes together with those that are healthy."""
    both = Tally(states={("cluster", "echo"): State({}, {"127.0.0.1:1": Host(ejected=True)})})
    one = State({}, {"127.0.0.1:1": Host(ejected=True), "127.0.0.1:2": Host(check_failed=True)})
    both.add(Tally(states={("cluster", "echo"): one}))
    found = values(both)
    names = ("outlier_detection.ejections_active", "membership_healthy", "membership_total")
    assert [found[f"cluster.echo.{name}"] for name in names] == [1, 0, 2]


def test_only_what_an_upstream_answered_took_time_there() -> None:
    """An answer of the proxy's own, such as 504, has a duration for the listener but none for the cluster, as in Envoy."""
    tally = canary()
    own = new_counts()
    grow([(own, 504, own_slot(slot_of(9_000_000)), 24, 0, 1, 1)])
    tally.counts[key("late")] = own
    slow = {
        each.name: sum(count for slot, count in each.counts.items() if slot >= HISTOGRAM + slot_of(5_000_000))
        for each in distributions(tally)
    }
    assert slow["http.http.downstream_rq_time"] == 1
    assert slow["cluster.echo.upstream_rq_time"] == slow["vhost.any.vcluster.other.upstream_rq_time"] == 0


def test_requests_without_an_endpoint() -> None:
    """As in Envoy, 503 for want of an endpoint is an answer of the cluster and no try; other early answers are not its."""
    tally = told()
    early = new_counts()
    grow([(early, 403, 5, 0, 0, 0, 9)])
    tally.counts[key(endpoint="")] = early
    found = values(tally)
    assert found["cluster.echo.upstream_rq_503"] == 4
    assert found["cluster.echo.upstream_rq_total"] == 7
    assert "cluster.echo.upstream_rq_403" not in found
    assert found["http.http.downstream_rq_4xx"] == 11


def test_a_cluster_without_a_request() -> None:
    """A cluster is there from the beginning, with zeros, so that rates know where they began."""
    found = values(told())
    assert found["cluster.idle.upstream_rq_total"] == found["cluster.idle.upstream_cx_active"] == 0
    assert found["cluster.idle.membership_healthy"] == 1
    assert any(each.name == "cluster.idle.upstream_rq_time" for each in distributions(told(), AROUND))


def test_durations_of_connections() -> None:
    """Those of a cluster that had any stand among its own, in order."""
    tally = told()
    tally.states["cluster", "echo"] = State(durations={"upstream_cx_connect_ms": {HISTOGRAM + slot_of(5000): 2}})
    found = {each.name: each for each in distributions(tally, AROUND)}
    assert list(found) == sorted(found)
    took = found["cluster.echo.upstream_cx_connect_ms"]
    assert (took.family, recorded(took.counts)) == ("cluster_upstream_cx_connect_ms", 2)
    assert bucket_counts(took, "cumulative")[BUCKETS.index(10)] == 2
    assert "cluster.idle.upstream_cx_connect_ms" not in found


def test_gauges() -> None:
    """What may fall is a gauge, everything else a counter."""
    gauges = {metric.name for metric in metrics(told(), AROUND) if is_gauge(metric)}
    assert {
        "cluster.echo.circuit_breakers.default.rq_open",
        "cluster.echo.membership_healthy",
        "cluster.echo.outlier_detection.ejections_active",
        "cluster.echo.upstream_rq_pending_active",
        "http.http.downstream_cx_active",
        "server.live",
    } <= gauges
    assert not any(name.endswith(("_total", "xx", "_timeout", "_overflow", "_retry")) for name in gauges - MEMBERS)


MEMBERS = {"cluster.echo.membership_total", "cluster.idle.membership_total"}


def test_envoys_formats() -> None:
    """Text and JSON hold the same; histograms tell quantiles in milliseconds, or that nothing was recorded."""
    found, durations = metrics(canary(), AROUND), distributions(canary(), AROUND)
    text = as_text(found, durations)
    assert "cluster.echo.upstream_rq_2xx: 3\n" in text
    assert "cluster.idle.upstream_rq_time: No recorded values\n" in text
    assert " P100(nan,3." in text
    listed: Any = as_json(found, durations)["stats"]
    *counters, histograms = listed
    assert {each["name"]: each["value"] for each in counters} == values(canary())
    assert len(histograms["histograms"]["computed_quantiles"]) == len(durations)


def test_buckets() -> None:
    """Asked for, buckets take the place of quantiles, in text and JSON, each by itself or with those below."""
    durations = distributions(canary())
    assert "cluster.echo.upstream_rq_time: B0.5(0,0) B1(0,3) B5(0,5)" in as_text((), durations, "cumulative")
    assert "cluster.echo.upstream_rq_time: B0.5(0,0) B1(0,3) B5(0,2) B10(0,0)" in as_text((), durations, "disjoint")
    listed: Any = json.loads(json.dumps(as_json((), durations, "disjoint")))["stats"][-1]["histograms"]
    assert listed[0]["buckets"][1] == {"upper_bound": 1, "interval": 0, "cumulative": 3}


@given(st.lists(st.integers(0, 4_000_000_000), max_size=50))
def test_buckets_hold_everything(durations: list[int]) -> None:
    """Buckets never fall, and are right but for durations within a hundredth of a bound."""
    counts = new_counts()
    grow([(counts, 200, slot_of(each), 0, 0, 1, 1) for each in durations])
    found = bucket_counts(Distribution("", "", (), counts), "cumulative")
    assert found == sorted(found)
    assert recorded(counts) == len(durations) == cumulative(counts, [1 << 33])[0]
    for bound, count in zip(BUCKETS, found, strict=True):
        surely = sum(each <= bound * 990 for each in durations)
        assert surely <= count <= sum(each <= bound * 1010 for each in durations)
