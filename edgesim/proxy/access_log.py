"""The access log: lines are made on the spot, collected, and written in batches by a thread of its own.

A slow or full disk never holds a request up: what cannot be kept is dropped and counted.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

from edgesim.policies.record import Record

_log = logging.getLogger("edgesim")
_BATCH = 256
"""So many lines are handed over at once; the sweep hands over what waits longer than it."""
_MOST_WAITING = 64 << 20
"""Bytes that may wait for the disk."""


class AccessLog:
    """A log file, or standard output, of one worker."""

    def __init__(self, formatter: Callable[[Record], bytes], path: str) -> None:
        """Append to a file (`-` is standard output). Raises OSError when it cannot be opened."""
        self._format = formatter
        self._path = path
        self._file = os.dup(1) if path == "-" else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._lines: list[bytes] = []
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._waiting = 0
        self.dropped = 0
        self._failing = False
        self._thread = threading.Thread(target=self._write_all, name="access log", daemon=True)
        self._thread.start()

    def add(self, record: Record) -> None:
        """Log one exchange."""
        self._lines.append(self._format(record))
        if len(self._lines) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand over what waits."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        batch = b"".join(lines)
        if self._waiting > _MOST_WAITING:
            self.dropped += len(lines)
            return
        self._waiting += len(batch)
        self._queue.put(batch)

    def close(self) -> None:
        """Write what waits, and end."""
        self.flush()
        self._queue.put(None)
        self._thread.join()
        os.close(self._file)

    def _write_all(self) -> None:
        while (batch := self._queue.get()) is not None:
            self._write(batch)
            self._waiting -= len(batch)

    def _write(self, batch: bytes) -> None:
        left = memoryview(batch)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as refused:
            self.dropped += bytes(left).count(b"\n")
            if not self._failing:
                _log.error("the access log %s cannot be written: %s", self._path, refused.strerror)
            self._failing = True
        else:
            self._failing = False
