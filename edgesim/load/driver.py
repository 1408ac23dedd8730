"""Runs a scenario: starts the client processes, adds up what they tell, and makes a result of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edgesim.load import messages
from edgesim.load.adding import Sums
from edgesim.load.results import LoadResult, Second
from edgesim.load.scenario import Scenario
from edgesim.model import EdgesimError
from edgesim.model.codes import failure
from edgesim.telemetry.sources import nanoseconds, today
from edgesim.telemetry.tasks import spawn

_AHEAD = 20_000_000
"""Nanoseconds between the order to begin and the start, so that all client processes start together."""
_READY = 60.0
"""Seconds a client process may take until it is ready."""

INTERRUPTED = "interrupted"
"""Why a run ended that somebody stopped."""

Watch = Callable[[Second, Sums], str]
"""Told of each second that is over; what it returns, if anything, is why the run is to end."""


@dataclass(slots=True)
class _Client:
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def run(
    scenario: Scenario,
    workers: int = 1,
    watch: Watch = lambda _second, _sums: "",
    stop: asyncio.Event | None = None,
) -> LoadResult:
    """Run a scenario with so many client processes, until it is through or `stop` is set. Raises EdgesimError."""
    started = today().isoformat(timespec="seconds")
    clients: list[_Client] = []
    sums = Sums(scenario, workers)
    try:
        for _ in range(workers):
            clients.append(await _start())  # noqa: PERF401 - those there are must be ended where one cannot be started
        await asyncio.gather(*(_make_ready(each, scenario, index, workers) for index, each in enumerate(clients)))
        begin = messages.Begin(nanoseconds() + _AHEAD)
        for each in clients:
            messages.write(each.writer, begin)
        stopped = await _collect(clients, sums, watch, stop or asyncio.Event())
    finally:
        await asyncio.gather(*(_end(each) for each in clients))
    return sums.result(started, stopped)


async def _start() -> _Client:
    ours, theirs = socket.socketpair()
    command = (sys.executable, "-m", "edgesim.load.worker", "--channel", str(theirs.fileno()))
    try:
        process = await asyncio.create_subprocess_exec(
            *command, pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL
        )
    except OSError as wrong:
        ours.close()
        raise failure("ES1203", f"a client process cannot be started: {wrong.strerror}") from None
    finally:
        theirs.close()
    return _Client(process, *await asyncio.open_connection(sock=ours))


async def _make_ready(client: _Client, scenario: Scenario, index: int, workers: int) -> None:
    messages.write(client.writer, messages.Order(scenario, index, workers))
    ready = await asyncio.wait_for(messages.read(client.reader), _READY)
    if not isinstance(ready, messages.Ready):
        raise _died(client)
    if ready.wrong:
        raise failure("ES1202", f"{scenario.target.authority}: {ready.wrong}", exit_code=2)


def _died(client: _Client) -> EdgesimError:
    return failure("ES1203", f"client process {client.process.pid} ended before its work was done")


async def _collect(clients: list[_Client], sums: Sums, watch: Watch, stop: asyncio.Event) -> str:
    """Add up what the clients tell until all are done; return why they were stopped, if they were."""
    why = ""

    def over(seconds: Iterable[Second]) -> None:
        nonlocal why
        for second in seconds:
            said = watch(second, sums)
            if said and not why:
                why = said
                stop.set()

    stopping = spawn(_pass_on(stop, clients), "stop")
    listening = [spawn(_listen(each, index, over, sums), "listen to a client") for index, each in enumerate(clients)]
    try:
        await asyncio.gather(*listening)
    finally:
        for task in (stopping, *listening):
            task.cancel()
    return why or (INTERRUPTED if stop.is_set() else "")


async def _pass_on(stop: asyncio.Event, clients: list[_Client]) -> None:
    await stop.wait()
    for each in clients:
        messages.write(each.writer, messages.Stop())


async def _listen(client: _Client, index: int, over: Callable[[Iterable[Second]], None], sums: Sums) -> None:
    while isinstance(message := await messages.read(client.reader), messages.Beat):
        over(sums.add(message, index))
    if not isinstance(message, messages.End):
        raise _died(client)
    over(sums.end(message, index))


async def _end(client: _Client) -> None:
    """Close the channel: who still runs leaves, and is waited for."""
    client.writer.close()
    with contextlib.suppress(OSError):
        await client.writer.wait_closed()
    try:
        await asyncio.wait_for(client.process.wait(), 5)
    except TimeoutError:
        client.process.kill()
        await client.process.wait()
