"""What is written of Services: their addresses, Endpoints and EndpointSlices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgesim.backends.endpoints import PlacedPod, endpoints_of
from edgesim.backends.node import Node
from edgesim.backends.objects import key_of
from edgesim.backends.services import PodIndex, is_own_slice, slices_of, with_cluster_ip
from edgesim.config.store import CONTROLLER, Entry, Store
from edgesim.dialects import Resource
from edgesim.model import ResourceKey

Facts = tuple[object, ...]
_NOBODY: Final[Facts] = ()


class Published:
    """The Service controllers of one store."""

    def __init__(self, store: Store, node: Node, *, shown: bool) -> None:
        """Take the store and the node whose pods are the endpoints; with `shown` each Service gets an address."""
        self._store = store
        self._node = node
        self._shown = shown
        self._made: dict[ResourceKey, tuple[Facts, tuple[Resource, ...]]] = {}

    def services(self) -> None:
        """Write what is made of each Service; remove what a controller wrote for one that is gone."""
        if self._shown:
            self._give_addresses()
        index = PodIndex(self._placed())
        kept: set[ResourceKey] = set()
        made, self._made = self._made, {}
        for service in self._store.entries("Service"):
            resources = self._of(service, index.of(service.resource), made.get(key_of(service)))
            for each in resources:
                kept.add(each.key)
                if not self._stands(each):
                    self._store.put(each, CONTROLLER)
        self._remove_others(kept)

    def _placed(self) -> list[PlacedPod]:
        """Return the pods that have an address: one that does not run, or makes its one request, has none."""
        ready, found = self._node.ready(), []
        for entry in self._store.entries("Pod"):
            placed = self._node.placed(entry)
            if entry.deleting is None and placed is not None and placed.running is not None:
                found.append(PlacedPod(entry, placed.running.address, key_of(entry) in ready))
        return found

    def _of(
        self, service: Entry, pods: Sequence[PlacedPod], old: tuple[Facts, tuple[Resource, ...]] | None
    ) -> tuple[Resource, ...]:
        """Return the Endpoints and slices of a Service: the same as before where nothing of it changed."""
        facts: Facts = (
            service.uid,
            service.resource.manifest,
            [(pod.entry.uid, pod.entry.resource.manifest, pod.address, pod.ready) for pod in pods],
        )
        if old is None or old[0] != facts:
            made = endpoints_of(service.resource, pods)
            names = {pod.entry.resource.name: pod for pod in pods}
            old = facts, () if made is None else (made, *slices_of(service, made, names))
        self._made[key_of(service)] = old
        return old[1]

    def _stands(self, resource: Resource) -> bool:
        entry = self._store.get(resource.key)
        return entry is not None and entry.resource is resource and entry.writer == CONTROLLER

    def _give_addresses(self) -> None:
        for entry in self._store.entries("Service"):
            changed = with_cluster_ip(entry)
            if changed is not None:
                self._store.put(changed, entry.writer)

    def _remove_others(self, kept: set[ResourceKey]) -> None:
        for entry in self._store.entries("Endpoints"):
            if key_of(entry) not in kept:
                self._store.delete(key_of(entry), CONTROLLER)
        for entry in self._store.entries("EndpointSlice"):
            if key_of(entry) not in kept and is_own_slice(entry):
                self._store.delete(key_of(entry), CONTROLLER)
