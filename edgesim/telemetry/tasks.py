"""The one place that starts a task: asyncio itself keeps only a weak reference to what it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

_log = logging.getLogger("edgesim")
_running: set[asyncio.Task[Any]] = set()

T = TypeVar("T")


def spawn(coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Run `coro` beside the caller, held until it is done.

    An exception nobody awaits is logged as one line under `name`, and is still the task's own: whoever
    awaits the task gets it. Raises RuntimeError where no event loop runs.
    """
    task = asyncio.create_task(coro, name=name)
    _running.add(task)
    task.add_done_callback(_finished)
    return task


def _finished(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        _log.error("%s failed: %s: %s", task.get_name(), type(error).__name__, " ".join(str(error).split()))
