from __future__ import annotations

from typing import Any

import pytest

from tests.control.scenes import made_store, resources

ASSIGNED = {"clusterIP": "10.96.3.4", "clusterIPs": ["10.96.3.4"]}
REVISION = "deployment.kubernetes.io/revision"


def service(**spec: Any) -> str:
    ports = [{"name": "http", "port": 80}]
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "echo"}, "spec": {"ports": ports, **spec}}
    return repr(manifest)


def written(*texts: str) -> tuple[str, dict[str, Any]]:
    """Write one after the other; return what the last one did, and what stands there."""
    store = made_store()
    (change,) = [store.put(resources(text)[0], "test") for text in texts][-1:]
    return change.verb, change.entry.resource.manifest


def test_a_service_declared_again_keeps_its_address() -> None:
    """Who declares a Service does not know its address, and declaring it again changes nothing."""
    verb, manifest = written(service(**ASSIGNED), service())
    assert verb == "unchanged"
    assert {name: manifest["spec"][name] for name in ASSIGNED} == ASSIGNED


@pytest.mark.parametrize("spec", [{"clusterIP": "None"}, {"type": "ExternalName"}, {"clusterIP": "10.96.9.9"}])
def test_a_service_that_is_to_have_another_address_or_none(spec: dict[str, Any]) -> None:
    """An address that is asked for counts, also that there be none."""
    verb, manifest = written(service(**ASSIGNED), service(**spec))
    assert verb == "configured"
    assert manifest["spec"].get("clusterIP") == spec.get("clusterIP")
    assert "clusterIPs" not in manifest["spec"]


def test_a_deployment_keeps_its_revision() -> None:
    """The revision of a Deployment is its controller's: no manifest takes it away, whatever else it annotates."""
    deployment: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "echo", "annotations": {"note": "a"}},
        "spec": {
            "selector": {"matchLabels": {"app": "echo"}},
            "template": {
                "metadata": {"labels": {"app": "echo"}},
                "spec": {"containers": [{"name": "a", "image": "b"}]},
            },
        },
    }
    revised = {**deployment, "metadata": {"name": "echo", "annotations": {"note": "a", REVISION: "3"}}}
    assert written(repr(revised), repr(deployment)) == ("unchanged", revised)
    other = {**deployment, "metadata": {"name": "echo"}}
    assert written(repr(revised), repr(other))[1]["metadata"]["annotations"] == {REVISION: "3"}


def test_a_pod_stays_on_its_node() -> None:
    """A Pod that is declared again stays where it was put."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "echo"},
        "spec": {"containers": [{"name": "a", "image": "b"}]},
    }
    placed = {**pod, "spec": {"nodeName": "edgesim", "containers": [{"name": "a", "image": "b"}]}}
    assert written(repr(placed), repr(pod)) == ("unchanged", placed)
