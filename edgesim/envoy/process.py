"""One Envoy after the other: started, read, started again when it dies, and gone when its parent is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from edgesim.telemetry import spawn

WITH_PARENT: Final = 'exec 3<&0; (read -r _ <&3; kill -9 $$) >/dev/null 2>&1 & exec "$@" 3<&- </dev/null'
"""What a shell runs: it becomes the command, and leaves a child that ends it when nobody holds its input any more,
which happens however this process ends (SIGKILL as well)."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_LAST_LINES = 50
_LINE = 1 << 20
"""Bytes a line of Envoy's log may have: one holds all that is wrong with an update."""

_log = logging.getLogger("edgesim")


class EnvoyProcess:
    """Keeps one Envoy running until told to close."""

    def __init__(self, command: Sequence[str], heard: Callable[[str], None]) -> None:
        """Take the command, and who is told each line of its log."""
        self.starts = 0
        """How often one was started: counters begin at zero with each."""
        self.process: asyncio.subprocess.Process | None = None
        self._command = command
        self._heard = heard
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._closing = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def last_words(self) -> str:
        """Return the last error of the log, empty for none."""
        return next((line for line in reversed(self._last) if line.startswith(("error", "critical"))), "")

    def start(self) -> None:
        """Start it, and another one whenever it dies."""
        self._keeping = spawn(self._keep(), "envoy")

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closing.is_set():
            code = await self._run_one()
            if self._closing.is_set():
                return
            _log.warning("Envoy %s; another takes its place%s", _ending(code), self._why())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _why(self) -> str:
        return f" ({self.last_words})" if self.last_words else ""

    async def _run_one(self) -> int:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            WITH_PARENT,
            "sh",
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for edgesim, which drains Envoy
            limit=_LINE,
        )
        self.starts += 1
        self.process = process
        reading = spawn(self._read(process), "envoy's log")
        code = await process.wait()
        self.process = None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # the child that waits for our end
        await reading
        if process.stdin is not None:
            process.stdin.close()
        return code

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while line := await _line(process.stderr):
            text = line.decode(errors="replace").rstrip()
            self._last.append(text)
            self._heard(text)

    async def close(self, seconds: float) -> None:
        """End it, by force when it takes longer."""
        self._closing.set()
        if self._keeping is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self._keeping}, timeout=seconds)
        if not done:
            self._kill()
            await self._keeping

    def _kill(self) -> None:
        """Kill it and all it started, which share a process group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Return a line, empty at the end; one that is far too long is passed over."""
    while True:
        try:
            return await reader.readuntil()
        except asyncio.IncompleteReadError as end:
            return end.partial
        except asyncio.LimitOverrunError as overrun:
            await reader.readexactly(overrun.consumed)


def _ending(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
