"""Takes down what is served, beside the event loop: the last good configuration and the history.

Recording never delays serving: it happens in a thread of its own after the engine has the update, and where
the disk is slow, states in between are left out. Only what the API writes into a state folder that was asked
for is on disk before the write is acknowledged.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from edgesim.config.encoding import Known, StoredResource, digest_of
from edgesim.config.revisions import Revision, RevisionInfo, Snapshot
from edgesim.config.serving import Policy, Served
from edgesim.config.state_folder import Opened, in_words
from edgesim.config.state_rows import StateError
from edgesim.config.store import CONTROLLER, Entry
from edgesim.config.waiting import held_back
from edgesim.control.builtin import IMPLIED, built_in
from edgesim.control.changes import API_WRITER
from edgesim.model import Model, Problem, ResourceKey
from edgesim.model.codes import problem
from edgesim.telemetry.tasks import spawn

MOST_WAITING: Final = 32
"""Snapshots that wait for a slow disk; the oldest are left out."""
NOT_DECLARED: Final = frozenset({IMPLIED, CONTROLLER})
"""Writers whose objects follow from the others': they are made anew, never kept."""

T = TypeVar("T")
Changed = Mapping[ResourceKey, Entry | None]


@dataclass(frozen=True, slots=True)
class _Moment:
    """What is served at one time; what is in it never changes.

    `changed` are the entries that are others than in the moment before, None for those that are no more.
    """

    time: datetime
    served: Served
    newest: Model
    changed: Changed


class Recorder:
    """Keeps the state of one instance up to date."""

    def __init__(self, opened: Opened, clock: Callable[[], datetime]) -> None:
        """Take the open state, and the clock (UTC)."""
        self.folder = opened.folder
        self.durable = opened.state.durable
        self.notes = opened.notes
        self.declared: Callable[[ResourceKey], Mapping[str, Any] | None] = lambda _key: None
        """Returns what the files declare under a name."""
        self._opened = opened
        self._state = opened.state
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "state")
        self._moments: deque[_Moment] = deque()
        self._saving: asyncio.Task[None] | None = None
        self._failure: Problem | None = None
        self._changed: dict[ResourceKey, Entry | None] = {}
        """What changed since the last moment."""
        self._unkept: dict[ResourceKey, Entry | None] = {}
        """What changed since the objects written through the API were last kept."""
        self._keeping = asyncio.Lock()
        self._unsaved: dict[ResourceKey, Entry | None] = {}
        """What changed since the resources were last recorded; at first everything that is declared."""
        self._begun = False
        """Resources were recorded."""

    @property
    def number(self) -> int:
        """Return the number of the last revision that was recorded."""
        return self._state.number

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return what is to be said about the state: notes only."""
        return self.notes if self._failure is None else (*self.notes, self._failure)

    def note(self, changed: Changed) -> None:
        """Take notice of entries that were written, None for those that are no more."""
        self._changed |= changed
        if self.durable:
            self._unkept |= changed

    def record(self, served: Served, newest: Model) -> None:
        """Have what is served taken down soon, with all that was noted before."""
        if not served.good:
            return
        self._moments.append(_Moment(self._clock(), served, newest, self._changed))
        self._changed = {}
        if len(self._moments) > MOST_WAITING:
            left_out, following = self._moments.popleft(), self._moments.popleft()
            self._moments.appendleft(replace(following, changed={**left_out.changed, **following.changed}))
        if self._saving is None:
            self._saving = spawn(self._save_all(), "record what is served")

    async def keep(self) -> None:
        """Keep what was written through the API, where a folder was asked for: returns when it is on disk.

        Who comes while the disk is busy shares the next turn with all who wait. What could not be kept is tried again.
        """
        async with self._keeping:
            if not self._unkept:
                return
            taken, self._unkept = self._unkept, {}
            await self._try(lambda: self._keep(taken))
            if self._failure is not None:
                self._unkept = {**taken, **self._unkept}

    async def restored(self) -> tuple[Revision | None, tuple[StoredResource, ...]]:
        """Return what was good last, and the objects the API wrote where those come back."""
        return await self._run(lambda: (self._state.last(), self._state.written() if self.durable else ()))

    async def history(self) -> tuple[RevisionInfo, ...]:
        """Return the history with everything so far in it, the newest first. Raises StateError."""
        await self.flush()
        return await self._run(self._state.history)

    async def revision(self, number: int) -> Revision | None:
        """Return a revision, None where it is not kept. Raises StateError."""
        await self.flush()
        return await self._run(lambda: self._state.revision(number))

    async def current(self) -> Revision | None:
        """Return the current revision with everything so far in it, None before the first. Raises StateError."""
        await self.flush()
        return await self._run(self._state.last)

    async def flush(self) -> None:
        """Return when everything so far is taken down."""
        while self._saving is not None:
            await asyncio.wait([self._saving])

    async def close(self) -> None:
        """Take down what waits, and let the folder go."""
        await self.flush()
        await self._run(self._opened.close)
        self._thread.shutdown()

    # --- within -----------------------------------------------------------------------------------

    async def _save_all(self) -> None:
        try:
            while self._moments:
                moment = self._moments.popleft()
                await self._try(lambda moment=moment: self._save(moment))  # type: ignore[misc]
        finally:
            self._saving = None

    async def _try(self, work: Callable[[], None]) -> None:
        """Do something on disk; where that fails a note says so until it succeeds again."""
        try:
            await self._run(work)
        except (OSError, sqlite3.Error, StateError) as error:
            where = self.folder or "a temporary file"
            text = f"the state cannot be kept in {where} ({in_words(error)}): after a restart it will be missing"
            self._failure = problem("ES0723", text)
        else:
            self._failure = None

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _save(self, moment: _Moment) -> None:
        served = moment.served
        frozen = served.policy is Policy.FREEZE and served.frozen
        self._unsaved |= moment.changed
        declared = {key: entry for key, entry in self._unsaved.items() if _is_declared(entry)}
        snapshot = Snapshot(
            moment.time,
            served.model,
            served.whole,
            stored(declared.values()),
            current=not frozen,
            problems=served.blocking if served.frozen else (),
            waiting=tuple(each.resource for each in held_back(served, moment.newest)) if served.frozen else (),
            standing=frozenset(built_in()),
            gone=tuple(key for key in self._unsaved if key not in declared) if self._begun else None,
        )
        self._state.record(snapshot)
        if snapshot.current:
            self._begun, self._unsaved = True, {}

    def _keep(self, changed: Changed) -> None:
        written = {key: entry for key, entry in changed.items() if entry is not None and entry.writer == API_WRITER}
        objects = [replace(_stored(entry, self._over(entry)), known=_known(entry)) for entry in written.values()]
        self._state.write(objects, [key for key in changed if key not in written])

    def _over(self, entry: Entry) -> str:
        declared = self.declared(entry.resource.key)
        return "" if declared is None else digest_of(declared)


def stored(entries: Iterable[Entry | None]) -> tuple[StoredResource, ...]:
    """Return what is declared, as it is kept."""
    return tuple(_stored(entry) for entry in entries if entry is not None and _is_declared(entry))


def _is_declared(entry: Entry | None) -> bool:
    return entry is not None and entry.writer not in NOT_DECLARED


def _known(entry: Entry) -> Known:
    return Known(entry.uid, entry.created, entry.generation, entry.managed, entry.deleting)


def _stored(entry: Entry, over: str = "") -> StoredResource:
    resource = entry.resource
    return StoredResource(
        resource.kind.kind,
        resource.kind.api_version,
        resource.namespace,
        resource.name,
        resource.manifest,
        resource.source.file,
        resource.source.line,
        entry.writer,
        over,
    )
