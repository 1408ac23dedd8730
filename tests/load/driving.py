"""A client process's whole work, done in the test's own event loop: covered, and without the start of an interpreter."""

from __future__ import annotations

import asyncio
import socket

from edgesim.load import messages, worker
from edgesim.load.adding import Sums
from edgesim.load.results import Cell, LoadResult
from edgesim.load.scenario import Closed, Open, RequestClass, Scenario, Stage, Target
from edgesim.telemetry.sources import nanoseconds
from edgesim.telemetry.tasks import spawn

TARGET = Target("http", "127.0.0.1", 0, "test.example")


def target(port: int, scheme: str = "http") -> Target:
    """Return a server on this machine."""
    return Target(scheme, "127.0.0.1", port, "test.example")


def constant(port: int, rate: float = 200, seconds: float = 0.2) -> Scenario:
    """Return an open loop at one rate."""
    return Scenario(target(port), (RequestClass("get"),), Open((Stage(seconds, rate, rate),)), timeout=5.0)


def closed(port: int, loops: int = 2, seconds: float = 0.2) -> Scenario:
    """Return a closed loop."""
    return Scenario(target(port), (RequestClass("get"),), Closed(loops, seconds), timeout=5.0)


async def drive(scenario: Scenario, stop_after: float | None = None) -> LoadResult:
    """Do what a client process and its parent do, and return the result."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    client = spawn(worker.run(theirs.detach()), "client")
    messages.write(writer, messages.Order(scenario, 0, 1))
    ready = await messages.read(reader)
    assert ready == messages.Ready()
    begin = nanoseconds()
    messages.write(writer, messages.Begin(begin))
    if stop_after is not None:
        asyncio.get_running_loop().call_later(stop_after, messages.write, writer, messages.Stop())
    sums = Sums(scenario, 1)
    while isinstance(message := await messages.read(reader), messages.Beat):
        list(sums.add(message))
    assert isinstance(message, messages.End)
    list(sums.end(message))
    writer.close()
    await writer.wait_closed()
    await client
    return sums.result("2026-01-01T00:00:00+00:00", "")


def counts(result: LoadResult) -> dict[tuple[int, str], int]:
    """Return how many requests came to which status, or kind of error."""
    found: dict[tuple[int, str], int] = {}
    for cell in result.cells:
        found[cell.status, cell.error] = found.get((cell.status, cell.error), 0) + cell.count
    return found


def done(result: LoadResult) -> int:
    """Return how many requests were answered."""
    return sum(cell.count for cell in result.cells if cell.status)


def only(result: LoadResult) -> Cell:
    """Return the one cell there is."""
    (cell,) = result.cells
    return cell
