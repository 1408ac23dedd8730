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
from pathlib import Path
from typing import Any, Final

from edgesim.config.declared import (
    NOTHING_DECLARED,
    Declared,
    Difference,
    FileRecord,
    declare_all,
    difference,
    record_file,
)
from edgesim.config.encoding import StoredResource, digest_of
from edgesim.config.files import STDIN, decode_all, files_under, read_paths
from edgesim.config.store import Change
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


class Files:
    """Keeps an instance's store as its files declare."""

    def __init__(self, instance: Instance, paths: Sequence[str], stdin: Callable[[], bytes] = _standard_input) -> None:
        """Take the instance to write to, files and folders, and how to read `-`."""
        self._instance = instance
        self._paths = paths
        self._stdin = stdin
        self._signatures: dict[str, Signature] = {}
        self._seen: dict[str, Signature] = {}
        self._records: dict[str, FileRecord] = {}
        self._declared: Declared = NOTHING_DECLARED
        self._loaded = False
        self._lock = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        instance.followed = lambda: [file for file in self._records if file != STDIN]

    async def load(self, kept: Sequence[StoredResource] = ()) -> list[Change]:
        """Read all files and write what they declare; returns when it is served (or held back).

        `kept` are objects that were written through the API before a restart. They come back in the same
        write, but for those that a file declares otherwise since.
        """
        async with self._lock:
            records = await asyncio.to_thread(self._read)
            self._loaded = True
            return await self._write(records, kept)

    def manifest(self, key: ResourceKey) -> Mapping[str, Any] | None:
        """Return what the files declare under a name, or None."""
        found = self._declared.resources.get(key)
        return None if found is None else found.manifest

    async def refresh(self) -> list[Change]:
        """Read the files that changed since, and write what that changes; returns when it is served."""
        async with self._lock:
            for _ in range(MAX_LOOKS):
                signatures = await asyncio.to_thread(sign, self._paths)
                if signatures == self._signatures:
                    return []
                records = await asyncio.to_thread(self._read)
                if self._doubtful(records):
                    await asyncio.sleep(SETTLE)
                if await asyncio.to_thread(sign, self._paths) == self._seen:
                    break  # nobody wrote while it was read
            return await self._write(records)

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
            async for _ in signals:
                try:
                    await self.refresh()
                except Exception as error:  # noqa: BLE001 - one reload that fails must not end them all
                    _log.error("reloading failed: %s: %s", type(error).__name__, error)
                ready.set()

    def _read(self) -> dict[str, FileRecord]:
        """Read the files that are new or changed; the others keep their records."""
        self._seen = sign(self._paths)
        records: dict[str, FileRecord] = {}
        for file, signature in self._seen.items():
            old = self._records.get(file)
            if old is not None and (file == STDIN or self._signatures.get(file, ()) == signature):
                records[file] = old
            elif signature is None and file != STDIN and self._loaded:
                records[file] = FileRecord({})  # a path that is gone declares nothing any more
            else:
                read = read_paths([file], self._stdin)
                records[file] = record_file(old, read.problems, decode_all(read.documents))
        return records

    def _doubtful(self, records: dict[str, FileRecord]) -> bool:
        """Tell whether this may be a moment between two states: something is gone, or unreadable, or empty."""
        new = [record for file, record in records.items() if self._records.get(file) is not record]
        return any(not record.sound or not record.resources for record in new) or bool(
            difference(self._declared, declare_all(records.values())).deletes
        )

    async def _write(self, records: dict[str, FileRecord], kept: Sequence[StoredResource] = ()) -> list[Change]:
        declared = declare_all(records.values())
        writes = [*writes_of(difference(self._declared, declared), declared), *_returning(kept, declared)]
        self._records, self._declared, self._signatures = records, declared, self._seen
        return await self._instance.write(writes, file_problems=declared.problems)


def writes_of(found: Difference, declared: Declared) -> list[Write]:
    """Turn a difference into writes in the name of the files."""
    puts = [Put(one, one.source.file, notes=declared.notes.get(one.key, ())) for one in found.puts]
    return [*puts, *(Delete(key, writer) for key, writer in found.deletes)]


def _returning(kept: Iterable[StoredResource], declared: Declared) -> Iterable[Write]:
    """Return the writes that bring back what the API wrote, unless a file has been changed since."""
    for stored in kept:
        of_file = declared.resources.get(stored.key)
        if of_file is not None and digest_of(of_file.manifest) != stored.over:
            continue
        decoded = revived(stored)
        if decoded.resource is not None:
            yield Put(decoded.resource, stored.writer, notes=decoded.problems)


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
