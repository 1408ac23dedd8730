"""A worker process: the data plane.

It serves one snapshot at a time, takes updates from its parent, and leaves when the parent says so or
is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import signal
import socket
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate
from random import Random

import uvloop

from edgesim.http1.replies import local_fields, reply_bytes
from edgesim.policies.formatter import Formatter, compile_json, compile_text
from edgesim.proxy import channel, limits, settings
from edgesim.proxy.access_log import AccessLog
from edgesim.proxy.deltas import Delta
from edgesim.proxy.downstream import Downstream
from edgesim.proxy.exchange import Exchange
from edgesim.proxy.messages import Memory, Request, Response
from edgesim.proxy.observed import StatKey
from edgesim.proxy.request_ids import request_ids
from edgesim.proxy.serving import Compiler, Snapshot
from edgesim.proxy.tls import listener_context
from edgesim.proxy.tokens import Tokens
from edgesim.telemetry.histogram import Counts

SWEEP = 0.025
"""Seconds between looks at every deadline: one sweep instead of a timer per request."""
LINGER = 1.0
"""Seconds a client has to read a last answer, as Envoy's delayed close."""
_BACKLOG = 4096
_COLLECT_AFTER = 50_000
_REFUSALS = {400: b"Bad Request", 426: b"", 431: b""}


class Worker:
    """What all connections of a worker share."""

    def __init__(self, random: Random, clock: Callable[[], float], wall_clock: Callable[[], float]) -> None:
        """Take randomness, the monotonic clock and the wall clock, both in seconds."""
        self.requests: dict[bytes, Memory[Request]] = {b"http": Memory(), b"https": Memory()}
        self.responses: Memory[Response] = Memory()
        self.compiler = Compiler(lambda: random.getrandbits(16), self.responses)
        self.snapshot: Snapshot = self.compiler.snapshot(Delta(0))
        self.connections: set[Downstream] = set()
        self.active: set[Exchange] = set()
        self.lingering: dict[Downstream, float] = {}
        self.look_at = 0.0
        self.draining = False
        self.empty = asyncio.Event()
        self.tokens = Tokens()
        self.log: AccessLog | None = None
        self.route_header = False
        self.counts: dict[StatKey, Counts] = {}
        self.now = clock
        self.request_id = request_ids().__next__
        self.wall_clock = wall_clock
        self._random = random
        self.date = formatdate(wall_clock(), usegmt=True).encode()

    def draw(self) -> int:
        """Return the 64-bit value a request's weighted choice is made with."""
        return self._random.getrandbits(64)

    def milliseconds_since(self, started: float) -> int:
        """Return whole milliseconds since a moment of `now`."""
        return int((self.now() - started) * 1000)

    def refusal(self, status: int, body: bytes = b"") -> bytes:
        """Return the answer to a request that cannot be read."""
        body = body or _REFUSALS.get(status, b"")
        return reply_bytes(status, local_fields(body), body, self.date, close=True, head_only=False)

    def linger(self, connection: Downstream) -> None:
        """Close a connection soon: its client is reading the last answer."""
        self.lingering[connection] = self.now() + LINGER

    def sweep(self) -> None:
        """Look at every deadline, and at the date."""
        now = self.now()
        self.date = formatdate(self.wall_clock(), usegmt=True).encode()
        if now >= self.look_at:
            self.look_at = limits.sweep(self, now)
        if self.log is not None:
            self.log.flush()
        for exchange in [e for e in self.active if e.deadline <= now or e.try_deadline <= now]:
            exchange.timed_out(now)
        for connection in [c for c, deadline in self.lingering.items() if deadline <= now]:
            del self.lingering[connection]
            connection.close()

    def drain(self) -> None:
        """Close what is idle; answers under way say `connection: close`. Sets `empty` when all are gone."""
        self.draining = True
        if not self.connections:
            self.empty.set()
        for connection in list(self.connections):
            if connection.current is None:
                connection.close()

    def left(self, connection: Downstream) -> None:
        """Note that a connection is gone."""
        self.connections.discard(connection)
        self.lingering.pop(connection, None)
        if self.draining and not self.connections:
            self.empty.set()

    def abort(self) -> None:
        """Reset what is left."""
        for connection in list(self.connections):
            connection.abort()


async def run(options: argparse.Namespace) -> None:
    """Serve until the parent asks to drain or is gone."""
    worker = Worker(Random(options.seed), time.monotonic, time.time)
    _apply(worker, settings.decode(options.settings))
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=options.channel))
    sweeping = _every(SWEEP, worker.sweep)
    listeners = Listeners(worker, options.host, options.port)
    grace = 0.0
    while (message := await channel.read(reader)) is not None:
        if isinstance(message, channel.Drain):
            grace = message.grace
            break
        if isinstance(message, Delta):
            answer = _serve(worker, message)
            await listeners.open(message.tls_port)
            channel.write(writer, answer)
            await writer.drain()
    listeners.close()
    await _leave(worker, grace)
    sweeping()
    if worker.log is not None:
        worker.log.close()
    writer.close()


def _apply(worker: Worker, given: settings.WorkerSettings) -> None:
    worker.route_header = given.route_header
    if given.access_log:
        worker.log = AccessLog(access_log_formatter(given.access_log_format), given.access_log)


def access_log_formatter(text: str) -> Formatter:
    """Return what writes log lines: Envoy's default, a format string, or a JSON object of them.

    Raises FormatError, and ValueError for JSON that is no object.
    """
    if text.lstrip().startswith("{"):
        return compile_json(json.loads(text))
    return compile_text(text if text.endswith("\n") else text + "\n") if text else compile_text()


def _serve(worker: Worker, delta: Delta) -> channel.Message:
    try:
        worker.snapshot = worker.compiler.snapshot(delta)
    except ValueError as wrong:
        return channel.Failed(delta.version, str(wrong))
    for memory in worker.requests.values():
        memory.clear()
    worker.responses.clear()
    gc.collect()
    gc.freeze()
    return channel.Served(delta.version)


class Listeners:
    """The listening sockets: the plain one from the first version on, the TLS one while virtual hosts ask for it."""

    def __init__(self, worker: Worker, host: str, port: int) -> None:
        """Take where the plain listener goes."""
        self._worker = worker
        self._host = host
        self._port = port
        self._plain: asyncio.Server | None = None
        self._tls: asyncio.Server | None = None

    async def open(self, tls_port: int) -> None:
        """Open what is not open yet; a `tls_port` of 0 closes the TLS listener."""
        if self._plain is None:
            self._plain = await self._listen(self._port, b"http", None)
        if tls_port and self._tls is None:
            context = listener_context(lambda: self._worker.snapshot.contexts)
            self._tls = await self._listen(tls_port, b"https", context)
        elif not tls_port and self._tls is not None:
            self._tls.close()
            self._tls = None

    async def _listen(self, port: int, scheme: bytes, context: ssl.SSLContext | None) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        worker = self._worker
        return await loop.create_server(
            lambda: Downstream(worker, scheme), self._host, port, reuse_port=True, backlog=_BACKLOG, ssl=context
        )

    def close(self) -> None:
        """Accept no more."""
        for server in (self._plain, self._tls):
            if server is not None:
                server.close()


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
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--settings", default="{}")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.set_threshold(_COLLECT_AFTER)
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
