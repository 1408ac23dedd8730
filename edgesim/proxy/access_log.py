"""The access log: exchanges that ended are collected, their lines made batch by batch, and written by a thread of its own.

A slow or full disk never holds a request up: what cannot be kept is dropped and counted.
"""

from __future__ import annotations

import json
import logging
import os
import select
import stat
import threading
from collections.abc import Iterator
from queue import SimpleQueue

from edgesim.policies.formatter import compile_json, compile_text
from edgesim.policies.log_lines import Lines
from edgesim.policies.record import Record
from edgesim.proxy.own_process import own_process
from edgesim.proxy.repeated_lines import RepeatedLines

_log = logging.getLogger("edgesim")
STDOUT = "-"
BATCH = 2048
"""So many lines are handed over at once, since the thread has to wait for the interpreter for each; the sweep hands over
what waits longer than it."""
MOST_WAITING = 64 << 20
"""Bytes that may wait for the disk."""
_CLOSING = 1.0
"""Seconds the last lines may take to be written."""
_REOPEN = b""


def compile_format(text: str) -> Lines:
    """Return what writes log lines: Envoy's default, a format string, or a JSON object of them.

    Raises ValueError (FormatError, which has a position, for a command operator that is wrong).
    """
    if not text.lstrip().startswith("{"):
        return compile_text(text if text.endswith("\n") else text + "\n", own_process()) if text else compile_text()
    try:
        return compile_json(json.loads(text), own_process())
    except json.JSONDecodeError as wrong:
        raise ValueError(f"the JSON ends in a mistake at character {wrong.pos + 1}: {wrong.msg}") from None


def open_log(path: str) -> int:
    """Open a log file to append to; raises OSError, also for a pipe that nobody reads."""
    if path == STDOUT:
        return os.dup(1)
    opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    os.set_blocking(opened, True)
    return opened


class AccessLog:
    """A log file, or standard output, of one worker."""

    def __init__(self, formatter: Lines, path: str) -> None:
        """Append to a file (`-` is standard output). Raises OSError when it cannot be opened."""
        self._format = formatter
        self._ended = RepeatedLines(formatter, self._gather)
        self.add_exchange = self._ended.adds()
        """Log an exchange that ended: when it began, in unix seconds, and how many microseconds it took."""
        self._path = path
        self._file = open_log(path)
        self._lines: list[bytes] = []
        self._made = 0
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        # Of each pair of numbers one belongs to the thread: neither side ever waits for a lock.
        self._handed = self._taken = 0
        self._refused = self._lost = self._forgotten = 0
        self._failing = False
        self._rest = b""  # of a line that a full disk cut in two, to be written first
        self._thread = threading.Thread(target=self._write_all, name="access log", daemon=True)
        self._thread.start()

    def add(self, record: Record) -> None:
        """Log what never was an exchange, or no longer is one."""
        self._ended.add_line(self._format(record))

    def _gather(self) -> None:
        """Put the lines together that came last, and hand a batch over when it is full."""
        self._made += len(self._ended)
        self._lines.append(self._ended.take())
        if self._made >= BATCH:
            self._hand_over()

    def flush(self) -> None:
        """Hand over what waits, and let go of what is known of the configuration."""
        self._gather()
        self._ended.forget()
        if self._made:
            self._hand_over()

    def _hand_over(self) -> None:
        batch, made = b"".join(self._lines), self._made
        self._lines, self._made = [], 0
        if self._handed - self._taken > MOST_WAITING:
            self._refused += made
            return
        self._handed += len(batch)
        self._queue.put(batch)

    @property
    def dropped(self) -> int:
        """Lines that were lost."""
        return self._refused + self._lost - self._forgotten

    def forget_dropped(self) -> None:
        """Begin to count lost lines at zero."""
        self._forgotten = self._refused + self._lost

    def reopen(self) -> None:
        """Go on in a new file of the same name: somebody moved the old one away."""
        self.flush()
        if self._path != STDOUT:
            self._queue.put(_REOPEN)

    def close(self) -> None:
        """Write what waits, and end."""
        self.flush()
        self._queue.put(None)
        self._thread.join(_CLOSING)
        if not self._thread.is_alive():
            os.close(self._file)

    # -- the thread ----------------------------------------------------------------------------

    def _write_all(self) -> None:
        while (batch := self._queue.get()) is not None:
            if batch == _REOPEN:
                self._reopen()
            else:
                self._write(batch)
                self._taken += len(batch)

    def _reopen(self) -> None:
        try:
            opened = open_log(self._path)
        except OSError as refused:
            _log.error("the access log %s cannot be opened again: %s", self._path, refused.strerror)
            return
        os.close(self._file)
        self._file = opened
        self._lost += bool(self._rest)
        self._rest = b""

    def _write(self, batch: bytes) -> None:
        written, batch = 0, self._rest + batch
        try:
            for piece in self._pieces(batch):
                left = memoryview(piece)
                while left:
                    size = os.write(self._file, left)
                    left = left[size:]
                    written += size
        except OSError as refused:
            self._lose(batch, written)
            if not self._failing:
                _log.error("the access log %s cannot be written: %s; lines are lost", self._path, refused.strerror)
            self._failing = True
        else:
            self._failing = False
            self._rest = b""

    def _lose(self, batch: bytes, written: int) -> None:
        """Drop what could not be written, but for the rest of a line of which the beginning was."""
        is_cut = not batch[:written].endswith(b"\n") if written else bool(self._rest)
        self._rest = batch[written : batch.find(b"\n", written) + 1] if is_cut else b""
        self._lost += batch.count(b"\n", written) - bool(self._rest)

    def _pieces(self, batch: bytes) -> Iterator[bytes]:
        """Cut a batch for a pipe, which other workers write to as well: only short writes are never torn apart."""
        if len(batch) <= select.PIPE_BUF or not stat.S_ISFIFO(os.fstat(self._file).st_mode):
            yield batch
            return
        begin = 0
        while begin < len(batch):
            end = batch.rfind(b"\n", begin, begin + select.PIPE_BUF) + 1 or batch.find(b"\n", begin) + 1 or len(batch)
            yield batch[begin:end]
            begin = end
