"""How a served instance is told to end, and the time it has for it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from edgesim.telemetry import spawn


@dataclass(slots=True)
class Signals:
    """What the process was told: to end, and (again) to end at once."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    starting: asyncio.Task[Any] | None = field(default_factory=asyncio.current_task)

    def end(self) -> None:
        """Take SIGTERM or SIGINT; a start that is not done is given up."""
        (self.hurry if self.stop.is_set() else self.stop).set()
        if self.starting is not None:
            self.starting.cancel()
            self.starting = None


@dataclass(slots=True)
class Ending:
    """The grace time, which all that drains shares."""

    grace: float
    now: Callable[[], float]
    until: float = 0.0

    def begin(self) -> None:
        """The time runs from now."""
        self.until = self.now() + self.grace

    async def drain(self, close: Callable[[float], Coroutine[Any, Any, None]]) -> None:
        """Close something within what is left."""
        await close(max(0.0, self.until - self.now()))


def listen_to_signals(lifeline: int | None = None) -> Signals:
    """Take SIGTERM and SIGINT from now on, and the end of who holds the other end of a pipe for SIGTERM."""
    signals, loop = Signals(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.end)
    if lifeline is not None:
        os.set_inheritable(lifeline, False)
        loop.add_reader(lifeline, _cut, lifeline, signals, loop)
    return signals


def _cut(lifeline: int, signals: Signals, loop: asyncio.AbstractEventLoop) -> None:
    """Take the end of the process this one was started for: told to end already, it goes on with that."""
    loop.remove_reader(lifeline)
    if not signals.stop.is_set():
        signals.end()


async def first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of several."""
    tasks = [spawn(wait, "end") for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
