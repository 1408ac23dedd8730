"""Drives the controllers: the store's Deployments, Pods and Services against the pods that run.

`reconcile` starts what has to run and writes Pods and Endpoints; it stops nothing. It returns the pods
that are in no Endpoints any more; whoever made the proxy forget them hands them to `retire`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from edgesim.backends.addresses import PodAddress
from edgesim.backends.checks import template_problems
from edgesim.backends.deployments import plan_pods, spell
from edgesim.backends.endpoints import PlacedPod, endpoints_of
from edgesim.backends.program import Program, read_program
from edgesim.backends.runtime import GRACE, PodRuntime, RunningPod
from edgesim.backends.statuses import deployment_status, pod_status
from edgesim.config.store import CONTROLLER, Store
from edgesim.dialects import Resource
from edgesim.model import Problem, ResourceKey
from edgesim.model.codes import problem
from edgesim.telemetry.tasks import spawn

MAX_ROUNDS: Final = 4
"""Create, then remove what that made superfluous; more rounds mean that pods fail to start."""


@dataclass(slots=True)
class _Placed:
    """What runs for a Pod object; `failure` says why nothing does."""

    manifest: dict[str, Any]
    program: Program
    running: RunningPod | None
    failure: str


class Controllers:
    """The controllers of one store and the pods they run."""

    def __init__(self, store: Store, runtime: PodRuntime, seed: int = 0) -> None:
        """Take the store to follow, what starts pods, and the seed of generated names."""
        self._store = store
        self._runtime = runtime
        self._random = Random(f"{seed}/pod names")
        self._placed: dict[ResourceKey, _Placed] = {}
        self._draining: set[asyncio.Task[None]] = set()
        self._checked: dict[ResourceKey, tuple[Resource, tuple[Problem, ...]]] = {}
        self.problems: tuple[Problem, ...] = ()

    async def reconcile(self) -> list[RunningPod]:
        """Bring pods, Pods and Endpoints to what is declared; return the pods that are out of rotation."""
        leaving: list[RunningPod] = []
        for _ in range(MAX_ROUNDS):
            leaving += await self._run_pods()
            if not self._plan():
                break
        else:
            leaving += await self._run_pods()
        self._publish_statuses()
        self._publish_endpoints()
        self.problems = tuple(self._problems())
        return leaving

    def retire(self, leaving: list[RunningPod], grace: float = GRACE) -> None:
        """Drain pods that nothing sends to any more, beside whatever else goes on."""
        for pod in leaving:
            task = spawn(self._runtime.stop(pod, grace), f"drain {pod.name}")
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)

    async def close(self, grace: float = GRACE) -> None:
        """Drain every pod, those that are leaving already included."""
        self.retire([placed.running for placed in self._placed.values() if placed.running is not None], grace)
        self._placed.clear()
        if self._draining:
            _, late = await asyncio.wait(self._draining, timeout=grace + 1)
            for task in late:
                task.cancel()

    def running(self) -> dict[ResourceKey, RunningPod]:
        """Return the pods that run now, by their Pod object."""
        return {key: placed.running for key, placed in self._placed.items() if placed.running is not None}

    # --- Deployments -> Pods --------------------------------------------------------------------

    def _plan(self) -> bool:
        """Write and remove Pod objects; tell whether there was anything to do."""
        pods = self._store.entries("Pod")
        plan = plan_pods(self._store.entries("Deployment"), pods, self.running().keys(), self._suffix)
        for pod in plan.create:
            self._store.put(pod, CONTROLLER)
        for key in plan.remove:
            self._store.delete(key)
        return bool(plan)

    def _suffix(self) -> str:
        return spell(self._random.getrandbits(40), 5)

    # --- Pods -> servers ------------------------------------------------------------------------

    async def _run_pods(self) -> list[RunningPod]:
        """Start the pods of new or changed Pod objects; return those whose object is gone or changed."""
        leaving: list[RunningPod] = []
        wanted = {entry.resource.key: entry.resource for entry in self._store.entries("Pod")}
        for key in [key for key in self._placed if key not in wanted]:
            leaving += _of(self._placed.pop(key))
        for key, resource in wanted.items():
            old = self._placed.get(key)
            if old is not None and old.manifest is resource.manifest and (old.running is not None or old.program.crash):
                continue
            program = read_program(resource.manifest, resource.name, resource.namespace).program
            if old is not None and old.program == program and (old.running is not None or program.crash):
                old.manifest = resource.manifest
                continue
            self._placed[key] = await self._place(resource, program)
            leaving += _of(old)
        return leaving

    async def _place(self, resource: Resource, program: Program) -> _Placed:
        try:
            running = await self._runtime.start(resource.name, program)
        except OSError as error:
            return _Placed(resource.manifest, program, None, error.strerror or str(error))
        return _Placed(resource.manifest, program, running, "")

    # --- what others see ------------------------------------------------------------------------

    def _publish_statuses(self) -> None:
        pods = [*self._store.entries("Pod")]
        for entry in pods:
            placed = self._placed[entry.resource.key]
            failure = placed.program.crash or placed.failure
            self._store.set_status(entry.resource.key, pod_status(entry, _address(placed), failure))
        ready = self.running().keys()
        for entry in self._store.entries("Deployment"):
            self._store.set_status(entry.resource.key, deployment_status(entry, pods, ready))

    def _publish_endpoints(self) -> None:
        """Write the Endpoints of each Service; remove those a controller wrote for one that is gone."""
        pods = [PlacedPod(entry, _address(self._placed[entry.resource.key])) for entry in self._store.entries("Pod")]
        kept: set[ResourceKey] = set()
        for service in self._store.entries("Service"):
            made = endpoints_of(service.resource, pods)
            if made is not None:
                kept.add(made.key)
                self._store.put(made, CONTROLLER)
        for entry in self._store.entries("Endpoints"):
            if entry.resource.key not in kept:
                self._store.delete(entry.resource.key, CONTROLLER)

    # --- problems -------------------------------------------------------------------------------

    def _problems(self) -> Iterator[Problem]:
        """Tell what is wrong with pod templates, read again only when they changed, and of pods that do not start."""
        checked = self._checked
        self._checked = {}
        for kind in ("Deployment", "Pod"):
            for entry in self._store.entries(kind):
                resource = entry.resource
                old = checked.get(resource.key)
                found = old if old is not None and old[0] is resource else (resource, template_problems(resource))
                self._checked[resource.key] = found
                yield from found[1]
        for key, placed in self._placed.items():
            if placed.running is None and not placed.program.crash:
                yield problem("ES0417", f"the pod cannot listen: {placed.failure}", resource=key)


def _of(placed: _Placed | None) -> list[RunningPod]:
    return [] if placed is None or placed.running is None else [placed.running]


def _address(placed: _Placed) -> PodAddress | None:
    return None if placed.running is None else placed.running.address
