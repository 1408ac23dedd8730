"""The files an instance was started with: loaded once, followed from then on.

A file that is being written may be empty, or gone, or half there for a moment. What would delete
something, or does not read, is therefore looked at again after a short while, and counts only when the
files have not changed meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from edgesim.config.declared import (
    NOTHING_DECLARED,
    Declared,
    Difference,
    FileRecord,
    declare_all,
    declare_changed,
    difference,
    record_file,
)
from edgesim.config.encoding import Known, StoredResource, digest_of
from edgesim.config.files import STDIN, decode_all, files_under, is_manifest, read_paths
from edgesim.config.store import Change, Identity
from edgesim.config.watch import watch
from edgesim.control.changes import Delete, Put, Write
from edgesim.control.instance import Instance
from edgesim.control.undo import revived
from edgesim.model import ResourceKey
from edgesim.telemetry.tasks import spawn

SETTLE: Final = 0.06
"""Seconds after which a doubtful state of the files is looked at again."""
MAX_LOOKS: Final = 20
"""Looks at files that never come to rest before they are taken as they are."""

_log = logging.getLogger("edgesim")

Signature = tuple[int, int, int] | None
"""A file's modification time, size and inode; None where there is no file."""


def _standard_input() -> bytes:
    return sys.stdin.buffer.read()


@dataclass(frozen=True, slots=True)
class _Look:
    """The files as they were when they were looked at: all, or `some` with the others as before."""

    some: list[str] | None
    seen: dict[str, Signature]
    records: dict[str, FileRecord]
    declared: Declared
    changes: Difference
    doubtful: bool
    """It may be a moment between two states: something is gone, or unreadable, or empty."""
    by_name: dict[str, str]
    """The files by the absolute names that the system may report them by."""


class Files:
    """Keeps an instance's store as its files declare."""

    def __init__(self, instance: Instance, paths: Sequence[str], stdin: Callable[[], bytes] = _standard_input) -> None:
        """Take the instance to write to, files and folders, and how to read `-`."""
        self._instance = instance
        self._paths = paths
        self._stdin = stdin
        self._signatures: dict[str, Signature] = {}
        self._by_name: dict[str, str] = {}
        self._records: dict[str, FileRecord] = {}
        self._declared: Declared = NOTHING_DECLARED
        self._loaded = False
        self._before: Sequence[StoredResource] = ()
        self._lock = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        instance.followed = lambda: [file for file in self._records if file != STDIN]

    async def load(self, kept: Sequence[StoredResource] = (), before: Sequence[StoredResource] = ()) -> list[Change]:
        """Read all files and write what they declare; returns when it is served (or held back).

        `kept` are objects that were written through the API before a restart. They come back in the same
        write, but for those that a file declares otherwise since. `before` is what was declared before the
        restart: a file that cannot be read declares that still, as it would have without the restart.
        """
        async with self._lock:
            self._before = before
            look = await asyncio.to_thread(self._look, None)
            assert look is not None
            self._loaded, self._before = True, ()
            return await self._write(look, kept)

    def manifest(self, key: ResourceKey) -> Mapping[str, Any] | None:
        """Return what the files declare under a name, or None."""
        found = self._declared.resources.get(key)
        return None if found is None else found.manifest

    async def refresh(self, changed: frozenset[str] | None = None) -> list[Change]:
        """Read the files that changed since, and write what that changes; returns when it is served.

        Only files `changed` (absolute names) are looked at, if they say where they are; None is anywhere.
        """
        async with self._lock:
            look = await asyncio.to_thread(self._look, changed)
            for _ in range(MAX_LOOKS):
                if look is None:
                    return []
                if look.doubtful:
                    await asyncio.sleep(SETTLE)
                if await asyncio.to_thread(self._unchanged, look):
                    break
                look = await asyncio.to_thread(self._look, changed)  # somebody wrote while it was read
            return [] if look is None else await self._write(look)

    async def follow(self) -> None:
        """Refresh at every change from now on; returns when the watch is set up."""
        ready = asyncio.Event()
        self._following = spawn(self._follow(ready), "follow the files")
        await ready.wait()

    async def close(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])

    async def _follow(self, ready: asyncio.Event) -> None:
        async with aclosing(watch(self._paths)) as signals:
            async for changed in signals:
                try:
                    await self.refresh(changed)
                except Exception as error:  # noqa: BLE001 - one reload that fails must not end them all
                    _log.error("reloading failed: %s: %s", type(error).__name__, error)
                ready.set()

    def _look(self, changed: frozenset[str] | None) -> _Look | None:
        """Read what is new or changed on disk; None where nothing is."""
        some = self._known(changed)
        seen = sign(self._paths) if some is None else self._signatures | {file: _sign(file) for file in some}
        if seen == self._signatures and self._loaded:
            return None
        records = self._records if some is None else {file: self._records[file] for file in some}
        fresh = {file: self._read(file, seen[file]) for file in (seen if some is None else some)}
        read = {file: record for file, record in fresh.items() if records.get(file) is not record}
        declared = None
        if seen.keys() == self._signatures.keys():
            declared = declare_changed(self._declared, [(self._records[file], new) for file, new in read.items()])
        # In the order of the paths: of what is declared twice the first counts.
        every = {file: fresh[file] if file in fresh else self._records[file] for file in seen}
        keys = None
        if declared is None:
            declared = declare_all(every.values())
        else:
            keys = [key for file, new in read.items() for key in (*self._records[file].resources, *new.resources)]
        changes = difference(self._declared, declared, keys)
        doubtful = bool(changes.deletes) or any(not one.sound or not one.resources for one in read.values())
        by_name = self._by_name if seen.keys() == self._signatures.keys() else _names(seen)
        return _Look(some, seen, every, declared, changes, doubtful, by_name)

    def _known(self, changed: frozenset[str] | None) -> list[str] | None:
        """Return by which names the changed files are read; None where it takes a look at everything."""
        if changed is None or not self._loaded:
            return None
        found = [self._by_name.get(name) for name in changed if name in self._by_name or self._may_matter(name)]
        if any(file is None or _sign(file) is None for file in found):
            return None
        return [file for file in self._records if file in found] if len(found) > 1 else [file for file in found if file]

    def _may_matter(self, name: str) -> bool:
        """Tell whether a name that no file goes by may be a new file, or was a folder: editors leave others that are gone."""
        return is_manifest(os.path.basename(name)) or any(each.startswith(f"{name}/") for each in self._by_name)  # noqa: PTH119

    def _read(self, file: str, signature: Signature) -> FileRecord:
        """Read a file that is new or changed; another one keeps its record."""
        old = self._records.get(file)
        if old is not None and (file == STDIN or self._signatures.get(file, ()) == signature):
            return old
        if signature is None and file != STDIN and self._loaded:
            return FileRecord({})  # a path that is gone declares nothing any more
        read = read_paths([file], self._stdin)
        decoded = decode_all(read.documents)
        record = record_file(old, read.problems, decoded)
        if record.sound or self._loaded:
            return record
        return record_file(_declared_before(file, self._before), read.problems, decoded)

    def _unchanged(self, look: _Look) -> bool:
        """Tell whether the files are still as they were when they were looked at."""
        if look.some is None:
            return sign(self._paths) == look.seen
        return all(_sign(file) == look.seen[file] for file in look.some)

    async def _write(self, look: _Look, kept: Sequence[StoredResource] = ()) -> list[Change]:
        writes = [*writes_of(look.changes, look.declared), *_returning(kept, look.declared)]
        self._by_name = look.by_name
        self._records, self._declared, self._signatures = look.records, look.declared, look.seen
        return await self._instance.write(writes, file_problems=look.declared.problems)


def _names(files: Iterable[str]) -> dict[str, str]:
    """Return files by their absolute names: as they are written, and with the links in their folders followed."""
    folders: dict[str, set[str]] = {}
    found: dict[str, str] = {}
    for file in files:
        if file == STDIN:
            continue
        parent, name = os.path.split(file)
        if parent not in folders:
            folders[parent] = {str(Path(parent).absolute()), str(Path(parent).resolve())}
        for folder in folders[parent]:
            found[f"{folder.rstrip('/')}/{name}"] = file
    return found


def writes_of(found: Difference, declared: Declared) -> list[Write]:
    """Turn a difference into writes in the name of the files."""
    puts = [Put(one, one.source.file, notes=declared.notes.get(one.key, ())) for one in found.puts]
    return [*puts, *(Delete(key, writer) for key, writer in found.deletes)]


def _declared_before(file: str, before: Sequence[StoredResource]) -> FileRecord:
    """Return what a file declared before a restart, whatever it was called then."""
    place, writers = os.path.realpath(file), {each.writer for each in before}
    names = {file} if file in writers else {each for each in writers if os.path.realpath(each) == place}
    found = [revived(each) for each in before if each.writer in names]
    resources = {each.resource.key: each.resource for each in found if each.resource is not None}
    return FileRecord(resources)


def _returning(kept: Iterable[StoredResource], declared: Declared) -> Iterable[Write]:
    """Return the writes that bring back what the API wrote, unless a file has been changed since."""
    for stored in kept:
        of_file = declared.resources.get(stored.key)
        if of_file is not None and digest_of(of_file.manifest) != stored.over:
            continue
        decoded = revived(stored)
        if decoded.resource is not None:
            yield _as_it_was(Put(decoded.resource, stored.writer, notes=decoded.problems), stored.known)


def _as_it_was(put: Put, known: Known | None) -> Put:
    """Return a write with what the store knew of its object before the restart."""
    if known is None:
        return put
    identity = Identity(known.uid, known.created, known.generation, known.deleting)
    return replace(put, managed=known.managed, identity=identity)


def sign(paths: Iterable[str]) -> dict[str, Signature]:
    """Return the signature of every file the paths name, in their order; a path that is not there has none."""
    signatures: dict[str, Signature] = {}
    for path in paths:
        for file in [path] if path == STDIN or not Path(path).is_dir() else files_under(path):
            signatures.setdefault(file, None if file == STDIN else _sign(file))
    return signatures


def _sign(file: str) -> Signature:
    try:
        status = os.stat(file)  # noqa: PTH116 - called for each of 25,000 files
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
