"""The Deployment controller, by plans alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.backends.objects import annotations_of, controller_of, labels_of, template_hash
from edgesim.config.assigned import REVISION
from edgesim.dialects.schema.kubernetes import LabelExpression, LabelSelector
from edgesim.dialects.selectors import selects
from tests.backends.clusters import Cluster, hash_of, rolling
from tests.control.scenes import deployment, resources

LETTERS = "[bcdfghjklmnpqrstvwxz2456789]"


def test_names_and_labels() -> None:
    """A ReplicaSet is named after its Deployment and template, a pod after that and five letters; both are labelled."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=2))
    (replica_set,) = cluster.store.entries("ReplicaSet")
    assert re.fullmatch(rf"echo-v1-{LETTERS}{{10}}", replica_set.resource.name)
    for pod in cluster.store.entries("Pod"):
        assert re.fullmatch(rf"{replica_set.resource.name}-{LETTERS}{{5}}", pod.resource.name)
        labels = dict(labels_of(pod.resource))
        assert labels.pop("pod-template-hash") == pod.resource.name.split("-")[2]
        assert labels == {"app": "echo", "version": "v1"}
        owner = controller_of(pod.resource)
        assert owner is not None
        assert owner.uid == replica_set.uid


def test_scaling_is_no_new_template() -> None:
    """The hash is that of the template alone, and a default that is written out is no change."""
    first, second = (resources(deployment(replicas=count))[0].manifest["spec"]["template"] for count in (1, 5))
    other = resources(deployment(text="other"))[0].manifest["spec"]["template"]
    assert template_hash(first) == template_hash(second) != template_hash(other)
    written = {**first, "spec": {**first["spec"], "restartPolicy": "Always", "terminationGracePeriodSeconds": 30}}
    assert template_hash(written) == template_hash(first)


def test_a_rolling_update_goes_step_by_step() -> None:
    """With 25% and 25% of four, one pod more and one fewer than four at a time, until all are new."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=4))
    cluster.put(deployment(text="two", replicas=4))
    seen = []
    while cluster.step():
        seen.append((cluster.sets()["1"], cluster.sets()["2"]))
        available = sum(key.name in cluster.pods() for key in cluster.ready())
        assert 3 <= available <= 5
    assert seen[0] == (4, 1)
    assert seen[-1] == (0, 4)
    assert all(3 <= old + new <= 5 for old, new in seen)


def test_old_pods_stay_until_the_new_are_ready() -> None:
    """A template whose pods do not start takes no pod away that has to stay; a mended one replaces both."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=2))
    old = cluster.pods()
    cluster.broken = {hash_of("broken")}
    cluster.apply(deployment(text="broken", replicas=2))
    assert cluster.sets() == {"1": 2, "2": 1}
    assert set(old) < set(cluster.pods())
    cluster.apply(deployment(text="mended", replicas=2))
    assert cluster.sets() == {"1": 0, "2": 0, "3": 2}
    assert not set(old) & set(cluster.pods())


def test_recreate() -> None:
    """With the strategy Recreate no new pod is there before every old one is gone."""
    cluster = Cluster()
    strategy = "  strategy: {type: Recreate}\n"
    cluster.apply(rolling("one", 3, strategy))
    old = set(cluster.pods())
    cluster.put(rolling("two", 3, strategy))
    while cluster.step():
        assert not old & set(cluster.pods()) or old >= set(cluster.pods())
    assert cluster.sets() == {"1": 0, "2": 3}


def test_a_paused_deployment_holds() -> None:
    """While it is paused a new template changes nothing, a new number of replicas does; then it goes on."""
    cluster = Cluster()
    cluster.apply(deployment(text="one"))
    cluster.apply(rolling("two", 3, "  paused: true\n"))
    assert cluster.sets() == {"1": 3}
    assert cluster.condition("Progressing") == ("Unknown", "DeploymentPaused")
    cluster.apply(rolling("two", 3))
    assert cluster.sets() == {"1": 0, "2": 3}
    assert cluster.condition("Progressing") == ("True", "NewReplicaSetAvailable")


def test_a_rollout_paused_midway_keeps_its_proportions() -> None:
    """Scaled while it is paused between two templates, the larger set takes the difference."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=4))
    cluster.put(deployment(text="two", replicas=4))
    cluster.step()
    cluster.apply(rolling("two", 4, "  paused: true\n"))
    assert cluster.sets() == {"1": 4, "2": 1}
    cluster.apply(rolling("two", 8, "  paused: true\n"))
    assert cluster.sets() == {"1": 9, "2": 1}
    cluster.apply(rolling("two", 8))
    assert cluster.sets() == {"1": 0, "2": 8}


def test_undo_uses_the_old_set_again() -> None:
    """The template of an earlier revision brings its ReplicaSet back, under a new revision that remembers the old."""
    cluster = Cluster()
    for text in ("one", "two", "one"):
        cluster.apply(deployment(text=text, replicas=2))
    assert cluster.sets() == {"3": 2, "2": 0}
    first = next(entry for entry in cluster.store.entries("ReplicaSet") if entry.resource.typed.spec.replicas)
    assert annotations_of(first.resource)["deployment.kubernetes.io/revision-history"] == "1"
    assert annotations_of(cluster.entry("Deployment", "echo-v1").resource)[REVISION] == "3"


def test_the_template_of_a_set_is_that_of_its_deployment() -> None:
    """`kubectl rollout undo` takes the template of the ReplicaSet, defaults and all: the old template to us."""
    cluster = Cluster()
    for text in ("one", "two"):
        cluster.apply(deployment(text=text))
    old = next(entry for entry in cluster.store.entries("ReplicaSet") if not entry.resource.typed.spec.replicas)
    assert template_hash(old.resource.manifest["spec"]["template"]) == hash_of("one")


def test_history_says_why() -> None:
    """The annotations of a Deployment, its change-cause among them, go on to the set of the revision; what kubectl keeps does not."""
    cluster = Cluster()
    for text in ("one", "two"):
        noted = deployment(text=text).replace(
            "namespace: echo}",
            f"namespace: echo, annotations: {{kubernetes.io/change-cause: because {text}, "
            "kubectl.kubernetes.io/last-applied-configuration: x}}",
            1,
        )
        cluster.apply(noted)
    causes = {}
    for entry in cluster.store.entries("ReplicaSet"):
        annotations = annotations_of(entry.resource)
        assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations
        causes[annotations[REVISION]] = annotations["kubernetes.io/change-cause"]
    assert causes == {"1": "because one", "2": "because two"}


def test_history_is_limited() -> None:
    """Of the sets without pods the newest are kept, as many as revisionHistoryLimit says."""
    cluster = Cluster()
    for text in "abcdef":
        cluster.apply(rolling(text, 1, "  revisionHistoryLimit: 2\n"))
    assert [*cluster.sets()] == ["4", "5", "6"]


def test_events() -> None:
    """A rollout is told in Kubernetes' words."""
    cluster = Cluster()
    cluster.apply(deployment())
    cluster.apply(deployment(text="two"))
    first, second = (entry.resource.name for entry in cluster.store.entries("ReplicaSet"))
    scaled = [told.message for told in cluster.told if told.reason == "ScalingReplicaSet"]
    assert scaled == [
        f"Scaled up replica set {first} from 0 to 1",
        f"Scaled up replica set {second} from 0 to 1",
        f"Scaled down replica set {first} from 1 to 0",
    ]


def test_a_set_scaled_by_hand_is_put_right() -> None:
    """The replicas of a Deployment's set are the Deployment's."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=2))
    (entry,) = cluster.store.entries("ReplicaSet")
    text = repr({**entry.resource.manifest, "spec": {**entry.resource.manifest["spec"], "replicas": 5}})
    cluster.apply(text)
    assert cluster.sets() == {"1": 2}
    assert len(cluster.pods()) == 2


def test_pods_go_with_their_deployment() -> None:
    """A Deployment that is deleted, or deleted and made anew, leaves nothing behind."""
    cluster = Cluster()
    cluster.apply(deployment())
    old = cluster.pods()
    cluster.delete("Deployment", "echo-v1")
    cluster.apply(deployment())
    assert not set(old) & set(cluster.pods())
    cluster.delete("Deployment", "echo-v1")
    cluster.settle()
    assert cluster.pods() == []
    assert cluster.sets() == {}


def test_a_deployment_that_is_being_deleted_makes_nothing() -> None:
    """While finalizers hold a Deployment its pods are not replaced."""
    cluster = Cluster()
    cluster.apply(deployment())
    cluster.store.mark_deleting(cluster.entry("Deployment", "echo-v1").resource.key)
    (replica_set,) = cluster.store.entries("ReplicaSet")
    cluster.store.delete(replica_set.resource.key)
    cluster.settle()
    assert cluster.sets() == {}


def test_pods_of_a_dump() -> None:
    """What was dumped beside its Deployment is not run twice; a pod whose owner edgesim does not know runs."""
    cluster = Cluster()
    cluster.apply(deployment())
    own = cluster.pods()
    for owner in ("ReplicaSet", "StatefulSet"):
        metadata = f"{{name: {owner.lower()}-1, namespace: echo, labels: {{app: echo, version: v1}}, ownerReferences: "
        metadata += f"[{{apiVersion: apps/v1, kind: {owner}, name: echo, uid: x, controller: true}}]}}"
        cluster.apply(
            f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec: {{containers: [{{name: a, image: b}}]}}\n"
        )
    dumped = deployment("echo-v1-5d4c", replicas=2).replace("kind: Deployment", "kind: ReplicaSet")
    owner = "ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: echo-v1, uid: x, controller: true}]"
    labels = "labels: {app: echo, version: v1}"
    cluster.apply(dumped.replace("namespace: echo}", f"namespace: echo, {labels}, {owner}}}", 1))
    assert cluster.pods() == [*own, "statefulset-1"]
    assert cluster.sets() == {"1": 1}


def test_a_set_nobody_owns_is_adopted() -> None:
    """A ReplicaSet left behind (`--cascade=orphan`) belongs to the Deployment that selects it, with its pods."""
    cluster = Cluster()
    cluster.apply(deployment())
    old = cluster.pods()
    (entry,) = cluster.store.entries("ReplicaSet")
    metadata = {name: value for name, value in entry.resource.manifest["metadata"].items() if name != "ownerReferences"}
    cluster.put(repr({**entry.resource.manifest, "metadata": metadata}))
    cluster.delete("Deployment", "echo-v1")
    cluster.settle()
    assert cluster.pods() == old
    cluster.apply(deployment())
    assert cluster.pods() == old
    assert cluster.sets() == {"1": 1}


@pytest.mark.parametrize("replicas", [0, 1, 3])
def test_the_end_of_a_rollout(replicas: int) -> None:
    """A Deployment that is done says so, with the numbers and conditions kubectl waits for."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=replicas))
    cluster.apply(deployment(text="two", replicas=replicas))
    status = cluster.status()
    assert status["observedGeneration"] == cluster.entry("Deployment", "echo-v1").generation
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    assert [status.get(name, 0) for name in counts] == [replicas] * 4
    assert "unavailableReplicas" not in status
    assert cluster.condition("Available") == ("True", "MinimumReplicasAvailable")
    assert cluster.condition("Progressing") == ("True", "NewReplicaSetAvailable")


def test_a_rollout_that_does_not_get_on_is_late() -> None:
    """After progressDeadlineSeconds without progress the condition says so; a mended template ends that."""
    cluster = Cluster()
    deadline = "  progressDeadlineSeconds: 30\n"
    cluster.apply(rolling("one", 1, deadline))
    cluster.broken = {hash_of("broken")}
    cluster.apply(rolling("broken", 1, deadline))
    assert cluster.condition("Progressing")[0] == "True"
    due = cluster.workloads.due(cluster.ready())
    assert due is not None
    assert 30 <= due <= 31
    cluster.wait(29)
    cluster.settle()
    assert cluster.condition("Progressing")[0] == "True"
    cluster.wait(3)
    cluster.settle()
    assert cluster.condition("Progressing") == ("False", "ProgressDeadlineExceeded")
    assert cluster.workloads.due(cluster.ready()) is None
    cluster.apply(rolling("mended", 1, deadline))
    assert cluster.condition("Progressing") == ("True", "NewReplicaSetAvailable")


def test_times_of_conditions_change_with_what_they_say() -> None:
    """A status is the same from step to step, and a transition keeps its time until the truth is another."""
    cluster = Cluster()
    cluster.apply(deployment())
    before, version = cluster.status(), cluster.store.version
    cluster.wait(60)
    cluster.settle()
    assert cluster.status() is before
    assert cluster.store.version == version
    cluster.apply(deployment(text="two"))
    available, progressing = cluster.status()["conditions"]
    assert available == before["conditions"][0]
    assert progressing["lastTransitionTime"] == before["conditions"][1]["lastTransitionTime"]
    assert progressing["lastUpdateTime"] > before["conditions"][1]["lastUpdateTime"]


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "status", "reason", "lastUpdateTime", "x"]), inner, max_size=4)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["conditions", "replicas", "updatedReplicas", "phase", "readyReplicas"]), ODD),
    st.lists(st.dictionaries(st.sampled_from(["type", "status", "reason", "lastUpdateTime"]), ODD), max_size=2),
)
def test_a_status_somebody_wrote(status: dict[str, Any], conditions: list[dict[str, Any]]) -> None:
    """Whatever people write into a status, the controllers put it right."""
    cluster = Cluster()
    cluster.apply(deployment())
    odd = {**status, "conditions": [{"type": "Progressing", **each} for each in conditions]} if conditions else status
    for entry in [*cluster.store.entries()]:
        cluster.store.set_status(entry.resource.key, odd)
    cluster.apply(deployment(text="two"))
    assert cluster.condition("Progressing") == ("True", "NewReplicaSetAvailable")


def test_a_complete_rollout_stays_complete() -> None:
    """A pod that fails later makes a Deployment unavailable; no new rollout begins, and none is late."""
    cluster = Cluster()
    cluster.apply(deployment())
    cluster.broken = {hash_of("version:v1")}
    cluster.settle()
    assert cluster.condition("Available") == ("False", "MinimumReplicasUnavailable")
    assert cluster.condition("Progressing") == ("True", "NewReplicaSetAvailable")
    assert cluster.status()["unavailableReplicas"] == 1


def test_pods_are_available_after_a_while() -> None:
    """With minReadySeconds a rollout waits until new pods were ready for so long."""
    cluster = Cluster()
    waiting = "  minReadySeconds: 10\n"
    cluster.apply(rolling("one", 1, waiting))
    assert "availableReplicas" not in cluster.status()
    assert cluster.workloads.due(cluster.ready()) == 10
    cluster.wait(10)
    cluster.settle()
    assert cluster.status()["availableReplicas"] == 1
    cluster.apply(rolling("two", 1, waiting))
    assert cluster.sets() == {"1": 1, "2": 1}
    cluster.wait(10)
    cluster.settle()
    assert cluster.sets() == {"1": 0, "2": 1}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.sampled_from(["one", "two"])), max_size=8))
def test_plans_converge(writes: list[tuple[str, int, str]]) -> None:
    """After any writes a few plans lead to exactly the pods declared, all of the present template."""
    cluster = Cluster()
    wanted: dict[str, tuple[int, str]] = {}
    for name, replicas, text in writes:
        cluster.apply(deployment(name, text, replicas, version=name))
        wanted[name] = (replicas, text)
    assert not cluster.step()
    for name, (replicas, text) in wanted.items():
        template = resources(deployment(name, text, replicas, version=name))[0].manifest["spec"]["template"]
        hashes = [
            labels_of(pod.resource)["pod-template-hash"]
            for pod in cluster.store.entries("Pod")
            if labels_of(pod.resource)["version"] == name
        ]
        assert hashes == [template_hash(template)] * replicas


def test_selectors() -> None:
    """Every requirement has to hold; an absent label is in no list, so NotIn holds."""
    labels = {"app": "echo", "version": "v1"}

    def holds(operator: str, key: str, *values: str) -> bool:
        one = LabelExpression(key=key, operator=operator, values=values)  # type: ignore[arg-type]
        return selects(LabelSelector(match_expressions=(one,)), labels)

    assert selects(LabelSelector(match_labels={"app": "echo"}), labels)
    assert not selects(LabelSelector(match_labels={"app": "echo", "version": "v2"}), labels)
    assert holds("In", "version", "v1", "v2")
    assert not holds("In", "team", "a")
    assert holds("NotIn", "team", "a")
    assert not holds("NotIn", "version", "v1")
    assert holds("Exists", "app")
    assert holds("DoesNotExist", "team")
