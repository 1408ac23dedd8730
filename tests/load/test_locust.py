"""Locust itself, alone, as a master with workers, and by its own command."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from edgesim.load import locust_driver
from edgesim.load.locust_driver import Locust
from edgesim.load.results import LoadResult
from edgesim.load.scenario import By, Closed, Destination, Open, Scenario, Sessions, Stage
from edgesim.model import EdgesimError
from tests.load.driving import constant, counts, done
from tests.load.servers import Server, ok, serving, split
from tests.running import DEADLINE, ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("locust") is None, reason="Locust is not installed"),
]


def asked_of(server: Server, mode: Open | Closed) -> Scenario:
    base = replace(constant(server.port), mode=mode, connections=8, destination=Destination(By.HEADER, "x-version"))
    return replace(base, target=replace(base.target, authority="shop.example"))


def by_destination(result: LoadResult) -> dict[str, int]:
    found: dict[str, int] = {}
    for cell in result.cells:
        found[cell.destination] = found.get(cell.destination, 0) + cell.count
    return found


@pytest.mark.parametrize("how", [Locust(), Locust(processes=2)])
async def test_locust_drives_an_open_loop(how: Locust) -> None:
    """All that the schedule asks for is sent, once, and what the server saw is what was counted."""
    async with serving() as server:
        scenario = asked_of(server, Open((Stage(1.5, 40, 80),)))
        result = await asyncio.wait_for(locust_driver.run(scenario, how), DEADLINE)
    assert result.asked == result.sent + result.client.unsent == 90
    assert done(result) == len(server.asked) == result.sent
    assert sum(by_destination(result).values()) == result.sent
    assert {each.fields["host"] for each in server.asked} == {"shop.example"}
    assert result.client.workers == max(1, how.processes)
    assert result.scenario.labels == {"engine": "locust"}
    assert sum(each.done for each in result.timeline) == result.sent


async def test_locust_drives_a_closed_loop_of_users() -> None:
    """Each with its cookies, so that sticky traffic is told by session."""

    def answer(_asked: object) -> tuple[bytes, float]:
        return ok(b"ok", "x-version: v1", "Set-Cookie: s=1"), 0.005

    async with serving(answer) as server:
        scenario = replace(asked_of(server, Closed(4, 1.0)), sessions=Sessions(4))
        result = await asyncio.wait_for(locust_driver.run(scenario, Locust(processes=2)), DEADLINE)
    assert done(result) == len(server.asked) > 4
    assert sum(each.users for each in result.sessions) == 4
    assert sum(each.fields.get("cookie") == "s=1" for each in server.asked) == len(server.asked) - 4


async def test_a_master_waits_for_workers_that_join() -> None:
    """Started by themselves, as on other machines; the load is shared between them."""
    said: asyncio.Queue[str] = asyncio.Queue()
    async with serving() as server:
        scenario = asked_of(server, Open((Stage(1, 60, 60),)))
        running = asyncio.create_task(  # noqa: TID251 - the test holds it
            locust_driver.run(scenario, Locust(workers=2, listen="127.0.0.1:0"), say=said.put_nowait)
        )
        first = await asyncio.wait_for(said.get(), DEADLINE)
        address = first.rpartition(" ")[2]
        command = (sys.executable, "-m", "edgesim", "load", "--engine", "locust", "--worker")
        host, _, port = address.rpartition(":")
        joining = [
            await asyncio.create_subprocess_exec(*command, "--master-host", host, "--master-port", port)
            for _ in range(2)
        ]
        result = await asyncio.wait_for(running, DEADLINE)
        codes = await asyncio.wait_for(asyncio.gather(*(each.wait() for each in joining)), DEADLINE)
    assert first.startswith("0 of 2 workers")
    assert list(codes) == [0, 0]
    assert result.asked == 60
    assert done(result) == len(server.asked) == result.sent
    assert len({each.connection for each in server.asked}) > 1


async def test_a_run_is_stopped() -> None:
    """What was measured until then is the result."""
    stop = asyncio.Event()
    async with serving() as server:
        scenario = asked_of(server, Open((Stage(600, 50, 50),)))

        def watch(_second: object, _sums: object) -> str:
            return "enough"

        result = await asyncio.wait_for(locust_driver.run(scenario, Locust(), watch, stop), DEADLINE)
    assert result.stopped == "enough"
    assert 0 < result.sent < 600 * 50
    assert done(result) == result.sent


async def test_errors_are_of_our_kinds() -> None:
    """A server that hangs up, and one that is not there."""
    async with serving(lambda _: None) as server:
        scenario = replace(asked_of(server, Open((Stage(0.5, 20, 20),))))
        result = await asyncio.wait_for(locust_driver.run(scenario, Locust()), DEADLINE)
    assert set(counts(result)) == {(0, "reset")}
    result = await asyncio.wait_for(locust_driver.run(scenario, Locust()), DEADLINE)
    assert set(counts(result)) == {(0, "connect")}


async def test_a_worker_that_dies_ends_the_run() -> None:
    """With a code, not with half of the figures."""
    said: asyncio.Queue[str] = asyncio.Queue()
    async with serving() as server:
        scenario = asked_of(server, Open((Stage(600, 50, 50),)))
        running = asyncio.create_task(  # noqa: TID251 - the test holds it
            locust_driver.run(scenario, Locust(workers=1, listen="127.0.0.1:0"), say=said.put_nowait)
        )
        address = (await asyncio.wait_for(said.get(), DEADLINE)).rpartition(" ")[2]
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edgesim.load.locust_process", "--worker", address
        )
        async with asyncio.timeout(DEADLINE):
            while not server.asked:  # noqa: ASYNC110 - the server has no event
                await asyncio.sleep(0.05)
        worker.kill()
        await worker.wait()
        with pytest.raises(EdgesimError, match="ES1214 1 of 1 workers are gone"):
            await asyncio.wait_for(running, DEADLINE)


async def test_locusts_own_command_drives_a_scenario(tmp_path: Path) -> None:
    """`locust -f bench/locustfile.py` leaves the same result."""
    async with serving(split) as server:
        (tmp_path / "s.yaml").write_text(
            f"url: http://127.0.0.1:{server.port}/\nrate: 40\nduration: 1s\nby: header:x-version\n"
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "locust", "-f", str(ROOT / "bench" / "locustfile.py")),
            *("--headless", "-u", "4", "-r", "4"),
            env=os.environ
            | {
                "EDGESIM_SCENARIO": str(tmp_path / "s.yaml"),
                "EDGESIM_SAVE": str(tmp_path / "run.json"),
                "PYTHONPATH": str(ROOT),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
    result = msgspec.json.decode((tmp_path / "run.json").read_bytes(), type=LoadResult)
    assert result.asked == 40
    assert done(result) == len(server.asked)
    assert b"v2" in out
