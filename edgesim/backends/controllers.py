"""Drives the controllers: the store's Deployments, ReplicaSets, Pods and Services against the pods that run.

`reconcile` makes one step of everything: it writes ReplicaSets and Pods, starts what has to run, and writes
statuses and Endpoints. It stops nothing. A step ends where pods left the Endpoints; it returns them, and whoever
made the proxy forget them hands them to `retire`.

Others may write to the store while a step awaits: what it finds there then is for the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from edgesim.backends.checks import template_problems
from edgesim.backends.gateway import SERVICE, Gateway, gateway_objects, ports_of, put_right, service_status
from edgesim.backends.node import Node
from edgesim.backends.node_object import NODE, node_object, node_status
from edgesim.backends.objects import Told, spell
from edgesim.backends.pod_log import Log
from edgesim.backends.published import Published
from edgesim.backends.runtime import GRACE, PodRuntime, RunningPod
from edgesim.backends.workloads import Workloads
from edgesim.config.events import record_event
from edgesim.config.store import CONTROLLER, Store
from edgesim.dialects import Resource
from edgesim.model import Problem, ResourceKey
from edgesim.model.codes import problem
from edgesim.telemetry import sources
from edgesim.telemetry.tasks import spawn

LONGEST_REST: Final = 3600.0
"""Seconds after which it is looked again at the latest where something is awaited."""
MAX_ROUNDS: Final = 4
"""Plans of one step: what is still to be done then is done in the next, so that what there is is served."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step leaves to do: pods to retire once nobody sends to them, and when to make the next one.

    `again_in` is 0 where that is as soon as this one is served, None where nothing is to be awaited; seconds.
    """

    leaving: list[RunningPod]
    again_in: float | None = None


class Controllers:
    """The controllers of one store and the pods they run."""

    def __init__(
        self,
        store: Store,
        runtime: PodRuntime,
        seed: int = 0,
        *,
        gateway: Gateway | None = None,
        now: Callable[[], float] = sources.monotonic,
        clock: Callable[[], datetime] = sources.today,
    ) -> None:
        """Take the store to follow, what starts pods, the seed of generated names, and a monotonic and a UTC clock.

        With a `gateway` there is all that kubectl shows of a cluster: objects that stand for the proxy, addresses of
        Services, logs of pods, events.
        """
        self._store = store
        self._runtime = runtime
        self._clock = clock
        self._gateway = gateway
        self._random = Random(f"{seed}/pod names")
        self._node = Node(store, runtime, now, clock, self._tell, gateway)
        self._workloads = Workloads(store, self._suffix, clock, self._tell, shown=gateway is not None)
        self._published = Published(store, self._node, shown=gateway is not None)
        self._draining: set[asyncio.Task[None]] = set()
        self._checked: dict[ResourceKey, tuple[Resource, tuple[Problem, ...]]] = {}
        self._gates: list[Resource] | None = None
        self.problems: tuple[Problem, ...] = ()

    async def reconcile(self) -> Step:
        """Make one step towards what is declared."""
        leaving: list[RunningPod] = []
        changed = False
        for _ in range(MAX_ROUNDS):
            self._stand_for_what_runs()
            changed = self._workloads.plan(self._node.ready())
            gone = await self._node.run()
            self._node.publish()
            leaving += gone
            if gone or not changed:
                break
        self._workloads.publish(self._node.ready())
        self._published.services()
        self.problems = tuple(self._problems())
        return Step(leaving, 0.0 if self._has_news_of_the_proxy() or changed else self._due())

    def retire(self, leaving: list[RunningPod], grace: float = GRACE) -> None:
        """Drain pods that nothing sends to any more, beside whatever else goes on."""
        for pod in leaving:
            task = spawn(self._runtime.stop(pod, grace), f"drain {pod.name}")
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)

    async def close(self, grace: float = GRACE) -> None:
        """Drain every pod, those that are leaving already included."""
        self.retire(self._node.clear(), grace)
        if self._draining:
            _, late = await asyncio.wait(self._draining, timeout=grace + 1)
            for task in late:
                task.cancel()

    def running(self) -> dict[ResourceKey, RunningPod]:
        """Return the pods that run now, by their Pod object."""
        return {key: placed.running for key, placed in self._node.all() if placed.running is not None}

    def logs(self, key: ResourceKey) -> Log | None:
        """Return what a pod logged; None for one that does not run, or where logs are not kept."""
        placed = self._node.find(key)
        return None if placed is None else placed.file_log or placed.log

    def _suffix(self) -> str:
        return spell(self._random.getrandbits(40), 5)

    def _tell(self, told: Told) -> None:
        """Write an event, where somebody could see it."""
        if self._gateway is not None:
            record_event(
                self._store,
                told.about,
                type=told.type,
                reason=told.reason,
                message=told.message,
                component=told.component,
                now=self._clock(),
            )

    def _has_news_of_the_proxy(self) -> bool:
        """Tell whether Gateways changed: where the proxy listens is known once it serves them."""
        if self._gateway is None:
            return False
        before, self._gates = self._gates, [entry.resource for entry in self._store.entries("Gateway")]
        return before != self._gates

    def _due(self) -> float | None:
        found = [each for each in (self._node.due(), self._workloads.due(self._node.ready())) if each is not None]
        return min(*found, LONGEST_REST) if found else None

    def _stand_for_what_runs(self) -> None:
        """Keep the objects that stand for the proxy, and for the machine it and every pod is on."""
        if self._gateway is None:
            return
        for wanted in (node_object(), *gateway_objects(ports_of(self._gateway))):
            changed = put_right(self._store, wanted)
            if changed is not None:
                self._store.put(changed, CONTROLLER)
        self._store.set_status(SERVICE, service_status())
        node = self._store.get(NODE)
        if node is not None:
            self._store.set_status(NODE, node_status(node.created))

    # --- problems -------------------------------------------------------------------------------

    def _problems(self) -> Iterator[Problem]:
        """Tell what is wrong with pod templates, read again only when they changed, and of pods that do not start."""
        checked = self._checked
        self._checked = {}
        for kind in ("Deployment", "ReplicaSet", "Pod"):
            for entry in self._store.entries(kind):
                resource = entry.resource
                old = checked.get(resource.key)
                found = old if old is not None and old[0] is resource else (resource, template_problems(resource))
                self._checked[resource.key] = found
                yield from found[1]
        for key, placed in self._node.all():
            if placed.failure:
                yield problem("ES0417", f"the pod cannot listen: {placed.failure}", resource=key)
