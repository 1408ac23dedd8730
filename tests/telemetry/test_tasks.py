from __future__ import annotations

import asyncio
import gc
import logging
import weakref

import pytest

from edgesim.telemetry.tasks import spawn


async def test_result() -> None:
    """Whoever awaits a spawned task gets its result."""

    async def answer() -> int:
        return 42

    task = spawn(answer(), "answer")
    assert await task == 42
    assert task.get_name() == "answer"


async def test_held_until_done() -> None:
    """A spawned task outlives a garbage collection although the caller dropped it, and is let go when done."""
    loop = asyncio.get_running_loop()
    seen: list[str] = []
    gate: weakref.ref[asyncio.Future[None]] | None = None

    async def work() -> None:
        nonlocal gate
        # Nothing but this frame holds the future, so only the task's own reference keeps both alive.
        waiting = loop.create_future()
        gate = weakref.ref(waiting)
        await waiting
        seen.append("done")

    task = weakref.ref(spawn(work(), "work"))
    await asyncio.sleep(0)
    gc.collect()
    assert gate is not None
    waiting = gate()
    assert waiting is not None
    waiting.set_result(None)
    del waiting
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == ["done"]
    gc.collect()
    assert task() is None


async def test_failure_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in a spawned task is logged in one line with the task's name, and still reaches who awaits."""

    async def fail() -> None:
        raise ValueError("no such\npod")

    with caplog.at_level(logging.ERROR, logger="edgesim"), pytest.raises(ValueError, match="no such"):
        await spawn(fail(), "pod echo-v1")
    await asyncio.sleep(0)
    assert [record.getMessage() for record in caplog.records] == ["pod echo-v1 failed: ValueError: no such pod"]


async def test_cancelled_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """Cancelling a spawned task is no failure: nothing is logged."""
    task = spawn(asyncio.Event().wait(), "waiter")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert caplog.records == []
