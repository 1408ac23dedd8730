"""The ReplicaSet controller, as a plain function: which Pods to write, adopt, let go and remove."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgesim.backends.endpoints import NODE
from edgesim.backends.objects import (
    Told,
    adopted,
    controller_of,
    declare,
    key_of,
    labels_of,
    reference_to,
    released,
)
from edgesim.config.store import Entry
from edgesim.dialects import Resource
from edgesim.dialects.selectors import selects
from edgesim.model import ResourceKey

COMPONENT: Final = "replicaset-controller"
OVER: Final = frozenset({"Succeeded", "Failed"})
"""Phases of pods that have ended, which nobody counts any more."""


@dataclass(frozen=True, slots=True)
class PodPlan:
    """What a ReplicaSet wants changed: Pods to write anew, Pods to write otherwise, Pods to remove."""

    create: tuple[Resource, ...] = ()
    rewrite: tuple[Resource, ...] = ()
    remove: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.create or self.rewrite or self.remove)


@dataclass(frozen=True, slots=True)
class PodTable:
    """The Pods, by the uid of what controls them; those that nobody controls by their namespace."""

    owned: Mapping[str, Sequence[Entry]]
    orphans: Mapping[str, Sequence[Entry]]

    def of(self, owner: Entry) -> Sequence[Entry]:
        """Return the pods that an owner controls and that have not ended."""
        return self.owned.get(owner.uid, ())


def pod_table(pods: Iterable[Entry]) -> PodTable:
    """Sort pods that have not ended by who controls them."""
    owned: dict[str, list[Entry]] = {}
    orphans: dict[str, list[Entry]] = {}
    for pod in pods:
        if not is_active(pod):
            continue
        owner = controller_of(pod.resource)
        table, name = (orphans, pod.resource.namespace) if owner is None else (owned, owner.uid)
        table.setdefault(name, []).append(pod)
    return PodTable(owned, orphans)


def is_active(pod: Entry) -> bool:
    """Tell whether a pod counts: it has not ended, and is not about to be deleted."""
    return pod.deleting is None and (pod.status is None or str(pod.status.get("phase")) not in OVER)


MOST_PODS: Final = 1_000
"""Pods of one ReplicaSet that are made: each is a server in this process, and a slip must not end it."""


def plan_pods(owner: Entry, pods: PodTable, ready: Collection[ResourceKey], suffix: Callable[[], str]) -> PodPlan:
    """Decide what brings the Pods of a ReplicaSet to what it declares; nothing when they are there.

    `suffix` makes the five letters at the end of a name, `ready` holds the pods that serve.
    """
    if owner.deleting is not None:
        return PodPlan()
    spec, mine = owner.resource.typed.spec, pods.of(owner)
    held = [pod for pod in mine if selects(spec.selector, labels_of(pod.resource))]
    strays = [released(pod.resource, owner) for pod in mine if pod not in held]
    found = [pod for pod in pods.orphans.get(owner.resource.namespace, ()) if _wants(owner, pod)]
    missing = min(spec.replicas, MOST_PODS) - len(held) - len(found)
    taken = {pod.resource.name for pod in mine}
    create = tuple(new_pod(owner, name) for name in _names(owner, missing, suffix, taken))
    # The newest go first when scaling down, but those that do not serve before them.
    newest_first = [*found[::-1], *held[::-1]]
    surplus = sorted(newest_first, key=lambda pod: key_of(pod) in ready)[: max(0, -missing)]
    rewrite = (*strays, *(adopted(pod.resource, owner) for pod in found if pod not in surplus))
    return PodPlan(create, rewrite, tuple(surplus))


def told_of(owner: Entry, plan: PodPlan) -> Iterator[Told]:
    """Tell what a plan does, in Kubernetes' words."""
    for pod in plan.create:
        yield Told(owner, "SuccessfulCreate", f"Created pod: {pod.name}", COMPONENT)
    for entry in plan.remove:
        yield Told(owner, "SuccessfulDelete", f"Deleted pod: {entry.resource.name}", COMPONENT)


def _wants(owner: Entry, pod: Entry) -> bool:
    return selects(owner.resource.typed.spec.selector, labels_of(pod.resource))


def _names(owner: Entry, count: int, suffix: Callable[[], str], taken: set[str]) -> Iterable[str]:
    while count > 0:
        name = f"{owner.resource.name}-{suffix()}"
        if name not in taken:
            taken.add(name)
            count -= 1
            yield name


def new_pod(owner: Entry, name: str) -> Resource:
    """Make a Pod of a ReplicaSet's template, already on its node."""
    resource = owner.resource
    template = resource.manifest["spec"]["template"]
    metadata = template.get("metadata") or {}
    made: dict[str, Any] = {
        "name": name,
        "generateName": f"{resource.name}-",
        "namespace": resource.namespace,
        "labels": dict(metadata.get("labels") or {}),
        "ownerReferences": [reference_to(owner)],
    }
    if metadata.get("annotations"):
        made["annotations"] = dict(metadata["annotations"])
    spec = {"serviceAccountName": "default", **template["spec"], "nodeName": NODE}
    return declare("Pod", {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": spec})


def replica_set_status(owner: Entry, pods: PodTable, ready: Mapping[ResourceKey, float]) -> dict[str, Any]:
    """Return the status of a ReplicaSet; `ready` tells for how many seconds each pod that serves has done so."""
    spec, mine = owner.resource.typed.spec, pods.of(owner)
    labels = (spec.template.metadata.labels if spec.template.metadata is not None else None) or {}
    counted = {
        "fullyLabeledReplicas": sum(labels.items() <= labels_of(pod.resource).items() for pod in mine),
        "readyReplicas": sum(key_of(pod) in ready for pod in mine),
        "availableReplicas": sum(is_available(pod, spec.min_ready_seconds, ready) for pod in mine),
    }
    shown = {name: count for name, count in counted.items() if count}
    return {"replicas": len(mine), **shown, "observedGeneration": owner.generation}


def is_available(pod: Entry, min_ready_seconds: int, ready: Mapping[ResourceKey, float]) -> bool:
    """Tell whether a pod has served for so long."""
    return ready.get(key_of(pod), -1.0) >= min_ready_seconds
