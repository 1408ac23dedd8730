"""Deployments become ReplicaSets, and those Pods: the plans of both controllers, carried out in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from edgesim.backends.deployment_status import created_condition, deadline_of, deployment_status
from edgesim.backends.deployments import Counted, plan_sets
from edgesim.backends.objects import Told, adopted, controller_of, key_of, labels_of, template_hash
from edgesim.backends.pod_status import first_status
from edgesim.backends.replica_sets import PodTable, is_available, plan_pods, pod_table, replica_set_status, told_of
from edgesim.backends.services import revisioned
from edgesim.config.assigned import REVISION
from edgesim.config.store import CONTROLLER, Entry, Store
from edgesim.dialects import Resource
from edgesim.dialects.selectors import selects
from edgesim.model import ResourceKey

Ready = Mapping[ResourceKey, float]
"""For how many seconds each pod that serves has done so."""


class Workloads:
    """The Deployment and the ReplicaSet controller of one store."""

    def __init__(
        self,
        store: Store,
        suffix: Callable[[], str],
        clock: Callable[[], datetime],
        tell: Callable[[Told], None],
        *,
        shown: bool,
    ) -> None:
        """Take the store, what makes the last letters of names, the clock (UTC), and who hears of events.

        With `shown` a Deployment carries its revision, as kubectl looks for it.
        """
        self._store = store
        self._suffix = suffix
        self._clock = clock
        self._tell = tell
        self._shown = shown
        self._hashes: dict[ResourceKey, tuple[object, str]] = {}

    def plan(self, ready: Ready) -> bool:
        """Write and remove ReplicaSets and Pods; tell whether there was anything to do."""
        collected = self._collect()
        sets = self._plan_sets(ready)
        pods = self._plan_pods(ready)
        return collected or sets or pods

    def publish(self, ready: Ready) -> None:
        """Write the statuses of ReplicaSets and Deployments."""
        pods = pod_table(self._store.entries("Pod"))
        for entry in self._store.entries("ReplicaSet"):
            self._store.set_status(key_of(entry), replica_set_status(entry, pods, ready))
        sets = self._by_owner()
        for entry in self._store.entries("Deployment"):
            counted = [self._count(each, pods, ready, entry) for each in sets.get(entry.uid, ())]
            status = deployment_status(entry, counted, self._hash(entry), self._clock())
            self._store.set_status(key_of(entry), status)

    def due(self, ready: Ready) -> float | None:
        """Return in how many seconds a pod becomes available, or a rollout late."""
        waits = [*self._until_available(ready), *self._until_late()]
        return min(waits, default=None)

    def _until_available(self, ready: Ready) -> Iterable[float]:
        slow = {entry.uid: entry.resource.typed.spec.min_ready_seconds for entry in self._store.entries("ReplicaSet")}
        if not any(slow.values()):
            return
        for pod in self._store.entries("Pod"):
            owner, since = controller_of(pod.resource), ready.get(key_of(pod))
            wait = slow.get(owner.uid, 0) - since if owner is not None and since is not None else 0
            if wait > 0:
                yield wait

    def _until_late(self) -> Iterable[float]:
        now = self._clock()
        for entry in self._store.entries("Deployment"):
            due = deadline_of(entry)
            if due is not None:
                yield max(0.05, (due - now).total_seconds())

    # --- Deployments -> ReplicaSets -------------------------------------------------------------------

    def _plan_sets(self, ready: Ready) -> bool:
        self._adopt_sets()
        pods, sets = pod_table(self._store.entries("Pod")), self._by_owner()
        busy = False
        for entry in [*self._store.entries("Deployment")]:
            busy |= self._plan_deployment(entry, sets.get(entry.uid, []), pods, ready)
        return busy

    def _plan_deployment(self, entry: Entry, sets: list[Entry], pods: PodTable, ready: Ready) -> bool:
        counted = [self._count(each, pods, ready, entry) for each in sets]
        plan = plan_sets(entry, counted, self._hash(entry), self._is_taken)
        if plan.create is not None:
            self._store.put(plan.create, CONTROLLER)
            self._store.set_status(key_of(entry), created_condition(entry, plan.create.name, self._clock()))
        for changed in plan.rewrite:
            self._rewrite(changed)
        for key in plan.remove:
            self._store.delete(key)
        for told in plan.told:
            self._tell(told)
        self._show_revision(entry, plan.revision)
        return bool(plan)

    def _show_revision(self, entry: Entry, revision: int) -> None:
        changed = revisioned(entry.resource, REVISION, revision) if self._shown else None
        if changed is not None:
            self._rewrite(changed)

    def _count(self, entry: Entry, pods: PodTable, ready: Ready, deployment: Entry) -> Counted:
        mine = pods.of(entry)
        seconds = deployment.resource.typed.spec.min_ready_seconds
        serving = sum(key_of(pod) in ready for pod in mine)
        available = sum(is_available(pod, seconds, ready) for pod in mine) if seconds else serving
        return Counted(entry, self._hash(entry), len(mine), serving, available)

    def _is_taken(self, key: ResourceKey) -> bool:
        return self._store.get(key) is not None

    def _hash(self, entry: Entry) -> str:
        """Return the hash of the template of a Deployment or a ReplicaSet, made anew only when that changed."""
        template = entry.resource.manifest["spec"]["template"]
        kept = self._hashes.get(key_of(entry))
        if kept is None or kept[0] is not template:
            kept = self._hashes[key_of(entry)] = (template, template_hash(template))
        return kept[1]

    def _by_owner(self) -> dict[str, list[Entry]]:
        """Return the ReplicaSets by the uid of what controls them."""
        found: dict[str, list[Entry]] = {}
        for entry in self._store.entries("ReplicaSet"):
            owner = controller_of(entry.resource)
            if owner is not None and entry.deleting is None:
                found.setdefault(owner.uid, []).append(entry)
        return found

    def _adopt_sets(self) -> None:
        """Give ReplicaSets that nobody controls to the Deployment that selects them."""
        for entry in self._store.entries("ReplicaSet"):
            if entry.deleting is not None or controller_of(entry.resource) is not None:
                continue
            owner = self._selecting("Deployment", entry)
            if owner is not None:
                self._rewrite(adopted(entry.resource, owner))

    def _selecting(self, kind: str, entry: Entry) -> Entry | None:
        """Find the owner of a kind that selects an object."""
        labels = labels_of(entry.resource)
        for each in self._store.entries(kind, entry.resource.namespace):
            if each.deleting is None and selects(each.resource.typed.spec.selector, labels):
                return each
        return None

    # --- ReplicaSets -> Pods ----------------------------------------------------------------------------

    def _plan_pods(self, ready: Ready) -> bool:
        pods = pod_table(self._store.entries("Pod"))
        busy = False
        for entry in [*self._store.entries("ReplicaSet")]:
            plan = plan_pods(entry, pods, ready, self._suffix)
            if not plan:
                continue
            busy = True
            for pod in plan.create:
                self._store.put(pod, CONTROLLER, status=first_status(pod))
            for pod in plan.rewrite:
                self._rewrite(pod)
            for gone in plan.remove:
                self._store.delete(key_of(gone))
            for told in told_of(entry, plan):
                self._tell(told)
            if plan.rewrite:
                pods = pod_table(self._store.entries("Pod"))
        return busy

    def _rewrite(self, resource: Resource) -> None:
        """Write an object as it is to be, in the name of whoever wrote it last."""
        entry = self._store.get(resource.key)
        if entry is not None:
            self._store.put(resource, entry.writer)

    # --- what nobody owns any more ------------------------------------------------------------------------

    def _collect(self) -> bool:
        """Remove what a controller made for an owner that is gone, and what came with the dump of a cluster.

        There a ReplicaSet and its Pods name owners that are not here: to Kubernetes they are garbage, and running
        them beside those of the Deployment would double it.
        """
        garbage = [
            key_of(entry)
            for kind, owner in (("ReplicaSet", "Deployment"), ("Pod", "ReplicaSet"))
            for entry in self._store.entries(kind)
            if self._is_garbage(entry, owner)
        ]
        for key in garbage:
            self._store.delete(key)
        return bool(garbage)

    def _is_garbage(self, entry: Entry, kind: str) -> bool:
        owner = controller_of(entry.resource)
        if (
            owner is None
            or owner.kind != kind
            or self._store.by_uid(owner.uid) is not None
            or entry.deleting is not None
        ):
            return False
        return entry.writer == CONTROLLER or self._selecting("Deployment", entry) is not None
