from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects.kinds import KINDS, find_kind
from edgesim.kube.tables import as_table, columns_of

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def ago(**span: float) -> str:
    return f"{NOW - timedelta(**span):%Y-%m-%dT%H:%M:%SZ}"


def row(word: str, found: dict[str, Any], *, wide: bool = False) -> list[str | int]:
    """The cells kubectl shows."""
    kind = find_kind(word)
    assert kind is not None
    named = {**found, "metadata": {"name": "echo", "creationTimestamp": ago(minutes=5), **found.get("metadata", {})}}
    table = as_table(kind, [named], NOW)
    shown = zip(table["columnDefinitions"], table["rows"][0]["cells"], strict=True)
    return [cell for column, cell in shown if wide or not column["priority"]]


def container(name: str = "echo", **state: Any) -> dict[str, Any]:
    running = not state
    return {"name": name, "ready": running, "state": state or {"running": {}}}


RUNNING = {
    "spec": {"containers": [{"name": "echo"}], "nodeName": "edgesim"},
    "status": {"phase": "Running", "podIP": "127.0.0.1", "containerStatuses": [container()]},
}


def test_a_running_pod_reads_as_on_a_cluster() -> None:
    """Ready containers of all, the phase, restarts and age; where it runs with `-o wide`."""
    assert row("po", RUNNING) == ["echo", "1/1", "Running", "0", "5m"]
    assert row("po", RUNNING, wide=True)[5:] == ["127.0.0.1", "edgesim", "<none>", "<none>"]


@pytest.mark.parametrize(
    ("pod", "status"),
    [
        ({"status": {"phase": "Pending"}}, "Pending"),
        (
            {"status": {"phase": "Pending", "containerStatuses": [container(waiting={"reason": "ErrImagePull"})]}},
            "ErrImagePull",
        ),
        (
            {"status": {"phase": "Succeeded", "containerStatuses": [container(terminated={"reason": "Completed"})]}},
            "Completed",
        ),
        ({"status": {"phase": "Failed", "containerStatuses": [container(terminated={"exitCode": 2})]}}, "ExitCode:2"),
        ({"status": {"phase": "Failed", "containerStatuses": [container(terminated={"signal": 9})]}}, "Signal:9"),
        ({"status": {"phase": "Failed", "reason": "Evicted"}}, "Evicted"),
        (
            {
                "status": {
                    "phase": "Running",
                    "containerStatuses": [container(), container(terminated={"reason": "Completed"})],
                }
            },
            "NotReady",
        ),
        ({**RUNNING, "metadata": {"deletionTimestamp": ago(seconds=1)}}, "Terminating"),
        ({}, "<unknown>"),
    ],
)
def test_the_status_of_a_pod_is_what_is_wrong_with_it(pod: dict[str, Any], status: str) -> None:
    """A container that does not run says why, before the phase does; a pod that is being deleted is terminating."""
    assert row("po", pod)[2] == status


def test_restarts_say_when_the_last_one_was() -> None:
    """The number of restarts stands with the age of the last end, as `3 (2m ago)`."""
    ended = {**container(), "restartCount": 3, "lastState": {"terminated": {"finishedAt": ago(minutes=2)}}}
    assert row("po", {"status": {"containerStatuses": [ended]}})[3] == "3 (2m ago)"


TEMPLATE = {
    "template": {"spec": {"containers": [{"name": "web", "image": "echo:v1"}, {"name": "log", "image": "log:2"}]}}
}
SELECTOR = {"selector": {"matchLabels": {"app": "echo", "v": "1"}}}


def test_deployments_and_replica_sets_count_their_pods() -> None:
    """READY is of those wanted; a missing count is 0, and a missing `replicas` is 1."""
    counts = {"replicas": 3, "readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}
    deployment = {"spec": {"replicas": 3, **SELECTOR, **TEMPLATE}, "status": counts}
    assert row("deploy", deployment) == ["echo", "2/3", 3, 1, "5m"]
    assert row("deploy", deployment, wide=True)[5:] == ["web,log", "echo:v1,log:2", "app=echo,v=1"]
    assert row("deploy", {}) == ["echo", "0/1", 0, 0, "5m"]
    assert row("rs", deployment) == ["echo", 3, 3, 2, "5m"]


@pytest.mark.parametrize(
    ("spec", "cells"),
    [
        ({"clusterIP": "10.0.0.1", "ports": [{"port": 80}]}, ["ClusterIP", "10.0.0.1", "<none>", "80/TCP"]),
        ({"clusterIP": "None"}, ["ClusterIP", "None", "<none>", "<none>"]),
        (
            {
                "type": "NodePort",
                "clusterIPs": ["10.0.0.2"],
                "ports": [{"port": 80, "nodePort": 30080, "protocol": "UDP"}],
            },
            ["NodePort", "10.0.0.2", "<none>", "80:30080/UDP"],
        ),
        (
            {"type": "LoadBalancer", "ports": [{"port": 80}, {"port": 443}]},
            ["LoadBalancer", "<none>", "<pending>", "80/TCP,443/TCP"],
        ),
        ({"type": "ExternalName", "externalName": "example.com"}, ["ExternalName", "<none>", "example.com", "<none>"]),
    ],
)
def test_services_say_where_they_are(spec: dict[str, Any], cells: list[str]) -> None:
    """Each type of Service shows its addresses and ports as kubectl does."""
    assert row("svc", {"spec": spec})[1:5] == cells


def test_a_load_balancer_that_has_an_address_shows_it() -> None:
    """`<pending>` goes once there is an ingress."""
    status = {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}, {"hostname": "lb.local"}]}}
    assert row("svc", {"spec": {"type": "LoadBalancer"}, "status": status})[3] == "127.0.0.1,lb.local"


def test_endpoints_and_slices_show_three_addresses() -> None:
    """Endpoints are `address:port`, slices list both apart; both are cut after three."""
    addresses = [f"10.0.0.{index}" for index in range(5)]
    subset = {"addresses": [{"ip": address} for address in addresses], "ports": [{"port": 8080}]}
    assert row("ep", {"subsets": [subset]})[1] == "10.0.0.0:8080,10.0.0.1:8080,10.0.0.2:8080 + 2 more..."
    assert row("ep", {"subsets": [{"addresses": [{"ip": "::1"}], "ports": [{"port": 80}]}]})[1] == "[::1]:80"
    assert row("ep", {})[1] == "<none>"
    found = {"addressType": "IPv4", "ports": [{"name": "", "port": 8080}], "endpoints": [{"addresses": addresses}]}
    assert row("endpointslices", found)[1:4] == ["IPv4", "8080", "10.0.0.0,10.0.0.1,10.0.0.2 + 2 more..."]
    assert row("endpointslices", {"addressType": "IPv4"})[1:4] == ["IPv4", "<unset>", "<unset>"]


def test_an_event_tells_its_story_in_one_line() -> None:
    """Last seen, type, reason, object and message; how often and by whom with `-o wide`."""
    event = {
        "type": "Warning",
        "reason": "Rejected",
        "message": "no upstream\n",
        "involvedObject": {"kind": "RouteTable", "name": "echo"},
        "source": {"component": "gloo"},
        "count": 3,
        "firstTimestamp": ago(minutes=3),
        "lastTimestamp": ago(seconds=40),
    }
    assert row("ev", event) == ["40s", "Warning", "Rejected", "routetable/echo", "no upstream"]
    assert row("ev", event, wide=True)[5:] == ["gloo", "no upstream", "3m", 3, "echo"]
    assert row("ev", {"eventTime": ago(hours=4)})[0] == "4h"
    assert row("ev", {})[0] == "<unknown>"


@pytest.mark.parametrize(
    ("word", "found", "cells"),
    [
        ("ns", {"status": {"phase": "Active"}}, ["echo", "Active", "5m"]),
        ("secrets", {"type": "Opaque", "data": {"a": "", "b": ""}}, ["echo", "Opaque", 2, "5m"]),
        ("cm", {"data": {"a": ""}, "binaryData": {"b": ""}}, ["echo", 2, "5m"]),
        ("sa", {}, ["echo", 0, "5m"]),
        ("roles", {}, ["echo", ago(minutes=5)]),
        ("rolebindings", {"roleRef": {"kind": "ClusterRole", "name": "edit"}}, ["echo", "ClusterRole/edit", "5m"]),
        ("pdb", {"spec": {"minAvailable": "50%"}}, ["echo", "50%", "N/A", 0, "5m"]),
        ("netpol", {"spec": {"podSelector": {}}}, ["echo", "<none>", "5m"]),
        ("ing", {"spec": {"rules": [{"host": "a.com"}], "tls": [{}]}}, ["echo", "<none>", "a.com", "", "80, 443", "5m"]),
        (
            "jobs",
            {"spec": {"completions": 1}, "status": {"succeeded": 1, "startTime": ago(minutes=5), "completionTime": ago(minutes=4)}},
            ["echo", "Running", "1/1", "60s", "5m"],
        ),
        (
            "hpa",
            {
                "spec": {
                    "scaleTargetRef": {"kind": "Deployment", "name": "echo"},
                    "maxReplicas": 5,
                    "metrics": [
                        {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}
                    ],
                }
            },
            ["echo", "Deployment/echo", "cpu: <unknown>/80%", "<unset>", 5, 0, "5m"],
        ),
    ],
)  # fmt: skip
def test_the_smaller_kinds_print_what_they_print_on_a_cluster(
    word: str, found: dict[str, Any], cells: list[str | int]
) -> None:
    """Each kind has the columns of Kubernetes' own printer."""
    assert row(word, found) == cells


def test_the_subjects_of_a_binding_are_told_wide() -> None:
    """Users, groups and service accounts stand in columns of their own."""
    subjects = [
        {"kind": "User", "name": "echo-team"},
        {"kind": "User", "name": "ops"},
        {"kind": "ServiceAccount", "namespace": "ci", "name": "robot"},
    ]
    assert row("rolebindings", {"subjects": subjects}, wide=True)[3:] == ["echo-team, ops", "", "ci/robot"]


def test_the_kinds_of_gloo_print_name_and_age_and_more_only_wide() -> None:
    """`kubectl get vs` prints what Gloo's CRDs print; the status and the domains stand behind `-o wide`."""
    status = {"statuses": {"gloo-system": {"state": "Warning"}}}
    host = {"domains": ["a.com", "b.com"], "routes": [{}, {}]}
    found = {"spec": {"virtualHost": host, "sslConfig": {}}, "status": status}
    assert row("vs", found) == ["echo", "5m"]
    assert row("vs", found, wide=True)[2:] == ["Warning", "a.com,b.com", "yes", 2]
    assert row("rt", {"spec": {"routes": [{}], "weight": -3}}, wide=True)[2:] == ["Pending", -3, 1]
    hosts = [{"addr": "example.com", "port": 80}]
    assert row("us", {"spec": {"static": {"hosts": hosts}}}, wide=True)[3:] == ["static", "example.com:80"]
    kube = {"serviceName": "echo", "serviceNamespace": "team", "servicePort": 80}
    assert row("us", {"spec": {"kube": kube}}, wide=True)[3:] == ["kube", "team/echo:80"]
    assert row("ug", {"spec": {"destinations": [{"weight": 1}, {"weight": 3}]}}, wide=True)[3:] == [2, 4]
    assert row("gw", {"spec": {"bindAddress": "::", "bindPort": 8080}}, wide=True)[3] == ":::8080"


@pytest.mark.parametrize(
    ("include", "carried"),
    [
        ("Object", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}, "status": {}}),
        ("Metadata", {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "a"}}),
        ("None", None),
    ],
)
def test_a_row_carries_as_much_of_its_object_as_is_asked_for(include: str, carried: dict[str, Any] | None) -> None:
    """`includeObject` decides between the whole object, its metadata and nothing."""
    kind = find_kind("ns")
    assert kind is not None
    found = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}, "status": {}}
    table = as_table(kind, [found], NOW, include_object=include, version="7")
    assert table["rows"][0].get("object") == carried
    assert table["metadata"] == {"resourceVersion": "7"}
    assert [each["name"] for each in table["columnDefinitions"]] == ["Name", "Status", "Age"]


KEYS = st.sampled_from(
    ["metadata", "spec", "status", "name", "ports", "containers", "creationTimestamp", "statuses", "state"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_kind_has_columns_with_names_and_descriptions(kind: Any) -> None:
    """No column stands without a sentence about it, and each kind shows its name."""
    columns = columns_of(kind)
    assert all(column.description.endswith(".") for column in columns)
    assert "Name" in [column.name for column in columns]


@given(st.sampled_from(KINDS), st.dictionaries(KEYS, VALUES, max_size=4))
def test_objects_of_any_shape_have_a_row(kind: Any, found: dict[str, Any]) -> None:
    """However odd an object is, its table has one cell for each column."""
    table = as_table(kind, [found], NOW)
    assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"])
    assert all(isinstance(cell, str | int) for cell in table["rows"][0]["cells"])


@pytest.mark.parametrize(
    ("word", "found", "cells"),
    [
        ("sts", {"spec": {"replicas": 2}}, ["echo", "0/2", "5m"]),
        ("ds", {"spec": {}}, ["echo", 0, 0, 0, 0, 0, "<none>", "5m"]),
        (
            "no",
            {
                "metadata": {"labels": {"node-role.kubernetes.io/worker": ""}},
                "spec": {"unschedulable": True},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            },
            ["echo", "Ready,SchedulingDisabled", "worker", "5m", ""],
        ),
        ("rc", {"spec": {"replicas": 2}}, ["echo", 2, 0, 0, "5m"]),
        ("cj", {"spec": {"schedule": "@daily"}}, ["echo", "@daily", "<none>", "False", 0, "<none>", "5m"]),
        ("pvc", {"spec": {"volumeName": "disk"}}, ["echo", "Pending", "disk", "", "", "", "<unset>", "5m"]),
        (
            "pv",
            {
                "spec": {
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "claimRef": {"namespace": "a", "name": "b"},
                }
            },
            ["echo", "1Gi", "RWO", "", "Pending", "a/b", "", "<unset>", "", "5m"],
        ),
        ("quota", {"spec": {"hard": {"pods": "2", "limits.cpu": "1"}}}, ["echo", "pods: 0/2", "limits.cpu: 0/1", "5m"]),
        ("limits", {}, ["echo", ago(minutes=5)]),
    ],
)
def test_kinds_that_nothing_acts_on_have_their_columns(
    word: str, found: dict[str, Any], cells: list[str | int]
) -> None:
    """Volumes, quotas and workloads that do not run are listed as on a cluster whose controllers sleep."""
    assert row(word, found) == cells
