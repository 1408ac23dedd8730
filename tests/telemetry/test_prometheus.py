from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.telemetry.envoy_stats import distributions, metrics
from edgesim.telemetry.prometheus import exposition, own_exposition
from edgesim.telemetry.states import State
from edgesim.telemetry.tally import Tally
from tests.prometheus import Sample, samples
from tests.telemetry.test_envoy_stats import AROUND, told
from tests.telemetry.test_tally import canary


def exposed() -> list[Sample]:
    return samples(exposition(metrics(told(), AROUND), distributions(told(), AROUND)))


def value(name: str, **labels: str) -> float:
    (found,) = (each.value for each in exposed() if each.name == name and dict(each.labels) == labels)
    return found


def test_envoys_names_and_labels() -> None:
    """Families and labels are those of Envoy's exposition, codes and classes included."""
    echo = {"envoy_cluster_name": "echo"}
    assert value("envoy_cluster_upstream_rq_total", **echo) == 7
    assert value("envoy_cluster_upstream_rq", envoy_response_code="404", **echo) == 1
    assert value("envoy_cluster_upstream_rq_xx", envoy_response_code_class="2", **echo) == 3
    assert value("envoy_cluster_membership_healthy", **echo) == 1
    assert value("envoy_cluster_circuit_breakers_default_cx_open", **echo) == 0
    http = {"envoy_http_conn_manager_prefix": "http"}
    assert value("envoy_http_downstream_rq_xx", envoy_response_code_class="4", **http) == 2
    assert value("envoy_listener_downstream_cx_total", envoy_listener_address="127.0.0.1_8080") == 7
    host = {"envoy_virtual_host": "any", "envoy_virtual_cluster": "other"}
    assert value("envoy_vhost_vcluster_upstream_rq_total", **host) == 6
    assert value("envoy_server_live") == 1


def test_histograms_add_up() -> None:
    """A histogram has Envoy's buckets, all durations in the last one, and their sum in milliseconds."""
    echo = {"envoy_cluster_name": "echo"}
    assert value("envoy_cluster_upstream_rq_time_bucket", le="0.5", **echo) == 0
    assert value("envoy_cluster_upstream_rq_time_bucket", le="1", **echo) == 3
    assert value("envoy_cluster_upstream_rq_time_bucket", le="+Inf", **echo) == 5
    assert value("envoy_cluster_upstream_rq_time_count", **echo) == 5
    assert 7.9 <= value("envoy_cluster_upstream_rq_time_sum", **echo) <= 8.1


def test_versions_and_endpoints() -> None:
    """Beside Envoy's families there are requests by subset and endpoint, whose pods are named."""
    only = own_exposition(canary(), {}, lambda name: name == "edgesim_requests")
    assert {line.partition("{")[0] for line in only.splitlines() if not line.startswith("#")} == {"edgesim_requests"}
    found = samples(own_exposition(canary(), {"127.0.0.1:2": "echo-v2-a"}))
    by_subset = {
        (dict(e.labels)["subset"], dict(e.labels)["code"]): e.value for e in found if e.name == "edgesim_requests"
    }
    assert by_subset == {
        ("version=v1", "200"): 2,
        ("version=v2", "200"): 1,
        ("version=v2", "503"): 1,
        ("version=v2", "404"): 1,
    }
    pods = {dict(each.labels)["pod"] for each in found if each.name == "edgesim_endpoint_requests"}
    assert pods == {"", "echo-v2-a"}


@given(st.text(min_size=1, max_size=20))
def test_any_name_is_a_label(name: str) -> None:
    """Whatever a cluster is called, its name can be read back from the exposition."""
    tally = Tally(states={("cluster", name): State({"upstream_cx_active": 1})})
    found = samples(exposition(metrics(tally), ()))
    assert ("envoy_cluster_name", name) in next(e.labels for e in found if e.name == "envoy_cluster_upstream_cx_active")
