from __future__ import annotations

from edgesim.dialects import assign
from edgesim.model import Endpoint
from tests.dialects.scenes import SERVICE, Outcome, run, subset_upstream, upstream

KUBE = "kube: {serviceName: echo, serviceNamespace: default, servicePort: 80}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: {%s}}\nspec: {containers: [{name: a}]}\n"
ENDPOINTS = """\
apiVersion: v1
kind: Endpoints
metadata: {name: echo}
subsets:
- addresses: [{ip: 127.0.0.2, targetRef: {kind: Pod, name: one}}, {ip: 127.0.0.3, targetRef: {name: two}}]
  notReadyAddresses: [{ip: 127.0.0.9, targetRef: {name: three}}]
  ports: [{port: 5678}]
- addresses: [{ip: 127.0.0.1, hostname: h}]
  ports: [{port: 40001}, {port: 1, name: other}]
"""
PODS = (POD % ("one", "app: echo, version: v1"), POD % ("two", "app: echo"))


def endpoints(outcome: Outcome) -> tuple[Endpoint, ...]:
    (found,) = assign(outcome.clusters, outcome.resources).values()
    return found


def test_endpoints_carry_the_labels_of_their_pods() -> None:
    """Ready addresses of every subset become endpoints, each with its own port, pod and labels."""
    assert endpoints(run(upstream(KUBE), SERVICE, ENDPOINTS, *PODS)) == (
        Endpoint("127.0.0.2", 5678, (("app", "echo"), ("version", "v1")), pod="one"),
        Endpoint("127.0.0.3", 5678, (("app", "echo"),), pod="two"),
        Endpoint("127.0.0.1", 40001, hostname="h"),
    )


def test_a_key_that_a_pod_lacks_is_empty() -> None:
    """A subset can ask for pods without the label (section 7.3)."""
    found = endpoints(run(subset_upstream("version"), ENDPOINTS, *PODS))
    assert [dict(each.metadata)["version"] for each in found] == ["v1", "", ""]


def test_the_upstreams_selector_filters() -> None:
    """`kube.selector` keeps the pods that carry its labels."""
    found = endpoints(run(upstream(KUBE.replace("}", ", selector: {version: v1}}")), SERVICE, ENDPOINTS, *PODS))
    assert [each.pod for each in found] == ["one"]


def test_the_target_port_finds_the_pods() -> None:
    """A servicePort that names only the target port has the endpoints of that port."""
    service = SERVICE.replace(
        "[{port: 80, targetPort: 5678}]", "[{port: 1, name: other}, {port: 80, name: http, targetPort: 8080}]"
    )
    listed = ENDPOINTS.replace("[{port: 5678}]", "[{port: 5678, name: http}]")
    found = endpoints(run(upstream(KUBE.replace("80", "8080")), service, listed, *PODS))
    assert [each.port for each in found] == [5678, 5678]


def test_without_service_port_or_endpoints_there_are_none() -> None:
    """Each missing link leaves the cluster with an empty assignment."""
    assert endpoints(run(upstream(KUBE), SERVICE)) == ()
    assert endpoints(run(upstream(KUBE.replace("80", "81")), SERVICE, ENDPOINTS)) == ()
    clusters = run(upstream(KUBE), SERVICE).clusters
    assert assign(clusters, run(ENDPOINTS).resources) == {"echo_default": ()}


def test_static_clusters_are_not_assigned() -> None:
    """Only EDS clusters get their endpoints this way."""
    outcome = run(upstream("static: {hosts: [{addr: 127.0.0.1, port: 80}]}\n"))
    assert assign(outcome.clusters, outcome.resources) == {}
