from __future__ import annotations

from typing import Any

import pytest

from edgesim.backends.addresses import PodAddress
from edgesim.backends.endpoints import PlacedPod, endpoints_of
from tests.control.scenes import made_store, resources

OWN = PodAddress("127.1.0.1", {5678: 5678})


def placed(
    name: str, address: PodAddress, app: str = "echo", port_name: str = "web", *, ready: bool = True
) -> PlacedPod:
    text = f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: echo, labels: {{app: {app}}}}}
spec: {{containers: [{{name: echo, image: x, ports: [{{name: {port_name}, containerPort: 5678}}]}}]}}
"""
    (resource,) = resources(text)
    return PlacedPod(made_store().put(resource, "test").entry, address, ready)


def subsets(ports: str, *pods: PlacedPod, more: str = "") -> list[dict[str, Any]]:
    text = f"""
apiVersion: v1
kind: Service
metadata: {{name: echo, namespace: echo}}
spec: {{selector: {{app: echo}}, ports: {ports}{more}}}
"""
    (service,) = resources(text)
    made = endpoints_of(service, pods)
    assert made is not None
    found: list[dict[str, Any]] = made.manifest["subsets"]
    return found


def reached(subset: dict[str, Any], listed: str = "addresses") -> list[tuple[str, str]]:
    return [(one["ip"], one["targetRef"]["name"]) for one in subset.get(listed, [])]


@pytest.mark.parametrize(
    "ports",
    [
        "[{port: 80, targetPort: 5678}]",
        "[{port: 80, targetPort: web}]",
        "[{port: 5678}]",
        "[{port: 5678, protocol: TCP}]",
    ],
)
def test_target_ports(ports: str) -> None:
    """A target port is a number, a container port's name, or the Service's own port."""
    (subset,) = subsets(ports, placed("a", OWN), placed("b", PodAddress("127.1.0.2", {5678: 5678})))
    assert subset["ports"] == [{"port": 5678, "protocol": "TCP"}]
    assert reached(subset) == [("127.1.0.1", "a"), ("127.1.0.2", "b")]


def test_several_ports_have_names() -> None:
    """Each port of a Service is found under its own name."""
    (subset,) = subsets("[{name: web, port: 80, targetPort: 5678}, {name: admin, port: 81}]", placed("a", OWN))
    assert [(port["name"], port["port"]) for port in subset["ports"]] == [("web", 5678), ("admin", 81)]


def test_a_pod_without_the_named_port_is_left_out() -> None:
    """A name some pods do not have selects those that do."""
    (subset,) = subsets("[{port: 80, targetPort: web}]", placed("a", OWN), placed("b", OWN, port_name="other"))
    assert reached(subset) == [("127.1.0.1", "a")]


def test_pods_on_free_ports() -> None:
    """Where pods share 127.0.0.1 each has a port of its own in the endpoints."""
    found = subsets(
        "[{port: 80, targetPort: 5678}]",
        placed("a", PodAddress("127.0.0.1", {5678: 40001}, own=False)),
        placed("b", PodAddress("127.0.0.1", {5678: 40002}, own=False)),
    )
    assert [(subset["ports"][0]["port"], reached(subset)[0][1]) for subset in found] == [(40001, "a"), (40002, "b")]


def test_a_wrong_target_port() -> None:
    """A pod refuses a port it does not listen on; one that shares its address is left out instead."""
    shared = placed("b", PodAddress("127.0.0.1", {5678: 40002}, own=False))
    (subset,) = subsets("[{port: 80, targetPort: 8080}]", placed("a", OWN), shared)
    assert reached(subset) == [("127.1.0.1", "a")]
    assert subset["ports"][0]["port"] == 8080


def test_pods_that_are_not_ready() -> None:
    """A pod that is not ready is listed apart, and nothing is sent to it; unless the Service publishes it all the same."""
    other = placed("b", PodAddress("127.1.0.2", {5678: 5678}), ready=False)
    (subset,) = subsets("[{port: 80, targetPort: 5678}]", placed("a", OWN), other)
    assert [name for _, name in reached(subset)] == ["a"]
    assert [name for _, name in reached(subset, "notReadyAddresses")] == ["b"]
    (subset,) = subsets("[{port: 5678}]", placed("a", OWN), other, more=", publishNotReadyAddresses: true")
    assert [name for _, name in reached(subset)] == ["a", "b"]


def test_only_selected_pods() -> None:
    """Pods without the labels, and other protocols than TCP, have no part in it."""
    assert subsets("[{port: 80}]", placed("a", OWN, app="other")) == []
    assert subsets("[{port: 80, protocol: UDP}]", placed("a", OWN)) == []


def test_headless() -> None:
    """A headless Service has endpoints like any other, even without ports."""
    (subset,) = subsets("[]", placed("a", OWN), more=", clusterIP: None")
    assert reached(subset) == [("127.1.0.1", "a")]


@pytest.mark.parametrize("spec", ["{ports: [{port: 80}]}", "{type: ExternalName, selector: {app: echo}}"])
def test_services_the_controller_leaves_alone(spec: str) -> None:
    """Without a selector the Endpoints are somebody else's."""
    (service,) = resources(f"apiVersion: v1\nkind: Service\nmetadata: {{name: echo, namespace: echo}}\nspec: {spec}\n")
    assert endpoints_of(service, [placed("a", OWN)]) is None
