"""The ReplicaSet controller, by plans alone."""

from __future__ import annotations

import pytest

from edgesim.backends import replica_sets
from edgesim.backends.objects import controller_of
from edgesim.model import ResourceKey
from tests.backends.clusters import Cluster
from tests.control.scenes import deployment, resources


def replica_set(replicas: int) -> str:
    text = deployment("mine", replicas=replicas)
    return text.replace("kind: Deployment", "kind: ReplicaSet")


BARE = """
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: echo, labels: {app: echo, version: v1}}
spec: {containers: [{name: echo, image: hashicorp/http-echo, args: ["-text=bare"]}]}
"""


def test_a_set_of_its_own() -> None:
    """A ReplicaSet without a Deployment keeps its pods, and says how many serve."""
    cluster = Cluster()
    cluster.apply(replica_set(2))
    assert len(cluster.pods()) == 2
    status = cluster.entry("ReplicaSet", "mine").status
    assert status == {
        "replicas": 2,
        "fullyLabeledReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "observedGeneration": 1,
    }


def test_its_pods_are_pending_from_the_first() -> None:
    """A watch tells of a new pod with a phase, as clients expect of one."""
    cluster = Cluster()
    seen = []
    cluster.store.subscribe(lambda happening: seen.append((happening.type, happening.entry)))
    cluster.apply(replica_set(1))
    added = [entry.status for kind, entry in seen if kind == "ADDED" and entry.resource.kind.kind == "Pod"]
    assert added == [{"phase": "Pending", "qosClass": "BestEffort"}]


def test_a_deleted_pod_comes_back_under_another_name() -> None:
    """A pod that is gone is replaced."""
    cluster = Cluster()
    cluster.apply(replica_set(2))
    first, second = cluster.pods()
    cluster.delete("Pod", first)
    cluster.settle()
    assert second in cluster.pods()
    assert first not in cluster.pods()
    assert len(cluster.pods()) == 2


def test_scaling_down_removes_the_newest() -> None:
    """The oldest pods stay when replicas go down, and none at zero; what does not serve goes first."""
    cluster = Cluster()
    cluster.apply(replica_set(3))
    oldest, *_ = cluster.pods()
    cluster.apply(replica_set(1))
    assert cluster.pods() == [oldest]
    cluster.apply(replica_set(0))
    assert cluster.pods() == []


def test_a_pod_nobody_owns_is_adopted() -> None:
    """A pod that a ReplicaSet selects counts as its own, and then is its own."""
    cluster = Cluster()
    cluster.apply(BARE)
    cluster.apply(replica_set(2))
    assert len(cluster.pods()) == 2
    owner = controller_of(cluster.entry("Pod", "bare").resource)
    assert owner is not None
    assert owner.uid == cluster.entry("ReplicaSet", "mine").uid


def test_a_pod_with_other_labels_is_let_go() -> None:
    """A pod its set no longer selects is replaced, and goes on by itself."""
    cluster = Cluster()
    cluster.apply(replica_set(1))
    (name,) = cluster.pods()
    manifest = cluster.entry("Pod", name).resource.manifest
    (changed,) = resources(repr({**manifest, "metadata": {**manifest["metadata"], "labels": {"app": "debug"}}}))
    cluster.store.put(changed, "test")
    cluster.settle()
    assert len(cluster.pods()) == 2
    assert controller_of(cluster.entry("Pod", name).resource) is None


def test_a_pod_that_is_being_deleted_is_replaced() -> None:
    """A pod that finalizers hold counts no more."""
    cluster = Cluster()
    cluster.apply(replica_set(1))
    (name,) = cluster.pods()
    cluster.store.mark_deleting(ResourceKey("Pod", "echo", name))
    cluster.settle()
    assert len(cluster.pods()) == 2


def test_events() -> None:
    """Each pod that is made or removed is told of in Kubernetes' words."""
    cluster = Cluster()
    cluster.apply(replica_set(1))
    (name,) = cluster.pods()
    cluster.apply(replica_set(0))
    assert [(told.reason, told.message) for told in cluster.told] == [
        ("SuccessfulCreate", f"Created pod: {name}"),
        ("SuccessfulDelete", f"Deleted pod: {name}"),
    ]


def test_a_slip_of_the_keyboard_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many replicas are asked for, so many pods are made at most; the status tells how many there are."""
    monkeypatch.setattr(replica_sets, "MOST_PODS", 3)
    cluster = Cluster()
    cluster.apply(replica_set(100_000))
    assert len(cluster.pods()) == 3
    status = cluster.entry("ReplicaSet", "mine").status
    assert status is not None
    assert status["replicas"] == 3
