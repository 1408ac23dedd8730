"""Runs a scenario with Locust in a process of its own, since gevent changes all of Python's; what comes back is a result.

What Locust does otherwise than our own client processes is in `differences`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import NoReturn

from edgesim.load import locust_messages, messages
from edgesim.load.adding import Sums
from edgesim.load.driver import INTERRUPTED, Watch
from edgesim.load.locust_messages import Ended, Joined, Lost, Told
from edgesim.load.locust_process import PACKAGE
from edgesim.load.results import LoadResult, Second
from edgesim.load.scenario import Closed, Scenario
from edgesim.model import EdgesimError
from edgesim.model.codes import failure
from edgesim.telemetry.sources import today
from edgesim.telemetry.tasks import spawn

_READY = 60.0
"""Seconds in which workers of this machine have joined."""


@dataclass(frozen=True, slots=True)
class Locust:
    """How Locust is run: alone, as a master of `workers` that join at `listen`, or with so many processes of its own."""

    workers: int = 1
    listen: str = ""
    """HOST:PORT, where workers of other machines join."""
    processes: int = 0


def differences(scenario: Scenario) -> Iterator[str]:
    """Yield what of a scenario is otherwise with Locust."""
    if scenario.target.server_name:
        yield "Locust's client asks for the URL's host, not for --server-name"
    if not isinstance(scenario.mode, Closed):
        yield "requests that wait for a connection are not counted while they wait; late and unsent ones are"
    if any(each.body for each in scenario.requests):
        yield "bodies have a Content-Type, and all requests a User-Agent, of Locust's client where they have none"
    yield "a timeout is that of each read and of connecting; connects are not timed"


def check() -> None:
    """Find out whether Locust is installed. Raises EdgesimError."""
    if find_spec("locust") is None:
        raise failure("ES1214", "Locust is not installed", PACKAGE, exit_code=2)


def become_worker(address: str) -> NoReturn:
    """Become a worker of a master at HOST:PORT, in the place of this process. Raises EdgesimError."""
    check()
    os.execv(sys.executable, [sys.executable, "-m", "edgesim.load.locust_process", "--worker", address])  # noqa: S606


async def run(
    scenario: Scenario,
    how: Locust,
    watch: Watch = lambda _second, _sums: "",
    stop: asyncio.Event | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> LoadResult:
    """Run a scenario until it is through or `stop` is set; `say` is told who is waited for. Raises EdgesimError."""
    check()
    stop = stop or asyncio.Event()
    workers = how.processes or how.workers
    scenario = replace(scenario, labels={**scenario.labels, "engine": "locust"})
    started = today().isoformat(timespec="seconds")
    process, reader, writer = await _start(how)
    run_of = _Run(process, reader, Sums(scenario, workers), watch, stop)
    stopping = spawn(_pass_on(stop, writer), "stop Locust")
    try:
        writer.write(locust_messages.packed(messages.Order(scenario, 0, workers)))
        if not await run_of.ready(None if how.listen else _READY, say):
            return run_of.sums.result(started, INTERRUPTED)
        stopped = await run_of.collect()
    finally:
        stopping.cancel()
        writer.close()
        await _end(process)
    return run_of.sums.result(started, stopped)


async def _start(how: Locust) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.StreamWriter]:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "edgesim.load.locust_process", "--channel", str(theirs.fileno())]
    if how.listen or how.processes:
        command += ["--master", how.listen or "127.0.0.1:0", "--processes", str(how.processes)]
    try:
        process = await asyncio.create_subprocess_exec(
            *command, pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
    except OSError as wrong:
        ours.close()
        raise failure("ES1203", f"Locust cannot be started: {wrong.strerror}") from None
    finally:
        theirs.close()
    reader, writer = await asyncio.open_connection(sock=ours)
    return process, reader, writer


async def _pass_on(stop: asyncio.Event, writer: asyncio.StreamWriter) -> None:
    await stop.wait()
    writer.write(locust_messages.packed(messages.Stop()))


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@dataclass(slots=True)
class _Run:
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    sums: Sums
    watch: Watch
    stop: asyncio.Event

    async def ready(self, patience: float | None, say: Callable[[str], None]) -> bool:
        """Wait until all workers have joined; tell whether they have, and not rather the run was stopped."""
        try:
            async with asyncio.timeout(patience):
                while isinstance(message := await locust_messages.read(self.reader), Joined):
                    say(f"{message.workers} of {self.sums.workers} workers have joined {message.address}")
        except TimeoutError:
            raise failure("ES1214", f"the workers have not joined within {_READY:g} s") from None
        if self.stop.is_set():
            return False
        if not isinstance(message, messages.Ready):
            raise self._died()
        if message.wrong:
            raise failure("ES1214", message.wrong)
        return True

    def _died(self) -> EdgesimError:
        return failure("ES1203", f"the process of Locust, {self.process.pid}, ended before its work was done")

    async def collect(self) -> str:
        """Add up what workers tell until all are through; return why they were stopped, if they were."""
        why, ended = "", 0
        while ended < self.sums.workers:
            message = await locust_messages.read(self.reader)
            if isinstance(message, Lost):
                raise failure("ES1214", message.why)
            if not isinstance(message, Told | Ended):
                raise self._died()
            if isinstance(message, Told):
                why = self._over(self.sums.add(message.beat, message.client), why)
            else:
                ended += 1
                why = self._over(self.sums.end(message.end, message.client), why)
        return why or (INTERRUPTED if self.stop.is_set() else "")

    def _over(self, seconds: Iterable[Second], why: str) -> str:
        for second in seconds:
            said = self.watch(second, self.sums)
            if said and not why:
                why = said
                self.stop.set()
        return why
