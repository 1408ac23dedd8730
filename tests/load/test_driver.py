from __future__ import annotations

import asyncio
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from edgesim.load import driver
from edgesim.load.adding import Sums
from edgesim.load.results import LoadResult, Second
from edgesim.load.scenario import By, Destination, Target
from edgesim.model import EdgesimError
from edgesim.telemetry.tasks import spawn
from tests.load.driving import constant, done
from tests.load.servers import Asked, ok, serving


async def test_several_processes_share_the_schedule() -> None:
    """Two client processes send together what one would, and their figures are added up; a result survives its file."""
    async with serving() as server:
        scenario = replace(constant(server.port, 200, 1.2), destination=Destination(By.HEADER, "x-version"))
        seconds: list[Second] = []

        def watch(second: Second, _sums: Sums) -> str:
            seconds.append(second)
            return ""

        result = await driver.run(scenario, 2, watch)
    assert result.asked == result.sent == done(result) == len(server.asked) == 240
    assert {cell.destination for cell in result.cells} == {"v1", "v2"}
    assert result.client.workers == 2
    assert tuple(seconds) == result.timeline
    assert [each.at for each in seconds] == list(range(len(seconds)))
    assert sum(each.done for each in seconds) == 240
    assert msgspec.json.decode(msgspec.json.encode(result), type=LoadResult) == result


async def test_what_a_watcher_says_ends_the_run() -> None:
    """Who watches the seconds may end the run, and the result says why."""
    async with serving() as server:
        result = await driver.run(constant(server.port, 50, 60), watch=lambda *_: "enough")
    assert result.stopped == "enough"
    assert 0 < done(result) < 1000
    assert result.seconds < 30


async def test_the_last_second_may_end_the_run() -> None:
    """What a slow watcher says when a client process is done already comes too late for it, and nothing is lost by it."""

    def watch(_second: Second, _sums: Sums) -> str:
        threading.Event().wait(0.3)  # nobody waits for this: it gives the client process the time to leave too early
        return "enough"

    async with serving() as server:
        result = await driver.run(constant(server.port, 50, 0.1), watch=watch)
    assert result.stopped == "enough"
    assert done(result) == 5


async def test_a_run_is_interrupted() -> None:
    """An event ends the run in between, and what was measured is told."""
    stop = asyncio.Event()

    def answer(_asked: Asked) -> bytes:
        stop.set()
        return ok()

    async with serving(answer) as server:
        result = await driver.run(constant(server.port, 50, 60), stop=stop)
    assert result.stopped == driver.INTERRUPTED
    assert done(result) == result.sent


@pytest.mark.skipif(not Path("/proc").exists(), reason="children are found in /proc")
async def test_a_client_process_that_dies_is_told() -> None:
    """Where one is killed the run ends with an error."""
    asked = asyncio.Event()

    def answer(_asked: Asked) -> bytes:
        asked.set()
        return ok()

    async with serving(answer) as server:
        running = spawn(driver.run(constant(server.port, 50, 60), 1), "run")
        await asked.wait()
        os.kill(_client(), signal.SIGKILL)
        with pytest.raises(EdgesimError) as caught:
            await running
    assert caught.value.problems[0].code == "ES1203"


def _client() -> int:
    """Return the process id of the client process that this process has started."""
    me = os.getpid()
    children = map(int, Path(f"/proc/{me}/task/{me}/children").read_text().split())
    return next(pid for pid in children if b"edgesim.load.worker" in Path(f"/proc/{pid}/cmdline").read_bytes())


@pytest.mark.parametrize(
    "target",
    [
        Target("http", "no.such.host.invalid", 80, "x"),
        Target("https", "127.0.0.1", 443, "x", ca_file="/nowhere.pem"),
    ],
)
async def test_a_target_that_cannot_be_loaded(target: Target) -> None:
    """A host without an address and certificates that cannot be read end it before anything is sent, with code 2."""
    with pytest.raises(EdgesimError) as caught:
        await driver.run(replace(constant(1), target=target))
    assert caught.value.problems[0].code == "ES1202"
    assert caught.value.exit_code == 2
