"""The official Python client lists, watches and patches the same objects."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from kubernetes import client, config, watch

from tests.kube.real.cluster import Cluster, documents
from tests.kube.real.scenes import application, deployment
from tests.running import DEADLINE

pytestmark = pytest.mark.slow
VIRTUAL_SERVICES = ("gateway.solo.io", "v1")


@pytest.fixture
def api(kube: Cluster) -> Any:
    """A client as the kubeconfig configures it."""
    return config.new_client_from_config(str(kube.kubeconfig))


@pytest.fixture
def app(kube: Cluster, namespace: str) -> str:
    """A namespace with an application that is ready."""
    kube.says("apply", "-f", "-", stdin=documents(*application(namespace)))
    kube.says("rollout", "status", "-n", namespace, "deploy/echo-v1")
    return namespace


def test_lists_and_patches_what_kubectl_applied(kube: Cluster, app: str, api: Any) -> None:
    """Typed and custom objects are listed and patched, and kubectl and the proxy see the change."""
    apps, custom = client.AppsV1Api(api), client.CustomObjectsApi(api)
    (deployed,) = apps.list_namespaced_deployment(app).items
    assert (deployed.metadata.name, deployed.status.ready_replicas) == ("echo-v1", 1)
    assert [each.status.phase for each in client.CoreV1Api(api).list_namespaced_pod(app).items] == ["Running"]
    domains: dict[str, Any] = {"spec": {"virtualHost": {"domains": [f"{app}.python"]}}}
    custom.patch_namespaced_custom_object(*VIRTUAL_SERVICES, app, "virtualservices", "echo", domains)
    assert kube.curl(host=f"{app}.python") == (200, "version:v1")
    shown = kube.says("get", "vs/echo", "-n", app, "-o", "jsonpath={.spec.virtualHost.domains[0]}")
    assert shown == f"{app}.python"
    scaled = apps.patch_namespaced_deployment_scale("echo-v1", app, {"spec": {"replicas": 2}})
    assert scaled.spec.replicas == 2
    assert {
        each["metadata"]["name"]
        for each in custom.list_cluster_custom_object(*VIRTUAL_SERVICES, "virtualservices")["items"]
    } >= {"echo"}


def test_creates_replaces_and_deletes(kube: Cluster, namespace: str, api: Any) -> None:
    """An object the client makes is kubectl's, too; a stale replace is a conflict, a missing one NotFound."""
    apps = client.AppsV1Api(api)
    made = apps.create_namespaced_deployment(namespace, deployment(namespace))
    kube.says("label", "-n", namespace, "deploy/echo-v1", "later=yes")
    with pytest.raises(client.ApiException) as refused:
        apps.create_namespaced_deployment(namespace, deployment(namespace))
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    stale = {
        **deployment(namespace),
        "metadata": {"name": "echo-v1", "resourceVersion": made.metadata.resource_version},
    }
    stale["spec"] = {**stale["spec"], "replicas": 4}
    with pytest.raises(client.ApiException) as conflict:
        apps.replace_namespaced_deployment("echo-v1", namespace, stale)
    assert conflict.value.status == 409
    apps.delete_namespaced_deployment("echo-v1", namespace)
    with pytest.raises(client.ApiException) as missing:
        apps.read_namespaced_deployment("echo-v1", namespace)
    assert missing.value.status == 404


def test_watches_what_kubectl_changes(kube: Cluster, app: str, api: Any) -> None:
    """A watch from a list's version tells of kubectl's change and deletion, each once, in order."""
    custom = client.CustomObjectsApi(api)
    listed = custom.list_namespaced_custom_object(*VIRTUAL_SERVICES, app, "virtualservices")
    seen: list[tuple[str, str]] = []

    def follow() -> None:
        stream = watch.Watch().stream(
            custom.list_namespaced_custom_object,
            *VIRTUAL_SERVICES,
            app,
            "virtualservices",
            resource_version=listed["metadata"]["resourceVersion"],
            timeout_seconds=int(DEADLINE),
        )
        for event in stream:
            seen.append((event["type"], event["object"]["metadata"].get("labels", {}).get("seen", "")))
            if event["type"] == "DELETED":
                return

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    kube.says("label", "-n", app, "vs/echo", "seen=once")
    kube.says("delete", "-n", app, "vs/echo")
    follower.join(DEADLINE)
    told = [each for at, each in enumerate(seen) if at == 0 or seen[at - 1] != each]  # statuses are changes, too
    assert told == [("MODIFIED", "once"), ("DELETED", "once")]
