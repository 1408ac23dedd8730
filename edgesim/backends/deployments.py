"""The Deployment controller, as a plain function: which Pods to write and which to remove.

A pod belongs to a Deployment by its owner reference, and to its present template by the label
`pod-template-hash`. Pods of an older template stay until those of the present one are all ready, so
that a release that does not start takes nothing away (Kubernetes' rolling update).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec

from edgesim.config.store import CONTROLLER, Entry
from edgesim.dialects import Resource, find_kind, nowhere
from edgesim.dialects.selectors import selects
from edgesim.model import ResourceKey

HASH_LABEL: Final = "pod-template-hash"
ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own for generated names: no vowels, so no words, and nothing that looks like another."""


@dataclass(frozen=True, slots=True)
class PodPlan:
    """What the Deployments want changed."""

    create: tuple[Resource, ...] = ()
    remove: tuple[ResourceKey, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.create or self.remove)


def declare(kind: str, manifest: dict[str, Any]) -> Resource:
    """Make a resource of a manifest a controller wrote."""
    found = find_kind(kind)
    assert found is not None
    typed = msgspec.convert(manifest, found.schema)
    return Resource(found, typed.metadata.namespace, typed.metadata.name, manifest, typed, nowhere(CONTROLLER))


def template_hash(template: Mapping[str, Any]) -> str:
    """Return ten letters that change with the template."""
    digest = blake2b(json.dumps(template, sort_keys=True, default=str).encode(), digest_size=8).digest()
    return spell(int.from_bytes(digest, "big"), 10)


def spell(number: int, length: int) -> str:
    """Write a number with the letters of generated names."""
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[index])
    return "".join(letters)


def plan_pods(
    deployments: Iterable[Entry], pods: Iterable[Entry], ready: Collection[ResourceKey], suffix: Callable[[], str]
) -> PodPlan:
    """Decide what brings the Pods nearer to what the Deployments declare; nothing when they are there.

    `suffix` makes the five letters at the end of a name, `ready` holds the pods that serve.
    """
    owners = {entry.uid: entry for entry in deployments}
    owned: dict[str, list[Entry]] = {uid: [] for uid in owners}
    remove: list[ResourceKey] = []
    for pod in pods:
        uid = owner_uid(pod.resource)
        if uid in owned:
            owned[uid].append(pod)
        elif uid is not None or _is_copy(pod.resource, owners.values()):
            remove.append(pod.resource.key)
    create: list[Resource] = []
    for uid, deployment in owners.items():
        plan = _plan_one(deployment, owned[uid], ready, suffix)
        create += plan.create
        remove += plan.remove
    return PodPlan(tuple(create), tuple(remove))


def owner_uid(pod: Resource) -> str | None:
    """Return the uid of the Deployment that owns a pod, None for a pod of a person's own."""
    for reference in pod.manifest.get("metadata", {}).get("ownerReferences") or ():
        if reference.get("kind") == "Deployment" and reference.get("controller"):
            return str(reference.get("uid"))
    return None


def _is_copy(pod: Resource, deployments: Iterable[Entry]) -> bool:
    """Tell whether a pod came with the dump of a cluster, where a Deployment that is here too made it.

    Its ReplicaSet is not here, so it is garbage to Kubernetes; running it would double the Deployment.
    """
    references = pod.manifest.get("metadata", {}).get("ownerReferences") or ()
    return any(one.get("kind") == "ReplicaSet" and one.get("controller") for one in references) and any(
        entry.resource.namespace == pod.namespace and selects(entry.resource.typed.spec.selector, labels_of(pod))
        for entry in deployments
    )


def _plan_one(
    deployment: Entry, pods: list[Entry], ready: Collection[ResourceKey], suffix: Callable[[], str]
) -> PodPlan:
    spec = deployment.resource.typed.spec
    wanted = template_hash(deployment.resource.manifest["spec"]["template"])
    held = [pod for pod in pods if selects(spec.selector, labels_of(pod.resource))]
    present = [pod for pod in held if labels_of(pod.resource).get(HASH_LABEL) == wanted]
    stale = [pod for pod in held if labels_of(pod.resource).get(HASH_LABEL) != wanted]
    missing = spec.replicas - len(present)
    taken = {pod.resource.name for pod in pods}
    create = tuple(_pod(deployment, wanted, name) for name in _names(deployment, wanted, missing, suffix, taken))
    # The newest go first when scaling down, but those that do not serve before them.
    surplus = sorted(present, key=lambda pod: (pod.resource.key in ready, -pod.version))[: max(0, -missing)]
    leaving = [*surplus, *(stale if missing <= 0 and _all_ready(present, surplus, ready) else ())]
    return PodPlan(create, tuple(pod.resource.key for pod in leaving))


def _all_ready(present: list[Entry], surplus: list[Entry], ready: Collection[ResourceKey]) -> bool:
    return all(pod.resource.key in ready for pod in present if pod not in surplus)


def _names(deployment: Entry, wanted: str, count: int, suffix: Callable[[], str], taken: set[str]) -> Iterable[str]:
    while count > 0:
        name = f"{deployment.resource.name}-{wanted}-{suffix()}"
        if name not in taken:
            taken.add(name)
            count -= 1
            yield name


def labels_of(pod: Resource) -> Mapping[str, str]:
    """Return the labels of a resource."""
    labels: Mapping[str, str] = pod.manifest.get("metadata", {}).get("labels") or {}
    return labels


def _pod(deployment: Entry, wanted: str, name: str) -> Resource:
    resource = deployment.resource
    template = resource.manifest["spec"]["template"]
    metadata = template.get("metadata") or {}
    owner = {
        "apiVersion": resource.kind.api_version,
        "kind": resource.kind.kind,
        "name": resource.name,
        "uid": deployment.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    made = {
        "name": name,
        "namespace": resource.namespace,
        "labels": {**(metadata.get("labels") or {}), HASH_LABEL: wanted},
        "ownerReferences": [owner],
    }
    if metadata.get("annotations"):
        made["annotations"] = dict(metadata["annotations"])
    return declare("Pod", {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": template["spec"]})
