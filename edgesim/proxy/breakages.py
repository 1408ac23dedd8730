"""Requests to what is broken on purpose: they end as if the endpoint had done it, for retries and outlier detection too.

A pool knows whether its endpoint is broken; one that is not costs a look at a slot. Broken is what was named: a cluster
by its name, or one endpoint by `ip:port`. Copies of requests (`shadow`) and tunnels of CONNECT are left alone.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from edgesim.policies.breakage import ERROR_BODY, ERROR_FIELDS, ERROR_STATUS, Breakage, Ending, ending
from edgesim.proxy.attempts import upstream_failed
from edgesim.proxy.forwarding import send_over
from edgesim.proxy.messages import Response
from edgesim.proxy.pools import give, leave

if TYPE_CHECKING:
    from edgesim.balancing import Address
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.pools import Pool
    from edgesim.proxy.upstream import UpstreamConnection

Breakages = Mapping[str, Breakage]
"""What is broken, by the name of a cluster or by `ip:port`."""
_ENOUGH = 65536
"""Bytes of a request that wait before its client is to."""


def breakage_of(breakages: Breakages, cluster: str, address: Address) -> Breakage | None:
    """Return how an endpoint is broken; what is said of it alone counts before what is said of its cluster."""
    return breakage_at(breakages, cluster, "{}:{}".format(*address))


def breakage_at(breakages: Breakages, cluster: str, where: str) -> Breakage | None:
    """Return the same of an endpoint that is written as `ip:port`."""
    return breakages.get(where) or breakages.get(cluster)


class Broken:
    """Stands between requests and a pool whose endpoint is broken."""

    __slots__ = ("_breakage",)

    def __init__(self, breakage: Breakage) -> None:
        """Break so."""
        self._breakage = breakage

    def __call__(self, exchange: Exchange, pool: Pool) -> None:
        """Take a request that was about to be sent: it gets a connection as any other, and ends there.

        So it counts as under way for balancers and circuit breakers, as if the endpoint had not answered yet.
        """
        if self._breakage.kill:
            while pool.idle:
                pool.idle.pop().close()
            send_over(exchange, pool)
            return
        exchange.held = partial(self._hold, exchange, pool, exchange.attempts)
        send_over(exchange, pool)
        if exchange.connection is not None:
            exchange.held()

    async def connecting(self) -> None:
        """Let a connection be made, after a while or not at all. Raises ConnectionRefusedError where nobody listens."""
        if self._breakage.kill:
            await asyncio.sleep(self._breakage.latency)
            raise ConnectionRefusedError(errno.ECONNREFUSED, "killed on purpose")

    def _hold(self, exchange: Exchange, pool: Pool, attempt: int) -> None:
        """Hold back a try that has its connection now, unless all was mended while it waited for that."""
        if pool.broken is self and exchange.attempts == attempt and not exchange.done:
            held = exchange.out = _HeldBack(exchange)
            end = ending(self._breakage, exchange.downstream.worker.draw())
            asyncio.get_running_loop().call_later(self._breakage.latency, _end, exchange, held, end)


class _HeldBack(list[bytes]):
    """What is to be sent, in a try that ends otherwise or later: whoever flushes finds nothing yet."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange.out)
        self._exchange = exchange
        self._size = sum(map(len, self))

    def __bool__(self) -> bool:
        return False

    def append(self, piece: bytes) -> None:
        """Take another piece of the body; where there is much, the client is to wait."""
        super().append(piece)
        self._size += len(piece)
        if self._size > _ENOUGH:
            self._exchange.downstream.pause_reading()


def _end(exchange: Exchange, held: _HeldBack, end: Ending) -> None:
    """Do what is to become of a try, unless it is over by now."""
    connection = exchange.connection
    if exchange.done or exchange.out is not held or connection is None:
        return
    if end is Ending.PASS:
        exchange.out = [*held]
        exchange.downstream.resume_reading()
        exchange.flush()
    elif end is Ending.ERROR:
        _give_back(exchange, connection)
        _answer(exchange)
    elif end is Ending.RESET:
        connection.abandon()
        upstream_failed(exchange, "connection termination", answered=False, reused=False)


def _give_back(exchange: Exchange, connection: UpstreamConnection) -> None:
    """Let others have a connection over which nothing was sent."""
    exchange.connection = connection.exchange = None
    connection.touched = True
    leave(connection)
    give(connection)


def _answer(exchange: Exchange) -> None:
    exchange.response_head(
        Response(ERROR_STATUS, [*ERROR_FIELDS], dict(ERROR_FIELDS), len(ERROR_BODY)), bodiless=exchange.is_head
    )
    if exchange.responding:  # else another try is made instead
        if not exchange.is_head:
            exchange.response_body(ERROR_BODY)
        exchange.response_complete()
        exchange.flush_response()
