"""A running instance: one write path, from a change to what is served.

Writes queue up. One task takes all that wait, applies them to the store, lets the controllers start
pods, translates, asks the policy, pushes to the engine, and only then lets pods go that nothing sends
to any more. So writes are serialised, and those that wait while one is being served share the next
translation.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from edgesim.config.files import read_file
from edgesim.config.revisions import Revision
from edgesim.config.serving import NOTHING, Candidate, Policy, Served, hold_back, serve
from edgesim.config.store import Change, Store
from edgesim.control.changes import Put, Write, apply_writes
from edgesim.control.protocols import Controllers, Engine
from edgesim.control.recorder import Recorder
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
from edgesim.model.codes import problem
from edgesim.model.update import CANNOT_SERVE
from edgesim.telemetry.tasks import spawn

LARGE: Final = 500
"""Resources from which on translating leaves the event loop to the pods that live on it."""

MAX_REFUSALS: Final = 8
"""Virtual hosts the proxy refuses that are isolated one after the other, before everything is held back."""


Judging = Callable[[], AbstractContextManager[Judge]]


def _here() -> AbstractContextManager[Judge]:
    return nullcontext(fault_of)


@dataclass(slots=True)
class _Batch:
    """A write that waits. `problems` replaces those of the files where it is not None."""

    writes: Sequence[Write]
    problems: tuple[Problem, ...] | None
    done: asyncio.Future[list[Change]]


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
    ) -> None:
        """Take the parts; `keep_going` serves what can be served while nothing good was ever there.

        `policy` says how much a problem holds up, `recorder` keeps what is served, and
        `judging` lends whoever judges certificates and keys while a configuration is read.
        """
        self.store = store
        self.recorder = recorder
        self.restored: Revision | None = None
        self.followed: Callable[[], Iterable[str]] = tuple
        """Returns the files whose changes are written as they come."""
        self.served: Served = NOTHING
        self.translation: Translation = translate([])
        self._memo = Memo()
        self._judging = judging
        self.assignments: Assignments = {}
        self._engine = engine
        self._controllers = controllers
        self._keep_going = keep_going
        self._policy = policy
        self._waiting: list[_Batch] = []
        self._worker: asyncio.Task[None] | None = None
        self._file_problems: tuple[Problem, ...] = ()
        self._read_notes: dict[ResourceKey, tuple[Resource, tuple[Problem, ...]]] = {}
        self._leaving: list[Any] = []
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
        """Write, and return what changed when it is served.

        There is one change for each put, in order, and one for each delete that found something. All of
        a write is applied or, on a conflict, nothing. `file_problems` are those of all watched files.

        Raises:
            ConflictError: an object is not of the version the writer expected.
            RuntimeError: the instance is closed.
        """
        if self._closed:
            raise RuntimeError("the instance is closed")
        batch = _Batch([*writes], file_problems, asyncio.get_running_loop().create_future())
        self._waiting.append(batch)
        if self._worker is None:
            self._worker = spawn(self._work(), "write to the instance")
        # A writer that goes away does not take its write back.
        return await asyncio.shield(batch.done)

    async def close(self, grace: float = 30.0) -> None:
        """Take no more writes, finish those that wait, and drain the pods within `grace` seconds."""
        self._closed = True
        if self._worker is not None:
            await self._worker
        self._controllers.retire(self._leaving)
        self._leaving = []
        await self._controllers.close(grace)
        if self.recorder is not None:
            await self.recorder.close()

    # --- the one write path -----------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            while self._waiting:
                batches, self._waiting = self._waiting, []
                await self._serve_batches(batches)
        finally:
            self._worker = None

    async def _serve_batches(self, batches: list[_Batch]) -> None:
        applied = [(batch, changes) for batch in batches if (changes := self._apply(batch)) is not None]
        try:
            await self._settle()
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            for batch, _ in applied:
                _fail(batch, error)
            return
        await self._keep()
        for batch, changes in applied:
            if not batch.done.done():
                batch.done.set_result([self._current(change) for change in changes])
        for listener in [*self._listeners]:
            listener(self)

    async def _keep(self) -> None:
        """Have what is served taken down; what must not be lost is on disk when this returns."""
        if self.recorder is None:
            return
        self.recorder.record(self.served, self.translation.model, self.store.take_touched())
        await self.recorder.keep()
        told = [each for each in self.recorder.problems if each not in self.served.problems]
        if told:
            self.served = dataclasses.replace(self.served, problems=(*self.served.problems, *told))

    def _apply(self, batch: _Batch) -> list[Change] | None:
        try:
            changes = apply_writes(self.store, batch.writes)
        except Exception as error:  # noqa: BLE001 - a conflict is the writer's to handle
            _fail(batch, error)
            return None
        if batch.problems is not None:
            self._file_problems = batch.problems
        for write in batch.writes:
            if isinstance(write, Put):
                self._note(write)
        return changes

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

    async def _settle(self) -> None:
        """Bring pods, model and engine to what the store says."""
        self._leaving += await self._controllers.reconcile()
        resources = self.store.resources()
        self.translation = await self._translate(resources)
        candidate = Candidate(self.translation.model, self.store.version, self._all_problems(), self._unread)
        sources = [entry.resource for kind in ASSIGNED_FROM for entry in self.store.entries(kind)]
        await self._serve(candidate, sources)
        leaving, self._leaving = self._leaving, []
        self._controllers.retire(leaving)

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
        if len(resources) < LARGE:
            return self._read(resources)
        return await asyncio.to_thread(self._read, resources)

    def _read(self, resources: list[Resource]) -> Translation:
        with self._judging() as judge:
            return translate(resources, read_file, self._memo, judge)

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


def refusal(refused: UpdateRefusedError, model: Model, translation: Translation) -> Problem:
    """Return what the engine said as a problem of the resource whose virtual host, listener or cluster it names."""
    origins = {each.name: each.origin for each in model.clusters}
    origins |= {each.name: each.origin for each in model.listeners}
    origins |= {each.name: each.origin for each in model.virtual_hosts}
    step = next(iter(origins.get(refused.culprit, ())), None)
    if step is None:
        return problem(CANNOT_SERVE, refused.reason)
    return problem(CANNOT_SERVE, refused.reason, resource=step.resource, position=translation.where(step))


def fallen_back(revision: Revision, policy: Policy) -> Problem:
    """Return the note that what is held back is served as it was before the restart."""
    what = "what has an error is " if policy is Policy.ISOLATE else ""
    which = f"revision {revision.number} of {revision.time}"
    return problem("ES0724", f"{what}served as before the restart ({which}) until the problems are mended")


def _fail(batch: _Batch, error: Exception) -> None:
    if not batch.done.done():
        batch.done.set_exception(error)
