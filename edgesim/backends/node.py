"""The one node there is: it runs what Pod objects declare, and reports how they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from edgesim.backends.addresses import LOOPBACK, PodAddress
from edgesim.backends.behaviour import READY_AFTER
from edgesim.backends.cluster_names import place_of
from edgesim.backends.endpoints import NODE
from edgesim.backends.fetch import Result, run_fetch
from edgesim.backends.file_log import FileLog
from edgesim.backends.gateway import STDOUT, Gateway, ports_of, stands_for_the_proxy, where_the_log_is
from edgesim.backends.objects import Told, annotations_of, key_of
from edgesim.backends.placed import Placed
from edgesim.backends.pod_log import PodLog
from edgesim.backends.pod_status import Ended, pod_status
from edgesim.backends.program import Program, read_program
from edgesim.backends.runtime import PodRuntime, RunningPod
from edgesim.config.store import Entry, Store
from edgesim.model import ResourceKey
from edgesim.telemetry.tasks import spawn

KUBELET: Final = "kubelet"
SCHEDULER: Final = "default-scheduler"
LOOK_AGAIN: Final = 0.5
"""Seconds after which it is looked again whether the proxy listens."""
_FLAGS, _MISSING = 2, 127
"""How http-echo exits: with Go's code for a flag it does not know, with its own for a text it lacks."""


class Node:
    """The pods of one store."""

    def __init__(
        self,
        store: Store,
        runtime: PodRuntime,
        now: Callable[[], float],
        clock: Callable[[], datetime],
        tell: Callable[[Told], None],
        gateway: Gateway | None,
    ) -> None:
        """Take the store to follow, what starts pods, a monotonic and a UTC clock, and who hears of events.

        With a `gateway` pods keep logs, and its Pods stand for the proxy.
        """
        self._store = store
        self._runtime = runtime
        self._now = now
        self._clock = clock
        self._tell = tell
        self._gateway = gateway
        self._placed: dict[ResourceKey, Placed] = {}
        self._proxy_ports: dict[int, int] = {}

    async def run(self) -> list[RunningPod]:
        """Start what is new or changed; return the pods whose object is gone or changed, for others to drain."""
        leaving = self._let_go()
        self._proxy_ports = ports_of(self._gateway)
        for entry in self._store.entries("Pod"):
            if entry.deleting is None:
                leaving += await self._keep(entry)
        return leaving

    def publish(self) -> None:
        """Write the status of each pod that does otherwise than was last said of it."""
        for key, placed in self._placed.items():
            entry = self._store.get(key)
            if entry is not None and entry.uid == placed.entry.uid:
                placed.entry = entry
                self._show(placed)

    def placed(self, entry: Entry) -> Placed | None:
        """Return what is known of a Pod object; None where it was written since the node last looked."""
        placed = self._placed.get(key_of(entry))
        return placed if placed is not None and placed.entry.uid == entry.uid else None

    def find(self, key: ResourceKey) -> Placed | None:
        """Return what is known of the pod of a name."""
        return self._placed.get(key)

    def all(self) -> Iterator[tuple[ResourceKey, Placed]]:
        """Iterate over all pods of the node."""
        yield from [*self._placed.items()]

    def ready(self) -> dict[ResourceKey, float]:
        """Return for how many seconds each pod that serves has done so."""
        now = self._now()
        return {key: now - placed.ready_at for key, placed in self._placed.items() if placed.is_ready(now)}

    def due(self) -> float | None:
        """Return in how many seconds something is to be done that nobody writes: a start, readiness."""
        now = self._now()
        moments = [
            moment
            for placed in self._placed.values()
            for moment in (placed.retry_at, placed.ready_at if placed.running is not None else None)
            if moment is not None and moment > now
        ]
        if self._is_blind():
            moments.append(now + LOOK_AGAIN)
        elif any(placed.is_new() for placed in self._placed.values()):
            return 0.0
        return min(moments) - now if moments else None

    def clear(self) -> list[RunningPod]:
        """Forget every pod, and return those that run."""
        leaving = [pod for placed in self._placed.values() for pod in self._end(placed)]
        self._placed.clear()
        return leaving

    # --- coming and going -------------------------------------------------------------------------------

    def _let_go(self) -> list[RunningPod]:
        leaving = []
        for key, placed in self.all():
            entry = self._store.get(key)
            if entry is None or entry.uid != placed.entry.uid or entry.deleting is not None:
                leaving += self._end(placed)
                del self._placed[key]
        return leaving

    def _end(self, placed: Placed) -> list[RunningPod]:
        if placed.task is not None:
            placed.task.cancel()
        for log in (placed.log, placed.file_log):
            if log is not None:
                log.end()
        if placed.running_since is not None:
            self._tell_each(placed, "Killing", "Stopping container {name}")
        return [placed.running] if placed.running is not None else []

    async def _keep(self, entry: Entry) -> list[RunningPod]:
        """Bring what runs to what a Pod object declares."""
        old = self._placed.get(key_of(entry))
        if old is None or old.entry.uid != entry.uid:
            await self._place(entry)
            return []
        same = old.entry.resource is entry.resource or old.entry.resource.manifest is entry.resource.manifest
        old.entry = entry
        if stands_for_the_proxy(self._gateway, entry.resource):
            self._stand_in(old)
            return []
        if not same and self._read(entry) != old.program:
            return await self._replace(old)
        if old.running is None and self._is_due(old):
            await self._start(old)
        return []

    def _is_due(self, placed: Placed) -> bool:
        if placed.program.fetch is not None:
            return placed.is_new() and not self._is_blind()
        if placed.ended is not None:
            return False
        if placed.failure:
            return True  # the system may have what it lacked with any change
        return placed.retry_at is None or placed.retry_at <= self._now()

    def _is_blind(self) -> bool:
        """Tell whether nobody knows yet where the proxy listens, which pods are to ask."""
        return self._gateway is not None and not self._proxy_ports

    def _read(self, entry: Entry) -> Program:
        resource = entry.resource
        return read_program(resource.manifest, resource.name, resource.namespace).program

    async def _place(self, entry: Entry) -> None:
        entry = self._scheduled(entry)
        placed = Placed(entry, self._read(entry), self._clock())
        self._placed[key_of(entry)] = placed
        if self._gateway is not None:
            placed.log = PodLog(self._runtime.wall)
        where = f"Successfully assigned {entry.resource.namespace}/{entry.resource.name} to {NODE}"
        self._tell(Told(entry, "Scheduled", where, SCHEDULER))
        self._show(placed)
        if stands_for_the_proxy(self._gateway, entry.resource):
            self._read_access_log(placed)
            self._stand_in(placed)
        elif placed.program.fetch is None:  # one that asks the gateway waits until it serves what came with it
            await self._start(placed)

    def _scheduled(self, entry: Entry) -> Entry:
        """Put a Pod on this node, where somebody could see that it is on none."""
        manifest = entry.resource.manifest
        if self._gateway is None or manifest["spec"].get("nodeName"):
            return entry
        placed = {**manifest, "spec": {**manifest["spec"], "nodeName": NODE}}
        return self._store.put(replace(entry.resource, manifest=placed), entry.writer).entry

    async def _replace(self, placed: Placed) -> list[RunningPod]:
        """Start a changed program; the old one goes when that runs."""
        leaving = self._end(placed)
        changed = Placed(placed.entry, self._read(placed.entry), placed.started, restarts=placed.restarts + 1)
        changed.log = PodLog(self._runtime.wall) if placed.log is not None else None
        changed.shown = placed.shown
        self._placed[key_of(placed.entry)] = changed
        if changed.program.fetch is None:
            await self._start(changed)
        return leaving

    async def _start(self, placed: Placed) -> None:
        if placed.last is not None:
            placed.restarts += 1
        self._tell_start(placed)
        if placed.program.fetch is not None:
            placed.begun, placed.running_since = True, self._clock()
            placed.task = spawn(self._fetch(placed), f"pod {placed.entry.resource.name}")
        elif placed.program.crash:
            self._crash(placed)
        else:
            await self._serve(placed)

    async def _serve(self, placed: Placed) -> None:
        try:
            running = await self._runtime.start(placed.entry.resource.name, placed.program, placed.log)
        except OSError as error:
            placed.failure = error.strerror or str(error)
            placed.retry_at = self._now() + placed.pause()
            return
        placed.running, placed.running_since = running, self._clock()
        if placed.log is not None:
            listening = ", ".join(f":{port}" for port in placed.program.ports)
            placed.log.say(f"{self._clock():%Y/%m/%d %H:%M:%S} [INFO] server is listening on {listening}")
        placed.failure, placed.retry_at = "", None
        if READY_AFTER in annotations_of(placed.entry.resource):
            late = f"Readiness probe failed: {READY_AFTER} of {placed.program.ready_after:g}s is not over"
            self._tell(Told(placed.entry, "Unhealthy", late, KUBELET, "Warning"))
        placed.ready_at = self._now() + placed.program.ready_after

    def _stand_in(self, placed: Placed) -> None:
        """Let a Pod stand for the proxy where it listens now; nothing runs for it."""
        ports = self._proxy_ports
        if placed.running is not None and placed.running.address.ports == ports:
            return
        if not ports:
            placed.running, placed.running_since = None, None
            return
        address = PodAddress(LOOPBACK, ports, own=False)
        placed.running = RunningPod(placed.entry.resource.name, placed.program, address)
        if placed.running_since is None:
            placed.running_since, placed.ready_at = self._clock(), self._now()
            self._tell_start(placed)

    def _read_access_log(self, placed: Placed) -> None:
        assert self._gateway is not None
        if self._gateway.access_log in {"", STDOUT}:
            if placed.log is not None:
                placed.log.say(where_the_log_is(self._gateway))
        else:
            placed.file_log = FileLog(self._gateway.access_log, self._clock)

    # --- programs that end ----------------------------------------------------------------------------------

    def _crash(self, placed: Placed) -> None:
        text = placed.program.crash
        code = _FLAGS if text.startswith("flag") else _MISSING
        if placed.log is not None:
            placed.log.say(text)
        self._ended(placed, Ended(code, self._clock(), self._clock()))

    def _ended(self, placed: Placed, ended: Ended) -> None:
        """Take down how a container ended, and when it starts again by its pod's restartPolicy."""
        policy = placed.entry.resource.typed.spec.restart_policy or "Always"
        placed.running_since = None
        if policy == "Never" or (placed.program.fetch is not None and ended.code == 0):
            placed.ended = ended
            if placed.log is not None:
                placed.log.end()
            return
        placed.last = ended
        placed.retry_at = self._now() + placed.pause() if placed.program.fetch is None else None
        resource = placed.entry.resource
        what = f"Back-off restarting failed container {{name}} in pod {resource.name}_{resource.namespace}({placed.entry.uid})"
        self._tell_each(placed, "BackOff", what, warning=True)

    async def _fetch(self, placed: Placed) -> None:
        """Make the request of a pod, again as its restartPolicy says, and report each time how it ended."""
        while placed.ended is None:
            began = placed.running_since = self._clock()
            self._show(placed)
            result = await self._result(placed)
            if placed.log is not None:
                placed.log.say(result.output)
            self._ended(placed, Ended(result.code, began, self._clock()))
            self._show(placed)
            if placed.ended is None:
                await asyncio.sleep(placed.pause())
                placed.restarts += 1
                self._tell_start(placed)

    async def _result(self, placed: Placed) -> Result:
        fetch, namespace = placed.program.fetch, placed.entry.resource.namespace
        assert fetch is not None

        def place(host: str, port: int) -> tuple[str, int] | None:
            return place_of(self._store, namespace, host, port, self._proxy_ports)

        return await run_fetch(fetch, place)

    # --- what is told of them ---------------------------------------------------------------------------------

    def _show(self, placed: Placed) -> None:
        """Write a pod's status, if it is another than the one that stands there."""
        entry = self._store.get(key_of(placed.entry))
        if entry is None or entry.uid != placed.entry.uid:
            return
        facts = placed.known(self._now())
        if facts == placed.facts and entry.status is placed.shown and entry.resource is placed.entry.resource:
            return
        placed.facts, placed.entry = facts, entry
        status = pod_status(entry, facts, self._clock())
        self._store.set_status(key_of(entry), status)
        written = self._store.get(key_of(entry))
        placed.shown = written.status if written is not None else status

    def _tell_start(self, placed: Placed) -> None:
        for each in placed.entry.resource.typed.spec.containers:
            pulled = f'Container image "{each.image}" already present on machine'
            self._tell(Told(placed.entry, "Pulled", pulled, KUBELET))
            self._tell(Told(placed.entry, "Created", f"Created container: {each.name}", KUBELET))
            self._tell(Told(placed.entry, "Started", f"Started container {each.name}", KUBELET))

    def _tell_each(self, placed: Placed, reason: str, text: str, *, warning: bool = False) -> None:
        for each in placed.entry.resource.typed.spec.containers:
            said = text.format(name=each.name)
            self._tell(Told(placed.entry, reason, said, KUBELET, "Warning" if warning else "Normal"))
