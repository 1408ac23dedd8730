"""What happens to the objects of a kind, told once for all that watch it.

A kind has a log only while somebody watches it. The log is bounded and shared: a watcher keeps no more than how far it
has come, so that one that does not read costs nothing, and ends when the log has left it behind.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from edgesim.config.store import Happening, Store
from edgesim.kube.answers import shown

Manifest = dict[str, Any]

MOST_TOLD: Final = 2_048
"""Happenings of a kind that are kept for those that watch it."""


@dataclass(slots=True)
class Told:
    """A happening, with what it looks like: made when the first watcher asks, kept for the others."""

    happening: Happening
    encoded: dict[Any, bytes] = field(default_factory=dict)
    _after: Manifest | None = None
    _before: Manifest | None = None

    @property
    def version(self) -> int:
        """Return the store's version of it."""
        return self.happening.version

    def after(self) -> Manifest:
        """Return the object as it is since, or as it was last."""
        if self._after is None:
            self._after = shown(self.happening.entry)
        return self._after

    def before(self) -> Manifest | None:
        """Return the object as it was before, with the version of the happening; None for a new one."""
        if self._before is None and self.happening.before is not None:
            before = shown(self.happening.before)
            self._before = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self.version)}}
        return self._before


@dataclass(slots=True)
class KindLog:
    """The last happenings of one kind, and who waits for the next."""

    told: deque[Told] = field(default_factory=deque)
    forgotten: int = 0
    """The version up to which something was dropped."""
    watchers: int = 0
    closed: bool = False
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def add(self, happening: Happening) -> None:
        """Tell of a happening."""
        self.told.append(Told(happening))
        if len(self.told) > MOST_TOLD:
            self.forgotten = self.told.popleft().version
        self.wake()

    def after(self, version: int) -> list[Told] | None:
        """Return what happened after a version, in order; None where something of it was dropped."""
        if version < self.forgotten:
            return None
        found = []
        for each in reversed(self.told):
            if each.version <= version:
                break
            found.append(each)
        found.reverse()
        return found

    def wake(self) -> None:
        """Let all who wait look again."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Return when something happened, or after so many seconds."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            self._waiting = [each for each in self._waiting if each is not future]


class Hub:
    """The logs of the kinds that are watched."""

    def __init__(self, store: Store) -> None:
        """Listen to a store until closed."""
        self._logs: dict[str, KindLog] = {}
        self._closed = False
        self._end = store.subscribe(self._tell)

    def _tell(self, happening: Happening) -> None:
        log = self._logs.get(happening.entry.resource.key.kind)
        if log is not None:
            log.add(happening)

    @contextmanager
    def watching(self, kind: str) -> Iterator[KindLog]:
        """Keep a log of a kind as long as this lasts."""
        log = self._logs.setdefault(kind, KindLog(closed=self._closed))
        log.watchers += 1
        try:
            yield log
        finally:
            log.watchers -= 1
            if not log.watchers:
                self._logs.pop(kind, None)

    def watched(self) -> int:
        """Return how many watches there are."""
        return sum(log.watchers for log in self._logs.values())

    def close(self) -> None:
        """End every watch."""
        self._end()
        self._closed = True
        for log in self._logs.values():
            log.closed = True
            log.wake()
