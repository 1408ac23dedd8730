from __future__ import annotations

import itertools
import re
from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from edgesim.backends.deployments import PodPlan, labels_of, plan_pods, spell, template_hash
from edgesim.backends.statuses import deployment_status
from edgesim.dialects.schema.kubernetes import LabelExpression, LabelSelector
from edgesim.dialects.selectors import selects
from edgesim.model import ResourceKey
from tests.control.scenes import deployment, made_store, resources


class Cluster:
    """A store whose Deployments are followed by plans alone; every pod is ready at once unless told."""

    def __init__(self) -> None:
        self.store = made_store()
        self.suffixes = (spell(number, 5) for number in itertools.count())
        self.broken: set[str] = set()

    def ready(self) -> Collection[ResourceKey]:
        pods = self.store.entries("Pod")
        return {pod.resource.key for pod in pods if labels_of(pod.resource).get("pod-template-hash") not in self.broken}

    def plan(self) -> PodPlan:
        store = self.store
        return plan_pods(store.entries("Deployment"), store.entries("Pod"), self.ready(), lambda: next(self.suffixes))

    def step(self) -> None:
        plan = self.plan()
        for pod in plan.create:
            self.store.put(pod, "controller")
        for key in plan.remove:
            self.store.delete(key)

    def apply(self, text: str) -> None:
        for resource in resources(text):
            self.store.put(resource, "test")
        for _ in range(3):
            self.step()

    def pods(self) -> list[str]:
        return [pod.resource.name for pod in self.store.entries("Pod")]


def test_names_and_labels() -> None:
    """A pod is named after its Deployment, its template and five letters, and labelled with the template."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=2))
    for pod in cluster.store.entries("Pod"):
        assert re.fullmatch(
            r"echo-v1-[bcdfghjklmnpqrstvwxz2456789]{10}-[bcdfghjklmnpqrstvwxz2456789]{5}", pod.resource.name
        )
        labels = dict(labels_of(pod.resource))
        assert labels.pop("pod-template-hash") == pod.resource.name.split("-")[2]
        assert labels == {"app": "echo", "version": "v1"}


def test_scaling_down_removes_the_newest() -> None:
    """The oldest pods stay when replicas go down, and none at zero."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=3))
    oldest, *_ = cluster.pods()
    cluster.apply(deployment(replicas=1))
    assert cluster.pods() == [oldest]
    cluster.apply(deployment(replicas=0))
    assert cluster.pods() == []


def test_scaling_is_no_new_template() -> None:
    """The hash is that of the template alone."""
    first, second = (resources(deployment(replicas=count))[0].manifest["spec"]["template"] for count in (1, 5))
    other = resources(deployment(text="other"))[0].manifest["spec"]["template"]
    assert template_hash(first) == template_hash(second) != template_hash(other)


def test_old_pods_stay_until_the_new_are_ready() -> None:
    """A template whose pods do not start takes no pod away."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=2))
    old = cluster.pods()
    cluster.broken = {template_hash(resources(deployment(text="broken"))[0].manifest["spec"]["template"])}
    cluster.apply(deployment(text="broken", replicas=2))
    assert len(cluster.pods()) == 4
    assert set(old) < set(cluster.pods())
    cluster.apply(deployment(text="mended", replicas=2))
    assert len(cluster.pods()) == 2
    assert not set(old) & set(cluster.pods())


def test_a_pod_with_other_labels_is_let_go() -> None:
    """A pod its Deployment no longer selects is replaced, and goes on by itself."""
    cluster = Cluster()
    cluster.apply(deployment())
    (pod,) = cluster.store.entries("Pod")
    metadata = {**pod.resource.manifest["metadata"], "labels": {"app": "debug"}}
    text = {**pod.resource.manifest, "metadata": metadata}
    (changed,) = resources(repr(text))
    cluster.store.put(changed, "test")
    cluster.step()
    assert len(cluster.pods()) == 2
    assert not cluster.plan()


def test_pods_go_with_their_deployment() -> None:
    """A Deployment that is deleted, or deleted and made anew, leaves no pod behind."""
    cluster = Cluster()
    cluster.apply(deployment())
    old = cluster.pods()
    cluster.store.delete(ResourceKey("Deployment", "echo", "echo-v1"))
    cluster.apply(deployment())
    assert not set(old) & set(cluster.pods())
    cluster.store.delete(ResourceKey("Deployment", "echo", "echo-v1"))
    cluster.step()
    assert cluster.pods() == []


def test_pods_of_a_dump() -> None:
    """A pod dumped beside its Deployment is not run twice; one whose owner edgesim does not know runs."""
    cluster = Cluster()
    cluster.apply(deployment())
    own = cluster.pods()
    for owner in ("ReplicaSet", "StatefulSet"):
        metadata = f"{{name: {owner.lower()}-1, namespace: echo, labels: {{app: echo, version: v1}}, ownerReferences: "
        metadata += f"[{{apiVersion: apps/v1, kind: {owner}, name: echo, uid: x, controller: true}}]}}"
        cluster.apply(
            f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec: {{containers: [{{name: a, image: b}}]}}\n"
        )
    assert cluster.pods() == [*own, "statefulset-1"]


def test_the_status_counts() -> None:
    """A Deployment's status tells how many of its pods serve, and whether that is enough."""
    cluster = Cluster()
    cluster.apply(deployment(replicas=2))
    (entry,) = cluster.store.entries("Deployment")
    pods = [*cluster.store.entries("Pod")]
    status = deployment_status(entry, pods, cluster.ready())
    assert (status["replicas"], status["readyReplicas"], status["conditions"][0]["status"]) == (2, 2, "True")
    status = deployment_status(entry, pods, {pods[0].resource.key})
    assert (status["unavailableReplicas"], status["conditions"][0]["status"]) == (1, "False")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.sampled_from(["one", "two"])), max_size=8))
def test_plans_converge(writes: list[tuple[str, int, str]]) -> None:
    """After any writes a few plans lead to exactly the pods declared, all of the present template."""
    cluster = Cluster()
    wanted: dict[str, tuple[int, str]] = {}
    for name, replicas, text in writes:
        cluster.apply(deployment(name, text, replicas, version=name))
        wanted[name] = (replicas, text)
    assert not cluster.plan()
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
