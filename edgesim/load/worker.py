"""A client process: sends what its parent orders, and tells once a second what came of it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from random import Random

import re2
import uvloop

from edgesim.load import messages
from edgesim.load.answers import learner
from edgesim.load.closed_loop import ClosedLoop
from edgesim.load.connecting import Connector, resolve
from edgesim.load.messages import Counts
from edgesim.load.open_loop import OpenLoop
from edgesim.load.recording import Recorder
from edgesim.load.scenario import Closed, Open, Scenario
from edgesim.load.schedule import requests_of, send_times
from edgesim.load.span import Span, span_of
from edgesim.load.variables import share_of_rows
from edgesim.telemetry.sources import cpu_seconds, nanoseconds
from edgesim.telemetry.tasks import spawn

_SWEEP = 0.05
"""Seconds between looks at every deadline."""
_SECOND = 1_000_000_000
_GRACE = 1.0
"""Seconds beyond the timeout that the last answers are waited for."""
_COLLECT_AFTER = 50_000


async def run(channel: int, settle: Callable[[], None] = lambda: None) -> None:
    """Do one order, and leave; also where the parent is gone. `settle` is called when everything is prepared."""
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=channel))
    order = await messages.read(reader)
    if not isinstance(order, messages.Order):
        return
    recorder = Recorder()
    try:
        engine = await _engine(order, recorder)
        await engine.prepare()
    except (OSError, ssl.SSLError, re2.error) as wrong:
        messages.write(writer, messages.Ready(str(getattr(wrong, "strerror", None) or wrong) or type(wrong).__name__))
        await writer.drain()
        return
    settle()
    messages.write(writer, messages.Ready())
    begin = await messages.read(reader)
    if isinstance(begin, messages.Begin):
        await _drive(engine, order, span_of(order.scenario, begin.at), reader, writer)


async def _engine(order: messages.Order, recorder: Recorder) -> OpenLoop | ClosedLoop:
    rows = share_of_rows(order.scenario.variables, order.index, order.workers)
    scenario = replace(order.scenario, variables=rows)
    connector = Connector(scenario, await resolve(scenario.target))
    random = Random(f"{scenario.seed}:{order.index}")
    learn = learner(scenario.destination)
    if isinstance(scenario.mode, Closed):
        loops = _share(scenario.sessions.users or scenario.mode.connections, order)
        return ClosedLoop(scenario, connector, recorder, learn, random, loops)
    mine = _with_share_of_users(scenario, order)
    return OpenLoop(mine, connector, recorder, learn, random, max(1, _share(scenario.connections, order)))


def _share(number: int, order: messages.Order) -> int:
    return number // order.workers + (order.index < number % order.workers)


def _with_share_of_users(scenario: Scenario, order: messages.Order) -> Scenario:
    if not scenario.sessions.users:
        return scenario
    users = max(1, _share(scenario.sessions.users, order))
    return replace(scenario, sessions=replace(scenario.sessions, users=users))


async def _drive(
    engine: OpenLoop | ClosedLoop,
    order: messages.Order,
    span: Span,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Send from the start of the span; tell every second what came of it, and the rest at the end."""
    await asyncio.sleep(max(0, span.start - nanoseconds()) / _SECOND)
    teller = _Teller(engine.recorder, writer, span)
    telling = spawn(teller.keep_telling(), "tell")
    listening = spawn(_listen(reader, engine), "listen to the parent")
    _begin(engine, order, span)
    await _until_done(engine, span, order.scenario.timeout + _GRACE)
    ended = nanoseconds()
    telling.cancel()
    listening.cancel()
    engine.close()
    for connection in list(engine.connections):
        if connection.busy:
            connection.expire()
        else:
            connection.close()
    teller.tell()
    messages.write(writer, messages.End(engine.users.patterns(), (ended - span.start) / _SECOND))
    await writer.drain()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    await reader.read()  # until the parent closes: what it may still say must find somebody, or the end above is lost
    writer.close()


def _begin(engine: OpenLoop | ClosedLoop, order: messages.Order, span: Span) -> None:
    scenario = order.scenario
    if isinstance(engine, ClosedLoop):
        engine.begin(span, _share(scenario.count, order) if scenario.count else -1)
    elif isinstance(scenario.mode, Open):
        times = send_times(scenario.mode, order.index, order.workers, scenario.seed, scenario.count)
        engine.begin(span, times, requests_of(scenario.mode, order.index, order.workers))


async def _until_done(engine: OpenLoop | ClosedLoop, span: Span, grace: float) -> None:
    """Wait until all is answered, at most `grace` seconds beyond the end; deadlines are looked at meanwhile."""
    over = span.end + round(2 * grace * _SECOND)
    patience = round((grace - _GRACE) * _SECOND)
    while not engine.done.is_set() and nanoseconds() < over:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(engine.done.wait(), _SWEEP)
        oldest = nanoseconds() - patience
        for connection in [each for each in engine.connections if each.busy and each.at < oldest]:
            connection.expire()
        engine.sweep(nanoseconds())


async def _listen(reader: asyncio.StreamReader, engine: OpenLoop | ClosedLoop) -> None:
    """Stop when the parent says so; leave at once when it is gone: nobody would hear the results."""
    while True:
        message = await messages.read(reader)
        if message is None:
            os._exit(1)
        engine.stop()


class _Teller:
    """Tells the parent what was counted."""

    def __init__(self, recorder: Recorder, writer: asyncio.StreamWriter, span: Span) -> None:
        self._recorder = recorder
        self._writer = writer
        self._second = 0
        self._start = span.start
        self._cpu = cpu_seconds()
        self._told = nanoseconds()

    async def keep_telling(self) -> None:
        """Tell at the end of every second of the run."""
        while True:
            end = self._start + (self._second + 1) * _SECOND
            await asyncio.sleep(max(0, end - nanoseconds()) / _SECOND)
            self.tell()
            self._second += 1

    def tell(self) -> None:
        """Tell what was counted since the last time, and begin anew."""
        recorder, cpu, now = self._recorder, cpu_seconds(), nanoseconds()
        busy = (cpu - self._cpu) / max(1e-9, (now - self._told) / _SECOND)
        self._cpu, self._told = cpu, now
        messages.write(
            self._writer,
            messages.Beat(
                self._second,
                recorder.measured,
                recorder.other,
                recorder.waiting,
                busy,
                recorder.taken(),
                recorder.connects,
                recorder.pacing,
                recorder.blocked,
                recorder.short,
            ),
        )
        recorder.measured, recorder.other = Counts(), Counts()
        recorder.connects, recorder.pacing, recorder.short = {}, {}, {}
        recorder.waiting = recorder.blocked = 0


def _settle() -> None:
    """Have nothing left for the garbage collector to look at while it is measured."""
    gc.collect()
    gc.freeze()


def main() -> None:
    """Run as a child of `driver`: all it needs comes through the channel."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int, required=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # sent to the whole group; the parent decides
        signal.signal(number, signal.SIG_IGN)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.set_threshold(_COLLECT_AFTER)
    uvloop.run(run(parser.parse_args().channel, _settle))


if __name__ == "__main__":
    main()
