"""Gloo's statuses in the store, so that they have versions and whoever watches sees them; and the Proxy they speak of.

After each settling only those are written that may be others: of what was written since, of what has other problems, or
waits for other ones, and where the Proxy's own status changed of all that shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from edgesim.config.store import CONTROLLER, Happening, Store
from edgesim.control.problem_events import ProblemEvents
from edgesim.control.statuses import WITH_SUBRESOURCES, ProblemIndex, Statuses, gloo_status, has_gloo_status
from edgesim.dialects import INSTALL_NAMESPACE, Resource, find_kind, nowhere
from edgesim.dialects.schema.workloads import StoredOnly
from edgesim.model import Listener, Model, ResourceKey

if TYPE_CHECKING:
    from edgesim.control.instance import Instance

GATEWAY_PROXY: Final = ResourceKey("Proxy", INSTALL_NAMESPACE, "gateway-proxy")
VIRTUAL_HOSTS: Final = "edgesim.io/virtual-hosts"
"""The annotation of the Proxy that says how many virtual hosts it has."""


class Publisher:
    """Keeps the statuses in a store as what is served has them."""

    def __init__(self, store: Store) -> None:
        """Listen to the store, to know whose status may be another."""
        self._store = store
        self._statuses = Statuses()
        self._last = ProblemIndex()
        there = [entry.resource for entry in store.entries() if has_gloo_status(entry.resource.kind)]
        self._written: dict[ResourceKey, None] = dict.fromkeys(each.key for each in there)
        self._events = ProblemEvents()
        store.subscribe(self._listen)

    def publish(self, instance: Instance) -> None:
        """Write the statuses that changed, the Proxy, and events of problems that came and went."""
        index = self._statuses.index_of(instance)
        self._store.put(proxy_of(instance.served.model), CONTROLLER)
        for key in {*self._changed(index)}:
            entry = self._store.get(key)
            # Pods, Services and Deployments have problems, too; their status is their controllers'.
            if entry is not None and has_gloo_status(entry.resource.kind):
                self._store.set_status(key, gloo_status(index, key, self._store))
        self._last = index
        self._written.clear()
        self._events.tell(self._store, index)

    def _listen(self, happening: Happening) -> None:
        if has_gloo_status(happening.entry.resource.kind):
            self._written[happening.entry.resource.key] = None

    def _changed(self, index: ProblemIndex) -> Iterator[ResourceKey]:
        """Return whose status may be another than the one that was written last."""
        for key in self._written:
            yield key
            for problem in index.of(key):  # their texts name its routes
                yield from problem.affects
        yield from _differing(self._last.by_resource, index.by_resource)
        yield from _differing(self._last.waiting, index.waiting)
        yield from self._last.tables ^ index.tables
        if self._last.proxy != index.proxy:
            yield from self._showing_the_proxy(index)

    def _showing_the_proxy(self, index: ProblemIndex) -> Iterator[ResourceKey]:
        yield GATEWAY_PROXY
        yield from index.tables
        for kind in WITH_SUBRESOURCES:
            yield from (entry.resource.key for entry in self._store.entries(kind))


def _differing(before: dict[ResourceKey, Any], after: dict[ResourceKey, Any]) -> Iterator[ResourceKey]:
    yield from (key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def proxy_of(model: Model) -> Resource:
    """Return Gloo's Proxy, as far as it tells what is served: its listeners, and how many virtual hosts there are."""
    kind = find_kind("Proxy")
    assert kind is not None
    manifest = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": GATEWAY_PROXY.name,
            "namespace": GATEWAY_PROXY.namespace,
            "annotations": {VIRTUAL_HOSTS: str(len(model.virtual_hosts))},
        },
        "spec": {"listeners": [_listener(each) for each in model.listeners]},
    }
    typed = msgspec.convert(manifest, StoredOnly)
    return Resource(kind, GATEWAY_PROXY.namespace, GATEWAY_PROXY.name, manifest, typed, nowhere(CONTROLLER))


def _listener(listener: Listener) -> dict[str, Any]:
    return {"name": listener.name, "bindAddress": listener.address, "bindPort": listener.port, "httpListener": {}}
