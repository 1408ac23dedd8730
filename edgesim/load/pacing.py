"""Waking up on time: the event loop's own timers are whole milliseconds."""

from __future__ import annotations

import asyncio
import ctypes
import os
import select
from collections.abc import Callable
from typing import Protocol

from edgesim.telemetry.sources import nanoseconds

_SECOND = 1_000_000_000
_CLOCK_MONOTONIC = 1
_NONBLOCK, _CLOEXEC = os.O_NONBLOCK, getattr(os, "O_CLOEXEC", 0)
_ABSOLUTE = 1
_NOTE_NSECONDS = 4


class Alarm(Protocol):
    """Calls once, at the moment it was last set to."""

    def set(self, at: int) -> None:
        """Call at this moment of the monotonic clock, in nanoseconds; at once where it is past."""

    def close(self) -> None:
        """Call no more."""


def alarm(call: Callable[[], None]) -> Alarm:
    """Return the finest alarm that the system has."""
    try:
        return _KernelQueue(call) if hasattr(select, "kqueue") else _TimerFd(call)
    except (OSError, AttributeError):
        return _LoopTimer(call)


class _Time(ctypes.Structure):
    """`struct itimerspec`: the interval, and the moment."""

    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "seconds", "nanoseconds")]


class _TimerFd:
    """Linux: timerfd_create(2). Python has it from 3.13 on only."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        library = ctypes.CDLL(None, use_errno=True)
        self._settime = library.timerfd_settime
        self._file: int = library.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK | _CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._time = _Time()
        self._pointer = ctypes.byref(self._time)
        asyncio.get_running_loop().add_reader(self._file, self._fired)

    def set(self, at: int) -> None:
        """Set it; the kernel wakes within some microseconds."""
        self._time.seconds, self._time.nanoseconds = divmod(max(at, 1), _SECOND)
        self._settime(self._file, _ABSOLUTE, self._pointer, None)

    def _fired(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:
            return  # it was set anew meanwhile
        self._call()

    def close(self) -> None:
        """Give the timer back."""
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)


class _KernelQueue:
    """macOS and the BSDs: a timer in a kqueue of its own."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._queue = select.kqueue()  # type: ignore[attr-defined,unused-ignore] # not on Linux
        asyncio.get_running_loop().add_reader(self._queue.fileno(), self._fired)

    def set(self, at: int) -> None:
        """Set it."""
        flags = select.KQ_EV_ADD | select.KQ_EV_ONESHOT  # type: ignore[attr-defined,unused-ignore]
        kind = select.KQ_FILTER_TIMER  # type: ignore[attr-defined,unused-ignore]
        wait = max(0, at - nanoseconds())
        event = select.kevent(1, kind, flags, _NOTE_NSECONDS, wait)  # type: ignore[attr-defined,unused-ignore]
        self._queue.control([event], 0)

    def _fired(self) -> None:
        if self._queue.control([], 1, 0):
            self._call()

    def close(self) -> None:
        """Give the queue back."""
        asyncio.get_running_loop().remove_reader(self._queue.fileno())
        self._queue.close()


class _LoopTimer:
    """Anywhere: the event loop's own timer."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at: int) -> None:
        """Set it."""
        self.close()
        wait = max(0, at - nanoseconds()) / _SECOND
        self._handle = asyncio.get_running_loop().call_later(wait, self._call)

    def close(self) -> None:
        """Cancel it."""
        if self._handle is not None:
            self._handle.cancel()
