"""A process that lives as long as its parent holds its input."""

from __future__ import annotations

import asyncio
import subprocess

from edgesim.envoy.process import WITH_PARENT, EnvoyProcess

DEADLINE = 60.0


def test_it_ends_when_nobody_holds_its_input_any_more() -> None:
    """A command ends when its parent is gone, however that ended."""
    command = ("/bin/sh", "-c", WITH_PARENT, "sh", "sleep", "600")
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as process:
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(DEADLINE) == -9


async def test_another_takes_the_place_of_one_that_died() -> None:
    """A command that ends is started again, and each line of its log is told."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    process = EnvoyProcess(("sh", "-c", "echo error that is it >&2; exit 3"), heard.put_nowait)
    process.start()
    async with asyncio.timeout(DEADLINE):
        assert [await heard.get(), await heard.get()] == ["error that is it"] * 2
    await process.close(DEADLINE)
    assert process.starts >= 2
    assert process.last_words == "error that is it"


async def test_one_that_does_not_go_is_killed() -> None:
    """What ignores SIGTERM is ended by force after the time it was given."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    process = EnvoyProcess(("sh", "-c", "trap '' TERM; echo ready >&2; sleep 600 & wait; wait"), heard.put_nowait)
    process.start()
    async with asyncio.timeout(DEADLINE):
        await heard.get()
        await process.close(0.05)
    assert process.process is None
