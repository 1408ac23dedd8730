"""A running instance: one write path, from a change to what is served.

A write is in the store at once. One task brings what is served after it: it lets the controllers start
pods, translates, asks the policy, pushes to the engine, and only then lets pods go that nothing sends
to any more. What is written meanwhile, or shortly after, shares the next translation.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Final

from edgesim.config.revisions import Revision
from edgesim.config.serving import NOTHING, Candidate, Policy, Served, hold_back, serve
from edgesim.config.store import Change, Store
from edgesim.control.bursts import Burst
from edgesim.control.changes import ClosedError, Put, Write, apply_writes
from edgesim.control.protocols import Controllers, Engine
from edgesim.control.publishing import Publisher
from edgesim.control.reading import Judging, bring_much, is_much, read
from edgesim.control.recorder import Recorder
from edgesim.control.refusals import fallen_back, refusal
from edgesim.control.rehearsal import Rehearsal, new_problems, written
from edgesim.control.waiters import Waiter, fail
from edgesim.dialects import (
    ASSIGNED_FROM,
    Document,
    Judge,
    Memo,
    Resource,
    Translation,
    assign,
    decode,
    fault_of,
    translate,
)
from edgesim.model import Assignments, Model, Problem, ResourceKey, Severity, Update, UpdateRefusedError
from edgesim.telemetry.tasks import spawn

MAX_REFUSALS: Final = 8
"""Virtual hosts the proxy refuses that are isolated one after the other, before everything is held back."""

ACTING: Final = frozenset({
    "Deployment", "EndpointSlice", "Endpoints", "Gateway", "Namespace", "Pod", "ReplicaSet", "RouteOption", "RouteTable",
    "Secret", "Service", "Settings", "Upstream", "UpstreamGroup", "VirtualHostOption", "VirtualService",
})  # fmt: skip
"""The kinds from which something follows; nobody waits for another to be served."""


def _here() -> AbstractContextManager[Judge]:
    return nullcontext(fault_of)


class Instance:
    """The store, its controllers and the engine, kept in step."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        controllers: Controllers[Any],
        *,
        keep_going: bool = False,
        policy: Policy = Policy.FREEZE,
        recorder: Recorder | None = None,
        judging: Judging = _here,
        publish_statuses: bool = False,
    ) -> None:
        """Take the parts; `keep_going` serves what can be served while nothing good was ever there.

        `policy` says how much a problem holds up, `recorder` keeps what is served, and
        `judging` lends whoever judges certificates and keys while a configuration is read. With `publish_statuses`
        Gloo's statuses, its Proxy and events of problems are in the store.
        """
        self.store = store
        self.recorder = recorder
        self.restored: Revision | None = None
        self.followed: Callable[[], Iterable[str]] = tuple
        """Returns the files whose changes are written as they come."""
        self.served: Served = NOTHING
        self.translation: Translation = translate([])
        self._memo = Memo()
        self._rehearsed = Memo()
        self._reading = asyncio.Lock()
        """There is one judge: one translation at a time asks him."""
        self._judging = judging
        self.assignments: Assignments = {}
        self._engine = engine
        self._controllers = controllers
        self._keep_going = keep_going
        self._policy = policy
        self._waiting: list[Waiter] = []
        self._worker: asyncio.Task[None] | None = None
        self._due = False
        """Something is written that is not served yet, or the controllers have more to do."""
        self._urgent = asyncio.Event()
        """Somebody waits: the next translation lingers no longer."""
        self._burst = Burst()
        self._brought_much = False
        """What was written since the last translation is much to read."""
        self._later: asyncio.TimerHandle | None = None
        """The controllers' next step, where it is not due at once."""
        self._file_problems: tuple[Problem, ...] = ()
        self._read_notes: dict[ResourceKey, tuple[Resource, tuple[Problem, ...]]] = {}
        self._leaving: list[Any] = []
        self._publisher = Publisher(store) if publish_statuses else None
        self._pushed: Update | None = None
        self._listeners: list[Callable[[Instance], None]] = []
        self._closed = False

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return every problem there is now: of files, documents, the translation and pods."""
        return self.served.problems

    @property
    def _unread(self) -> bool:
        """Tell whether there are documents that cannot be read."""
        return any(problem.severity is Severity.ERROR for problem in self._file_problems)

    def restore(self, revision: Revision) -> None:
        """Fall back on what was good before a restart, until what is declared now is sound. Call it first."""
        self.restored = revision
        self.served = Served(revision.model, good=True, policy=self._policy, whole=revision.whole)

    def listen(self, listener: Callable[[Instance], None]) -> Callable[[], None]:
        """Call `listener` after each change is served; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def write(self, writes: Iterable[Write], *, file_problems: tuple[Problem, ...] | None = None) -> list[Change]:
        """Write, and return what changed when it is served, with all that the controllers make of it at once.

        There is one change for each put, in order, and one for each delete that found something. All of
        a write is applied or, on a conflict, nothing. `file_problems` are those of all watched files.

        Raises:
            ConflictError: an object is not of the version the writer expected.
            ClosedError: the instance takes no more writes.
        """
        changes = self._apply(writes)
        if file_problems is not None:
            self._file_problems = file_problems
        return await self._until_served(changes, all_steps=True)

    async def accept(self, writes: Iterable[Write]) -> list[Change]:
        """Write, and return what changed when it is kept: what is written within LINGER shares one translation.

        A write of a kind that acts is also served when this returns, so that who asks next meets it; but for those of
        a burst, from where its translations took PROMPT on. Raises as `write` does.
        """
        changes = self._apply(writes)
        acting = any(change.key.kind in ACTING and change.verb != "unchanged" for change in changes)
        clock = asyncio.get_running_loop().time
        patient = self._burst.has_patience(clock())
        try:
            if acting and patient:
                return await self._until_served(changes, all_steps=False)
            self._wake()
            await self._kept()
            return [self._current(change) for change in changes]
        finally:
            self._burst.answered(clock())

    async def rehearse(self, writes: Iterable[Write]) -> Rehearsal:
        """Return what would become of writes; nothing of them is kept, and what is served stays.

        It is read beside the real translations with a memo of its own, so that those stay as cheap as they are.
        Raises ConflictError.
        """
        wanted = [*writes]
        async with self._reading:
            changes, resources = written(self.store, wanted)
            translation = await self._read(resources, self._rehearsed, much=bring_much(wanted))
        return Rehearsal(changes, translation, new_problems(self.translation.problems, translation.problems))

    async def close(self, grace: float = 30.0) -> None:
        """Take no more writes, finish those that wait, and drain the pods within `grace` seconds."""
        self._closed = True
        self._urgent.set()
        if self._later is not None:
            self._later.cancel()
        if self._worker is not None:
            await self._worker
        self._controllers.retire(self._leaving)
        self._leaving = []
        await self._controllers.close(grace)
        if self.recorder is not None:
            await self.recorder.close()

    # --- the one write path -----------------------------------------------------------------------

    def _apply(self, writes: Iterable[Write]) -> list[Change]:
        """Write into the store."""
        if self._closed:
            raise ClosedError("the instance is closed")
        wanted = [*writes]
        changes = apply_writes(self.store, wanted)
        self._brought_much = self._brought_much or bring_much(wanted)
        for write in wanted:
            if isinstance(write, Put):
                self._note(write)
        if self.recorder is not None:
            self.recorder.note(self.store.take_touched())
        return changes

    async def _until_served(self, changes: list[Change], *, all_steps: bool) -> list[Change]:
        waiter = Waiter(changes, all_steps, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._urgent.set()
        self._wake()
        # A writer that goes away does not take its write back.
        return await asyncio.shield(waiter.done)

    def _wake(self) -> None:
        """Have what is written served soon."""
        self._due = True
        if self._worker is None and not self._closed:
            self._worker = spawn(self._work(), "write to the instance")

    async def _work(self) -> None:
        try:
            while self._due:
                await self._linger()
                await self._step()
                await asyncio.sleep(0)  # steps without end must leave others their turn
        finally:
            self._worker = None

    async def _linger(self) -> None:
        """Wait for more writes, unless somebody waits for those there are."""
        left = self._burst.rests_from - asyncio.get_running_loop().time()
        if left > 0 and not self._urgent.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), left)

    async def _step(self) -> None:
        """Serve what is in the store now, and tell who waited for it."""
        waiting, self._waiting = self._waiting, []
        begun = asyncio.get_running_loop().time()
        self._due = False
        self._urgent.clear()
        try:
            again_in = await self._settle()
            if self._publisher is not None:
                self._publisher.publish(self)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            fail(waiting, error)
            return
        finally:
            self._burst.translated(begun, asyncio.get_running_loop().time())
        await self._record()
        self._schedule(again_in)
        self._tell(waiting, more=again_in == 0)

    def _schedule(self, again_in: float | None) -> None:
        """Have the controllers make their next step when it is due."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._closed or again_in is None:
            return
        if again_in > 0:
            self._later = asyncio.get_running_loop().call_later(again_in, self._wake)
            return
        self._due = True
        self._urgent.set()

    def _tell(self, waiting: Iterable[Waiter], *, more: bool) -> None:
        """Tell those whose writes are served, and the listeners; with `more` the next step follows at once."""
        for waiter in waiting:
            if more and waiter.all_steps and not self._closed:
                self._waiting.append(waiter)
            elif not waiter.done.done():
                waiter.done.set_result([self._current(change) for change in waiter.changes])
        for listener in [*self._listeners]:
            listener(self)

    async def _kept(self) -> None:
        """Return when what must not be lost is on disk."""
        if self.recorder is None:
            return
        await self.recorder.keep()
        told = [each for each in self.recorder.problems if each not in self.served.problems]
        if told:
            self.served = dataclasses.replace(self.served, problems=(*self.served.problems, *told))

    async def _record(self) -> None:
        """Have what is served taken down."""
        if self.recorder is not None:
            self.recorder.note(self.store.take_touched())
            self.recorder.record(self.served, self.translation.model)
            await self._kept()

    def _note(self, put: Put) -> None:
        notes = put.notes
        if notes is None:
            notes = decode(Document(put.resource.manifest, put.resource.source)).problems
        if notes:
            self._read_notes[put.resource.key] = (put.resource, notes)
        else:
            self._read_notes.pop(put.resource.key, None)

    def _current(self, change: Change) -> Change:
        """Return a change with the entry as it is now: controllers have set its status since."""
        entry = None if change.verb == "deleted" else self.store.get(change.key)
        return change if entry is None else dataclasses.replace(change, entry=entry)

    async def _settle(self) -> float | None:
        """Bring pods, model and engine to what the store says; return when the controllers want to go on.

        Others write meanwhile: what is read of the store is read at once, right after the controllers were at work,
        so that Endpoints and the pods that leave go together.
        """
        step = await self._controllers.reconcile()
        self._leaving += step.leaving
        resources, version = self.store.resources(), self.store.version
        sources = [entry.resource for kind in ASSIGNED_FROM for entry in self.store.entries(kind)]
        leaving, self._leaving = self._leaving, []
        try:
            self.translation = await self._translate(resources)
            candidate = Candidate(self.translation.model, version, self._all_problems(), self._unread)
            await self._serve(candidate, sources)
        except BaseException:
            self._leaving += leaving
            raise
        self._controllers.retire(leaving)
        return step.again_in

    async def _serve(self, candidate: Candidate, sources: list[Resource]) -> None:
        """Serve what the policy says of the candidate; what the engine refuses is held back with its problem.

        Raises UpdateRefusedError when the engine does not even take what it served before: it is broken.
        """
        previous = self.served
        for _ in range(MAX_REFUSALS if self._policy is Policy.ISOLATE else 1):
            chosen = serve(previous, candidate, keep_going=self._keep_going, policy=self._policy)
            try:
                await self._choose(chosen, sources)
            except UpdateRefusedError as refused:
                found = refusal(refused, chosen.model, self.translation)
                candidate = dataclasses.replace(candidate, problems=(*candidate.problems, found))
                if found.resource is None:
                    break  # nobody to isolate
            else:
                return
        await self._choose(hold_back(previous, candidate), sources)

    async def _translate(self, resources: list[Resource]) -> Translation:
        async with self._reading:
            much, self._brought_much = self._brought_much, False
            return await self._read(resources, self._memo, much=much)

    async def _read(self, resources: list[Resource], memo: Memo, *, much: bool) -> Translation:
        apart = much or self._burst.is_slow or is_much(resources, self.translation.model)
        return await read(resources, memo, self._judging, apart=apart)

    async def _choose(self, chosen: Served, sources: list[Resource]) -> None:
        if chosen.model is self.translation.model and not self._unread:
            self.restored = None
        elif self.restored is not None:
            chosen = dataclasses.replace(chosen, problems=(*chosen.problems, fallen_back(self.restored, chosen.policy)))
        self.served = chosen
        self.assignments = assign(chosen.model.clusters, sources, self._memo)
        await self._push(chosen.model, self.assignments)

    async def _push(self, model: Model, assignments: Assignments) -> None:
        old = self._pushed
        if old is not None and old.model is model and old.assignments == assignments:
            return
        update = Update(1 if old is None else old.version + 1, model, assignments)
        await self._engine.push(update)
        self._pushed = update

    def _all_problems(self) -> tuple[Problem, ...]:
        self._read_notes = {key: kept for key, kept in self._read_notes.items() if self.store.get(key) is not None}
        read = [problem for _, notes in self._read_notes.values() for problem in notes]
        found = (*self._file_problems, *read, *self.translation.problems, *self._controllers.problems)
        return tuple(dict.fromkeys(found))
