"""Tells when something under the watched paths may have changed, and where, as far as the system says so.

It says where to look, not what became of it: whoever listens compares the files. Editors replace a file by renaming another
over it, a folder may be created later, a path may be a link: so of every path its folder (or the nearest
that exists) is watched, and folders below it with all they hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch

from edgesim.config.files import STDIN, is_manifest
from edgesim.telemetry.tasks import spawn

QUIET_MS: Final = 40
"""A burst of changes ends when nothing happens for so long: a file being written is left alone."""
LONGEST_MS: Final = 120
"""A burst is told of after so long even if it goes on."""
MANY: Final = 1000
"""Changed files from which on everything is looked at."""
POLL: Final = 0.25
"""Seconds between looks where the system cannot tell of changes (its watches are used up)."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What to watch: folders with all below them, and folders for their own entries only."""

    trees: frozenset[str]
    folders: frozenset[str]


def targets_of(paths: Iterable[str]) -> Targets:
    """Find what has to be watched for some paths, as the disk is now."""
    trees: set[str] = set()
    folders: set[str] = set()
    for name in _names(paths):
        path = Path(name)
        if path.is_dir():
            trees.add(name)
        folders.add(str(next(parent for parent in path.parents if parent.is_dir())))
    return Targets(frozenset(trees), frozenset(folders))


def _names(paths: Iterable[str]) -> set[str]:
    """Return the absolute names a path goes by: its own, and of a link what it points to."""
    wanted = [Path(path) for path in paths if path != STDIN]
    return {str(name) for path in wanted for name in (path.absolute(), path.resolve())}


async def watch(paths: Iterable[str]) -> AsyncGenerator[frozenset[str] | None]:
    """Yield once the watch is set up, and after every burst of changes that may matter.

    What is yielded are the absolute names of files that may have changed and of whatever is gone (it may have been
    a folder), or None where everything has to be looked at: at the beginning, and when folders came.
    """
    wanted = [*paths]
    while True:
        targets = targets_of(wanted)
        async with aclosing(_watch_targets(targets, _names(wanted))) as signals:
            async for changed in signals:
                yield changed
                if targets_of(wanted) != targets:
                    break  # a folder came or went: other watches are needed


@dataclass(slots=True)
class _Burst:
    """What changed since it was last asked; with `all` it may be anything."""

    signal: asyncio.Event = field(default_factory=asyncio.Event)
    files: set[str] = field(default_factory=set)
    all: bool = False
    is_blind: bool = False
    """A watched folder is gone. Where another has its name already, nobody watches that one."""

    def add(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.all = self.all or Path(path).is_dir()
            self.files.add(path)
        self.signal.set()

    def lose(self) -> None:
        self.all = True
        self.signal.set()

    def take(self) -> frozenset[str] | None:
        # Of so many changes the system may have lost some.
        found = None if self.all or len(self.files) > MANY else frozenset(self.files)
        self.signal.clear()
        self.files, self.all = set(), False
        return found


async def _watch_targets(targets: Targets, names: set[str]) -> AsyncGenerator[frozenset[str] | None]:
    changed = _Burst()
    stop = asyncio.Event()

    def below(_change: Change, path: str) -> bool:
        return _may_be_manifest(path)

    def named(_change: Change, path: str) -> bool:
        return any(name == path or name.startswith(path + "/") for name in names)

    tasks = [spawn(_tell(targets.folders, named, changed, stop, recursive=False), "watch folders")]
    if targets.trees:
        tasks.append(spawn(_tell(targets.trees, below, changed, stop, recursive=True), "watch trees"))
    try:
        await asyncio.sleep(0)  # the tasks set their watches up before they first wait
        yield None
        while not any(task.done() for task in tasks):
            await changed.signal.wait()
            yield changed.take()
            if changed.is_blind:
                return
        await asyncio.sleep(POLL)  # the system refused a watch: look again in a while
        yield None
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _tell(
    paths: Iterable[str],
    matters: Callable[[Change, str], bool],
    changed: _Burst,
    stop: asyncio.Event,
    *,
    recursive: bool,
) -> None:
    """Tell of each burst, and when watching ends because the system refuses it."""
    try:
        async for changes in awatch(
            *paths,
            watch_filter=matters,
            debounce=LONGEST_MS,
            step=QUIET_MS,
            stop_event=stop,
            recursive=recursive,
            ignore_permission_denied=True,
        ):
            changed.is_blind = changed.is_blind or any((Change.deleted, path) in changes for path in paths)
            changed.add(path for _, path in changes)
    except (OSError, RuntimeError):
        changed.lose()


def _may_be_manifest(path: str) -> bool:
    """Tell whether a change of a path inside a folder may matter: manifests, and folders that came or went."""
    name = Path(path).name
    return not name.startswith(".") and (is_manifest(name) or Path(path).is_dir() or not Path(path).exists())
