"""The Deployment controller, as a plain function: which ReplicaSets to write, scale and remove.

A ReplicaSet belongs to a Deployment by its owner reference, and to its present template where its own
is the same but for the label `pod-template-hash`. Source: Kubernetes' documentation, Deployments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgesim.backends.objects import (
    HASH_LABEL,
    Told,
    annotations_of,
    declare,
    digest,
    reference_to,
    rewritten,
    spell,
)
from edgesim.backends.rolling import Bounds, Count, bounds, grown, shrunk
from edgesim.config.assigned import REVISION
from edgesim.config.store import Entry
from edgesim.dialects import Resource
from edgesim.dialects.defaults_pods import pod_spec
from edgesim.model import ResourceKey

COMPONENT: Final = "deployment-controller"
HISTORY: Final = "deployment.kubernetes.io/revision-history"
DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
_LONG: Final = 19
MOST: Final = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED: Final = frozenset({
    "kubectl.kubernetes.io/last-applied-configuration", "deprecated.deployment.rollback.to",
    REVISION, HISTORY, DESIRED, MOST,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counted:
    """A ReplicaSet of a Deployment, the hash of its template, and its pods in numbers."""

    entry: Entry
    hash: str
    pods: int
    ready: int
    available: int

    @property
    def replicas(self) -> int:
        """Return how many pods it is to have."""
        replicas: int = self.entry.resource.typed.spec.replicas
        return replicas

    @property
    def revision(self) -> int:
        """Return its revision; 0 where it has none."""
        text = annotations_of(self.entry.resource).get(REVISION, "0")
        return int(text) if text.isascii() and text.isdigit() and len(text) < _LONG else 0


@dataclass(frozen=True, slots=True)
class SetPlan:
    """What a Deployment wants changed: a ReplicaSet to write anew, some to write otherwise, some to remove."""

    create: Resource | None = None
    rewrite: tuple[Resource, ...] = ()
    remove: tuple[ResourceKey, ...] = ()
    told: tuple[Told, ...] = ()
    revision: int = 0

    def __bool__(self) -> bool:
        return bool(self.create or self.rewrite or self.remove)


@dataclass(frozen=True, slots=True)
class _Rollout:
    """A Deployment, the set of its present template if there is one, the older sets, and what is wanted of them."""

    deployment: Entry
    hash: str
    present: Counted | None
    old: tuple[Counted, ...]
    allowed: Bounds

    @property
    def replicas(self) -> int:
        replicas: int = self.deployment.resource.typed.spec.replicas
        return replicas

    @property
    def sets(self) -> tuple[Counted, ...]:
        return self.old if self.present is None else (*self.old, self.present)

    @property
    def revision(self) -> int:
        """Return the revision of the present template: that of its set, or one after every older one."""
        last = max((each.revision for each in self.old), default=0)
        return self.present.revision if self.present is not None and self.present.revision > last else last + 1


def plan_sets(deployment: Entry, sets: Sequence[Counted], wanted: str, taken: Callable[[ResourceKey], bool]) -> SetPlan:
    """Decide what brings the ReplicaSets nearer to what a Deployment declares; nothing when they are there.

    `wanted` is the hash of its template, `taken` tells whether there is a ReplicaSet of a name.
    """
    if deployment.deleting is not None:
        return SetPlan()
    present = next((each for each in sets if each.hash == wanted), None)
    old = tuple(each for each in sets if each is not present)
    rollout = _Rollout(deployment, wanted, present, old, bounds(deployment.resource.typed.spec))
    counts = _counts(rollout)
    create = None
    if counts.create is not None:
        create = new_set(deployment, _free(deployment, wanted, taken), counts.create, rollout.revision, rollout.allowed)
    rewrite = tuple(_rewrites(rollout, counts.sets))
    remove = tuple(_superfluous(rollout, counts))
    return SetPlan(create, rewrite, remove, tuple(_told(rollout, counts, create)), _shown_revision(rollout, create))


@dataclass(frozen=True, slots=True)
class _Counts:
    """The replicas each ReplicaSet is to have, by its place in `sets`; `create` those of a new one."""

    sets: tuple[int, ...]
    create: int | None = None


def _counts(rollout: _Rollout) -> _Counts:
    spec = rollout.deployment.resource.typed.spec
    if spec.paused:
        return _Counts(_rescaled(rollout))
    if spec.strategy is not None and spec.strategy.type == "Recreate":
        return _recreated(rollout)
    return _rolled(rollout)


def _rolled(rollout: _Rollout) -> _Counts:
    """Add pods of the present template while there is room, else take older ones away."""
    present = rollout.present.replicas if rollout.present is not None else 0
    old = [each.replicas for each in rollout.old]
    wanted = grown(rollout.replicas, present, present + sum(old), rollout.allowed)
    if rollout.present is None:
        return _Counts(tuple(old), wanted)
    if wanted == present:
        count = Count(present, rollout.present.available)
        old = shrunk(
            rollout.replicas, count, [Count(each.replicas, each.available) for each in rollout.old], rollout.allowed
        )
    return _Counts((*old, wanted))


def _recreated(rollout: _Rollout) -> _Counts:
    """Take every older pod away; only when they are gone write those of the present template."""
    zeros = (0,) * len(rollout.old)
    gone = not any(each.pods or each.replicas for each in rollout.old)
    if rollout.present is None:
        return _Counts(zeros, rollout.replicas if gone else None)
    return _Counts((*zeros, rollout.replicas if gone else rollout.present.replicas))


def _rescaled(rollout: _Rollout) -> tuple[int, ...]:
    """Follow a new number of replicas without going on with the rollout (it is paused)."""
    sets = rollout.sets
    counts = [each.replicas for each in sets]
    active = [index for index, each in enumerate(sets) if each.replicas] or [len(sets) - 1][: len(sets)]
    if len(active) <= 1:
        return tuple(rollout.replicas if index in active else count for index, count in enumerate(counts))
    if all(annotations_of(sets[index].entry.resource).get(DESIRED) == str(rollout.replicas) for index in active):
        return tuple(counts)
    change = rollout.replicas + rollout.allowed.surge - sum(counts)
    for index in sorted(active, key=lambda index: -counts[index]):
        step = max(-counts[index], change)
        counts[index] += step
        change -= step
    return tuple(counts)


# --- the objects ------------------------------------------------------------------------------------------


def new_set(deployment: Entry, name: str, replicas: int, revision: int, allowed: Bounds) -> Resource:
    """Make the ReplicaSet of a Deployment's template; the last part of its name is the hash its pods are labelled with."""
    resource = deployment.resource
    spec = resource.manifest["spec"]
    hashed = name.removeprefix(f"{resource.name}-")
    metadata = spec["template"].get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), HASH_LABEL: hashed}
    # Defaults are written out: what kubectl shows of pods comes from here.
    template = {"metadata": {**metadata, "labels": labels}, "spec": pod_spec(spec["template"]["spec"])}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH_LABEL: hashed}}
    made: dict[str, Any] = {"replicas": replicas, "selector": selector, "template": template}
    if spec.get("minReadySeconds"):
        made["minReadySeconds"] = spec["minReadySeconds"]
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": resource.namespace,
            "labels": labels,
            "annotations": _copied(resource) | _told_numbers(deployment, allowed) | {REVISION: str(revision)},
            "ownerReferences": [reference_to(deployment)],
        },
        "spec": made,
    }
    return declare("ReplicaSet", manifest)


def _free(deployment: Entry, wanted: str, taken: Callable[[ResourceKey], bool]) -> str:
    """Name a set after its template's hash, or after another where somebody else's set has that name."""
    hashed, tries = wanted, 0
    resource = deployment.resource
    while taken(ResourceKey("ReplicaSet", resource.namespace, f"{resource.name}-{hashed}")):
        tries += 1
        hashed = spell(digest([wanted, tries]), 10)
    return f"{resource.name}-{hashed}"


def _copied(deployment: Resource) -> dict[str, str]:
    return {name: value for name, value in annotations_of(deployment).items() if name not in _NOT_COPIED}


def _told_numbers(deployment: Entry, allowed: Bounds) -> dict[str, str]:
    replicas = deployment.resource.typed.spec.replicas
    return {DESIRED: str(replicas), MOST: str(replicas + allowed.surge)}


def _rewrites(rollout: _Rollout, counts: Sequence[int]) -> Iterator[Resource]:
    for each, count in zip(rollout.sets, counts, strict=True):
        annotations = dict(annotations_of(each.entry.resource))
        if each is rollout.present:
            annotations |= _copied(rollout.deployment.resource) | _revised(each, rollout.revision)
        if count or each is rollout.present:
            annotations |= _told_numbers(rollout.deployment, rollout.allowed)
        made = _rewritten(each.entry.resource, annotations, _spec(rollout, each, count))
        if made is not None:
            yield made


def _revised(each: Counted, revision: int) -> dict[str, str]:
    if each.revision == revision:
        return {}
    before = [*filter(None, annotations_of(each.entry.resource).get(HISTORY, "").split(","))]
    past = [*before, str(each.revision)] if each.revision else before
    return {REVISION: str(revision)} | ({HISTORY: ",".join(past)} if past else {})


def _spec(rollout: _Rollout, each: Counted, count: int) -> dict[str, Any]:
    changed: dict[str, Any] = {"replicas": count}
    minimum = rollout.deployment.resource.typed.spec.min_ready_seconds
    if each is rollout.present and each.entry.resource.typed.spec.min_ready_seconds != minimum:
        changed["minReadySeconds"] = minimum
    return changed


def _rewritten(resource: Resource, annotations: Mapping[str, str], changed: Mapping[str, Any]) -> Resource | None:
    manifest = resource.manifest
    same = all(manifest["spec"].get(name) == value for name, value in changed.items())
    if same and annotations == annotations_of(resource):
        return None
    metadata = {**manifest["metadata"], "annotations": dict(annotations)}
    return rewritten(resource, {**manifest, "metadata": metadata, "spec": {**manifest["spec"], **changed}})


def _superfluous(rollout: _Rollout, counts: _Counts) -> Iterator[ResourceKey]:
    """Name the older sets beyond the revisions that are kept, once a rollout is complete."""
    replicas, present = rollout.replicas, rollout.present
    if present is None or not present.replicas == present.available == present.pods == replicas:
        return
    empty = [
        each
        for each, count in zip(rollout.old, counts.sets, strict=False)
        if not count and not each.pods and not each.replicas and each.entry.deleting is None
    ]
    limit = rollout.deployment.resource.typed.spec.revision_history_limit
    for each in sorted(empty, key=lambda each: each.revision)[: max(0, len(empty) - limit)]:
        yield each.entry.resource.key


def _told(rollout: _Rollout, counts: _Counts, create: Resource | None) -> Iterable[Told]:
    changes = [
        (each.entry.resource.name, each.replicas, count) for each, count in zip(rollout.sets, counts.sets, strict=True)
    ]
    if create is not None and counts.create:
        changes.append((create.name, 0, counts.create))
    for name, before, after in changes:
        if before != after:
            way = "up" if after > before else "down"
            text = f"Scaled {way} replica set {name} from {before} to {after}"
            yield Told(rollout.deployment, "ScalingReplicaSet", text, COMPONENT)


def _shown_revision(rollout: _Rollout, create: Resource | None) -> int:
    """Return the revision the Deployment shows: none while its present template has no set yet."""
    return rollout.revision if rollout.present is not None or create is not None else 0
