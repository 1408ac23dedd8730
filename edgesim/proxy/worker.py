"""What all connections of one worker share: the snapshot it serves, the clocks, the counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from random import Random

from edgesim.balancing import build_at_once
from edgesim.balancing.hashing import Build
from edgesim.proxy import limits
from edgesim.proxy.access_log import AccessLog
from edgesim.proxy.deltas import Delta
from edgesim.proxy.downstream import Downstream
from edgesim.proxy.exchange import Exchange
from edgesim.proxy.listening import ActiveListener
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.observed import endpoint_of, scope_of
from edgesim.proxy.request_ids import request_ids
from edgesim.proxy.serving import Compiler, Snapshot
from edgesim.proxy.shadow import Shadow
from edgesim.proxy.tokens import Tokens
from edgesim.telemetry import sources
from edgesim.telemetry.ledger import Ledger
from edgesim.telemetry.tally import Totals

LINGER = 1.0
"""Seconds a client has to read a last answer, as Envoy's delayed close."""
_LONGEST_PAUSE = 1.0
"""Seconds between two looks at clusters, at most."""
LAST_REQUEST = 0.05
"""Seconds a connection of a listener that is going stays open without a request: one may be on its way, which is answered."""


class Worker:
    """What all connections of a worker share."""

    def __init__(
        self,
        random: Random,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        build: Build = build_at_once,
    ) -> None:
        """Take randomness, the monotonic clock and the wall clock, both in seconds, and what makes hash tables."""
        self.responses: Memory[Response] = Memory()
        self.compiler = Compiler(lambda: random.getrandbits(64), clock, self.responses, build)
        self.listeners: dict[str, ActiveListener] = {}
        self.snapshot: Snapshot
        self.connections: set[Downstream] = set()
        self.active: set[Exchange | Shadow] = set()
        self.lingering: dict[Downstream, float] = {}
        self.look_at = self.look_at_clusters = 0.0
        self.newly_used: list[str] = []
        """Clusters whose endpoints are checked and which got their first request: the parent is to know."""
        self.draining = self.hinting = False
        self.empty = asyncio.Event()
        self.tokens = Tokens()
        self.log: AccessLog | None = None
        self.route_header = False
        self.ledger = Ledger(scope_of, endpoint_of)
        self.ended = self.ledger.ended
        self.accepted = self.no_route = self.no_cluster = 0
        """Connections of clients, and requests that no route took, or a route without its cluster."""
        self.now = clock
        self.request_id = request_ids(sources.random_bytes).__next__
        self.wall_clock = wall_clock
        self._random = random
        self.date = formatdate(wall_clock(), usegmt=True).encode()
        self.swap(self.compiler.snapshot(Delta(0)))

    def swap(self, snapshot: Snapshot) -> None:
        """Serve another snapshot from now on; connections of listeners that are gone drain."""
        if self.log is not None:
            self.log.flush()  # what is found out while lines are written belongs to the old one
        self.snapshot = snapshot
        for name, served in snapshot.listeners.items():
            listener = self.listeners.get(name)
            if listener is not None and listener.scheme == served.table.scheme:
                listener.swap(served)
                continue
            self.listeners[name] = ActiveListener(served)
            self.listeners[name].draining = self.hinting
            if listener is not None:
                self._drain(listener)
        for name in self.listeners.keys() - snapshot.listeners.keys():
            self._drain(self.listeners.pop(name))
        self.responses.clear()
        self.ledger.forget_numbers()

    def draw(self) -> int:
        """Return the 64-bit value a request's weighted choice is made with."""
        return self._random.getrandbits(64)

    def milliseconds_since(self, started: float) -> int:
        """Return whole milliseconds since a moment of `now`."""
        return int((self.now() - started) * 1000)

    def accept(self, listener: ActiveListener) -> Downstream:
        """Take a connection from a client."""
        self.accepted += 1
        listener.accepted += 1
        return Downstream(self, listener)

    @property
    def totals(self) -> Totals:
        """What is counted by no route."""
        active = sum(connection.current is not None for connection in self.connections)
        dropped = 0 if self.log is None else self.log.dropped
        return Totals(self.accepted, len(self.connections), active, dropped, self.no_route, self.no_cluster)

    def forget(self) -> None:
        """Begin to count at zero."""
        self.accepted = self.no_route = self.no_cluster = 0
        if self.log is not None:
            self.log.forget_dropped()

    def linger(self, connection: Downstream) -> None:
        """Close a connection soon: its client is reading the last answer."""
        self.lingering[connection] = self.now() + LINGER

    def sweep(self) -> None:
        """Look at every deadline, and at the date."""
        now = self.now()
        self.ledger.gather()
        self.date = formatdate(self.wall_clock(), usegmt=True).encode()
        if now >= self.look_at:
            self.look_at = limits.sweep(self, now)
        if now >= self.look_at_clusters:
            self._look_at_clusters(now)
        if self.log is not None:
            self.log.flush()
        for exchange in [e for e in self.active if e.deadline <= now or e.try_deadline <= now]:
            exchange.timed_out(now)
        for connection in [c for c, deadline in self.lingering.items() if deadline <= now]:
            del self.lingering[connection]
            connection.close()

    def _look_at_clusters(self, now: float) -> None:
        """Let clusters do what is due; one that got its first request is told of."""
        due = now + _LONGEST_PAUSE
        for name, runtime in self.snapshot.clusters.items():
            due = min(due, runtime.look(now))
            if runtime.load.opened and runtime.cluster.health_checks and not runtime.told_used:
                runtime.told_used = True
                self.newly_used.append(name)
        self.look_at_clusters = due

    def hint(self, *, closes: bool) -> None:
        """Say `connection: close` with each answer, or no more: who balances over this proxy is to go elsewhere."""
        self.hinting = closes
        for listener in self.listeners.values():
            listener.draining = closes or listener.leaving

    def drain(self) -> None:
        """Close what is idle; answers from now on say `connection: close`. Sets `empty` when all are gone."""
        self.draining = True
        if not self.connections:
            self.empty.set()
        for listener in self.listeners.values():
            self._drain(listener)

    def _drain(self, listener: ActiveListener) -> None:
        listener.draining = listener.leaving = True
        if listener.connections:
            loop = asyncio.get_running_loop()
            # In two steps: however late the first comes, what the sockets hold is read between them.
            loop.call_later(LAST_REQUEST, loop.call_later, 0.0, self._close_idle, listener)

    def _close_idle(self, listener: ActiveListener) -> None:
        for connection in [each for each in self.connections if each.listener is listener]:
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
