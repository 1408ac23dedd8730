"""A worker process: the data plane.

It serves one snapshot at a time, takes updates from its parent, and leaves when the parent says so or
is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from random import Random
from typing import TypeVar

import uvloop

from edgesim.model import Route, UpdateRefusedError
from edgesim.proxy import channel, settings
from edgesim.proxy.access_log import AccessLog, compile_format
from edgesim.proxy.deltas import Delta
from edgesim.proxy.listening import Listeners
from edgesim.proxy.ports import Place
from edgesim.proxy.states import forget, states
from edgesim.proxy.tables import TableBuilds
from edgesim.proxy.worker import Worker
from edgesim.routing import Steps
from edgesim.telemetry import sources, spawn
from edgesim.telemetry.collector import resting_collector
from edgesim.telemetry.states import Scope, State
from edgesim.telemetry.tally import Growth

SWEEP = 0.025
"""Seconds between looks at every deadline: one sweep instead of a timer per request."""
SLICE = 0.0003
"""Seconds that compiling an update, or telling what was counted, takes at a time."""
_REST = 0.01
"""Seconds between two slices of telling what was counted: the parent, which adds it up, may share a core with clients
and backends."""
_COLLECT_AFTER = 50_000
_STATES_AT_ONCE = 20
_FEW = 200
"""Clusters of which the state is told although nobody waits for it."""
T = TypeVar("T")


async def run(options: argparse.Namespace) -> None:
    """Serve until the parent asks to drain or is gone."""
    builds = TableBuilds()
    worker = Worker(Random(options.seed), sources.monotonic, sources.wall, builds.begin)
    _apply(worker, settings.decode(options.settings))
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=options.channel))
    teller = _Teller(worker, writer)
    sweeping = _every(SWEEP, teller.sweep)
    listeners = Listeners(worker)
    handed = socket.socket(fileno=options.sockets)
    grace = await _obey(worker, _Serving(worker, listeners, handed, builds), teller, reader, writer)
    listeners.close()
    await _leave(worker, grace or 0.0)
    sweeping()
    if worker.log is not None:
        worker.log.close()
    await teller.tell(channel.Ask(0))
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    if grace is None:
        os._exit(1)  # where the system lacks what this worker needs, an orderly end may lack it as well


async def _obey(
    worker: Worker, serving: _Serving, teller: _Teller, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> float | None:
    """Do as the parent says until it says to leave, or is gone; return the grace time, None for a worker that is broken."""
    while (message := await channel.read(reader)) is not None:
        if isinstance(message, channel.Drain):
            return message.grace
        if isinstance(message, channel.Ask):
            teller.begin(message)
        elif isinstance(message, channel.Reopen | channel.Hint | channel.Health):
            _note(worker, message)
        elif isinstance(message, channel.Break):
            worker.compiler.break_(message.breakages)
        elif isinstance(message, channel.Handed):
            serving.places += message.places
        elif isinstance(message, channel.Routes):
            serving.routes += message.routes
            await asyncio.sleep(0)  # more may be there already, and clients wait
        elif isinstance(message, Delta):
            answer, sound = await serving.take(message)
            channel.write(writer, answer)
            if not sound:
                return None
    return 0.0


def _note(worker: Worker, message: channel.Reopen | channel.Hint | channel.Health) -> None:
    """Do what is done at once."""
    if isinstance(message, channel.Hint):
        worker.hint(closes=message.closes)
    elif isinstance(message, channel.Health):
        worker.compiler.take_health(message.cluster, message.passing)
    elif worker.log is not None:
        worker.log.reopen()


class _Teller:
    """Tells the parent what was counted, between requests; one question after the other."""

    def __init__(self, worker: Worker, writer: asyncio.StreamWriter) -> None:
        self._worker = worker
        self._writer = writer
        self._one_by_one = asyncio.Lock()
        self._awaited = 0
        """How many questions somebody waits for."""
        self._task: asyncio.Task[None] | None = None

    def sweep(self) -> None:
        """Let the worker sweep; tell what would be too much at once when the parent asks."""
        self._worker.sweep()
        if self._worker.newly_used:
            channel.write(self._writer, channel.Used(tuple(self._worker.newly_used)))
            self._worker.newly_used.clear()
        if self._worker.ledger.is_full and not self._one_by_one.locked():
            self._task = spawn(self._tell_ahead(), "tell what was counted unasked")

    async def _tell_ahead(self) -> None:
        async with self._one_by_one:
            await self._write(self._worker.ledger.overflow())

    def begin(self, asked: channel.Ask) -> None:
        """Answer soon."""
        self._task = spawn(self.tell(asked), "tell what was counted")

    async def tell(self, asked: channel.Ask) -> None:
        """Answer; returns when everything is written."""
        self._awaited += not asked.patient
        async with self._one_by_one:
            worker = self._worker
            totals, news = worker.totals, worker.ledger.news()
            clusters, listeners = (*worker.snapshot.clusters.values(),), (*worker.listeners.values(),)
            seen = states(clusters, listeners, hosts=not asked.patient)
            if asked.reset:
                seen = iter([*seen])  # before it is forgotten
                worker.forget()
                forget(clusters, listeners)
            await self._write(news)
            if not asked.patient or len(clusters) <= _FEW:
                await _paced(self._shown(seen))
            channel.write(self._writer, channel.Counted(asked.number, totals))
        self._awaited -= not asked.patient

    async def _write(self, news: Iterator[Growth]) -> None:
        await _paced(self._written(news), lambda: 0 if self._awaited else _REST)

    def _shown(self, seen: Iterator[tuple[Scope, State]]) -> Steps[None]:
        while some := tuple(islice(seen, _STATES_AT_ONCE)):
            channel.write(self._writer, channel.Seen(some))
            yield

    def _written(self, news: Iterator[Growth]) -> Steps[None]:
        for growth in news:
            channel.write(self._writer, channel.Grown(growth))
            yield


@dataclass(slots=True)
class _Serving:
    """What takes updates: a worker, its listening sockets, and where the parent hands them over."""

    worker: Worker
    listeners: Listeners
    handed: socket.socket
    builds: TableBuilds
    places: list[Place] = field(default_factory=list)
    """Of the sockets that were handed over for the delta to come."""
    routes: list[Route] = field(default_factory=list)
    """Of the delta to come."""

    async def take(self, delta: Delta) -> tuple[channel.Message, bool]:
        """Serve an update; tell also whether this worker is sound: one that failed halfway must be replaced."""
        places, self.places = self.places, []
        routes, self.routes = self.routes, []
        try:
            sockets = channel.take_over(self.handed, len(places))
            self.listeners.take(zip(places, sockets, strict=True))
            answer = await _serve(self.worker, replace(delta, routes=tuple(routes)) if routes else delta)
            if isinstance(answer, channel.Served):
                await self.builds.settled()
                await self.listeners.open(dict(delta.opened))
        except Exception as wrong:  # noqa: BLE001 - whatever it is, the parent must know: it waits
            return channel.Failed(delta.version, f"{type(wrong).__name__}: {' '.join(str(wrong).split())}"), False
        return answer, True


def _apply(worker: Worker, given: settings.WorkerSettings) -> None:
    worker.route_header = given.route_header
    if given.access_log:
        worker.log = AccessLog(compile_format(given.access_log_format), given.access_log)


async def _serve(worker: Worker, delta: Delta) -> channel.Message:
    """Serve an update; requests are served meanwhile.

    What is compiled stays, so that looking for garbage in it is time lost, and a lot at once: the collector
    rests meanwhile, and never sees it afterwards.
    """
    gc.collect()
    with resting_collector(keep=True):
        try:
            compiled = await _paced(worker.compiler.prepare(delta))
            worker.swap(worker.compiler.finish(delta, compiled))
        except UpdateRefusedError as refused:
            return channel.Failed(delta.version, refused.reason, refused.culprit)
    return channel.Served(delta.version)


async def _paced(steps: Steps[T], rest: Callable[[], float] = lambda: 0) -> T:
    """Take steps for a moment at a time, and rest between so many seconds, in which all that came is done."""
    while True:
        end = sources.stopwatch() + SLICE
        try:
            while sources.stopwatch() < end:
                next(steps)
        except StopIteration as done:
            value: T = done.value
            return value
        await asyncio.sleep(rest())


def _every(seconds: float, call: Callable[[], None]) -> Callable[[], None]:
    """Call again and again; return the function that stops it."""
    loop = asyncio.get_running_loop()
    handle: asyncio.TimerHandle

    def tick() -> None:
        nonlocal handle
        handle = loop.call_later(seconds, tick)
        call()

    handle = loop.call_later(seconds, tick)

    def stop() -> None:
        handle.cancel()

    return stop


async def _leave(worker: Worker, grace: float) -> None:
    """Wait until every connection is gone, `grace` seconds at most."""
    worker.drain()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await worker.empty.wait()
    worker.abort()


def main() -> None:
    """Run as a child of `Supervisor`: everything it needs is on its command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--sockets", type=int, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--settings", default="{}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # sent to the whole group; the parent decides
        signal.signal(number, signal.SIG_IGN)
    gc.set_threshold(_COLLECT_AFTER)
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
