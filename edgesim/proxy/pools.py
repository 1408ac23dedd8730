"""Pools of connections to endpoints: who gets which, and when a new one is opened.

A pool hands out its youngest idle connection (LIFO, so that spare ones age and are closed), opens a
new one when there is none, and gives a connection that becomes free to whoever waits longest. What
is said over a connection is `upstream`'s; how many there may be, `breakers`'.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from edgesim.model import ConnectionSettings
from edgesim.proxy.breakers import Load, OverflowedError
from edgesim.proxy.dialing import EndpointTls, dial
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.tls import failure_text
from edgesim.telemetry import spawn

if TYPE_CHECKING:
    from edgesim.balancing import HostHealth
    from edgesim.proxy.breakages import Broken
    from edgesim.proxy.outliers import Watch
    from edgesim.proxy.upstream import UpstreamConnection


OnSwitch = Callable[["UpstreamConnection", Response, bytes], None]
"""Takes a connection, the 101, and what came behind it."""


class UpstreamUser(Protocol):
    """Who sends a request over a connection and is told what comes of it."""

    wants_connection: bool
    request_complete: bool
    is_head: bool

    @property
    def on_switch(self) -> OnSwitch | None:
        """What takes the connection over behind a 101; None for who did not ask to switch."""

    def connected(self, connection: UpstreamConnection) -> None:
        """Take the connection waited for."""

    def connect_failed(self, reason: str) -> None:
        """Get none."""

    def overflowed(self) -> None:
        """Get none after having waited: a circuit breaker is full."""

    def response_head(self, response: Response, *, bodiless: bool) -> None:
        """Take the head of the answer."""

    def response_body(self, data: bytes) -> None:
        """Take a piece of the answer's body."""

    def response_complete(self) -> None:
        """The answer is here as a whole; the connection goes back to its pool by itself."""

    def flush_response(self) -> None:
        """All that came with one read was told."""

    def upstream_failed(self, reason: str, *, answered: bool, reused: bool) -> None:
        """The connection is gone before the answer was whole."""

    def pause_sending(self) -> None:
        """Send less: the upstream is slow."""

    def resume_sending(self) -> None:
        """Send on."""


class Pool:
    """The connections to one endpoint. A retired pool (its endpoint is gone) keeps none that is idle."""

    __slots__ = (
        "address",
        "broken",
        "busy",
        "connecting",
        "failure",
        "failures",
        "idle",
        "load",
        "make",
        "opened",
        "port",
        "record",
        "refused",
        "responses",
        "retired",
        "retried",
        "settings",
        "timeouts",
        "tls",
        "unsent",
        "waiting",
        "watch",
        "written",
    )

    def __init__(
        self,
        address: str,
        port: int,
        settings: ConnectionSettings,
        load: Load,
        responses: Memory[Response],
        make: Callable[[Pool], UpstreamConnection],
        tls: EndpointTls | None = None,
    ) -> None:
        """Take the endpoint's address, how connections are made and kept, and the memory of heads seen.

        `load` is what is under way to the cluster; `make` makes a connection that belongs to the pool.
        """
        self.make = make
        self.tls = tls
        self.responses = responses
        self.address = address
        self.port = port
        self.written = f"[{address}]:{port}".encode() if ":" in address else f"{address}:{port}".encode()
        self.settings = settings
        self.load = load
        self.watch: Watch | None = None
        """What is told to outlier detection, where the cluster has any."""
        self.broken: Broken | None = None
        """What stands between requests and an endpoint that is broken on purpose."""
        self.record: HostHealth | None = None
        """Where requests under way are counted, for a balancer that looks at them."""
        self.idle: list[UpstreamConnection] = []
        self.busy: set[UpstreamConnection] = set()
        self.waiting: deque[UpstreamUser] = deque()
        self.connecting = 0
        self.failure = b""
        """Why connecting failed last, as access logs say it."""
        self.retired = False
        self.opened = self.failures = self.timeouts = 0
        """Connections that were ever begun, those that could not be made, and requests that took too long."""
        self.retried = self.unsent = self.refused = 0
        """Tries after which another was made, those that got no connection, and those that were not to wait for one."""

    def __repr__(self) -> str:
        """Tell the whole state in a line, for whoever looks for a mistake."""
        waiting = sum(user.wants_connection for user in self.waiting)
        held = f"{len(self.idle)} idle, {len(self.busy)} busy, {self.connecting} connecting"
        return f"<Pool {self.address}:{self.port}: {held}; {waiting} waiting{', retired' * self.retired}>"


def acquire(pool: Pool, exchange: UpstreamUser) -> UpstreamConnection | None:
    """Return an idle connection, or None: the exchange is told when it has one, or that it gets none.

    Raises OverflowedError where a circuit breaker is full.
    """
    if pool.idle:
        load = pool.load
        if load.connections > load.limits.max_requests:  # else there cannot be too many requests
            _check_request(pool)
        connection = pool.idle.pop()
        pool.busy.add(connection)  # as `take`, without a call
        if pool.record is not None:
            pool.record.active = len(pool.busy)
        connection.exchange = exchange
        return connection
    connect(pool, exchange)
    return None


def _check_request(pool: Pool) -> None:
    """Find out whether another request may have a connection; to Envoy one that may not is an error of the endpoint."""
    try:
        pool.load.check_request()
    except OverflowedError:
        pool.unsent += 1
        raise


def take(connection: UpstreamConnection) -> None:
    """Note that a connection is in use."""
    pool = connection.pool
    pool.busy.add(connection)
    if pool.record is not None:
        pool.record.active = len(pool.busy)


def leave(connection: UpstreamConnection) -> None:
    """Note that a connection is not in use any more."""
    pool = connection.pool
    pool.busy.discard(connection)
    if pool.record is not None:
        pool.record.active = len(pool.busy)


def connect(pool: Pool, exchange: UpstreamUser) -> None:
    """Let an exchange wait for a new connection, or for one that becomes free before. Raises OverflowedError."""
    try:
        pool.load.add_pending()
    except OverflowedError:
        pool.refused += 1
        raise
    exchange.wants_connection = True
    pool.waiting.append(exchange)
    open_wanted(pool)


def withdraw(pool: Pool, exchange: UpstreamUser) -> None:
    """Let an exchange wait no more."""
    exchange.wants_connection = False
    if exchange in pool.waiting:
        pool.waiting.remove(exchange)
        pool.load.pending -= 1


def open_wanted(pool: Pool) -> None:
    """Open a connection where more wait than are being opened, unless there are as many as there may be."""
    load = pool.load
    if pool.connecting >= len(pool.waiting):
        return
    if not load.takes_connection:
        load.connection_overflows += 1
        if pool.connecting or pool.busy or pool.idle:
            return
    pool.connecting += 1
    load.connections += 1
    load.opened += 1
    pool.opened += 1
    _ = spawn(_connect(pool), name=f"connect {pool.address}:{pool.port}")


async def _connect(pool: Pool) -> None:
    begun = pool.load.clock()
    try:
        async with asyncio.timeout(pool.settings.connect_timeout):
            if pool.broken is not None:
                await pool.broken.connecting()
            _, connection = await dial(pool.address, pool.port, pool.tls, lambda: pool.make(pool))
    except TimeoutError:
        pool.load.connect_timeouts += 1
        _fail(pool, "connection timeout", begun)
    except (OSError, ValueError, OverflowError) as failed:
        pool.failure = failure_text(failed)
        _fail(pool, "remote connection failure", begun)
    else:
        if connection.transport is None or connection.transport.is_closing():
            _fail(pool, "connection termination", begun)
            return
        connection.is_counted = True
        connection.born = begun
        pool.load.note_connected(begun)
        pool.connecting -= 1
        give(connection)


def _fail(pool: Pool, reason: str, begun: float) -> None:
    """Tell all who wait that there is no connection: as in Envoy, nobody waits at an endpoint that takes none."""
    pool.connecting -= 1
    pool.failures += 1
    pool.load.connect_failures += 1
    pool.load.note_gone(begun)
    pool.load.connections -= 1
    waiting, pool.waiting = pool.waiting, deque()
    pool.load.pending -= len(waiting)
    unsent = sum(exchange.wants_connection for exchange in waiting)
    pool.unsent += unsent
    pool.load.pending_failures += unsent
    for exchange in waiting:
        exchange.connect_failed(reason)


def give(connection: UpstreamConnection) -> None:
    """Hand a free connection to the exchange that waits longest, or keep it."""
    pool = connection.pool
    if connection.transport is None or connection.transport.is_closing():
        return
    while pool.waiting:
        exchange = pool.waiting.popleft()
        pool.load.pending -= 1
        if not exchange.wants_connection:
            continue
        try:
            if pool.load.connections > pool.load.limits.max_requests:
                _check_request(pool)
        except OverflowedError:
            exchange.wants_connection = False
            exchange.overflowed()
            continue
        take(connection)
        connection.exchange = exchange
        exchange.connected(connection)
        return
    if pool.retired:
        connection.close()
    else:
        pool.idle.append(connection)


def lost(connection: UpstreamConnection) -> None:
    """Note that a connection is gone: another may be opened for who waits."""
    pool = connection.pool
    leave(connection)
    if connection.is_counted:
        connection.is_counted = False
        pool.load.note_gone(connection.born)
        pool.load.connections -= 1
    if pool.waiting:
        open_wanted(pool)


def close_idle(pool: Pool, now: float) -> None:
    """Close connections that have not been used for the idle timeout: that is noticed a look late at most."""
    longest = pool.settings.idle_timeout
    for connection in tuple(pool.idle):
        if connection.touched:
            connection.touched = False
            connection.since = now
        elif longest and now - connection.since >= longest:
            pool.idle.remove(connection)
            connection.close()


def retire(pool: Pool) -> None:
    """Close what is idle and keep nothing from now on; exchanges under way finish."""
    pool.retired = True
    while pool.idle:
        pool.idle.pop().close()
