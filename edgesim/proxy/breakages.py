"""Requests to what is broken on purpose: they end as if the endpoint had done it, for retries and outlier detection too.

A pool knows whether its endpoint is broken; one that is not costs a look at a slot. Broken is what was named: a cluster
by its name, or one endpoint by `ip:port`. Copies of requests (`shadow`) and tunnels of CONNECT are left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgesim.policies.breakage import ERROR_BODY, ERROR_FIELDS, ERROR_STATUS, Breakage, Ending, ending
from edgesim.policies.retries import Reset
from edgesim.proxy.attempts import after_reset, upstream_failed
from edgesim.proxy.forwarding import limit_try, send_over
from edgesim.proxy.messages import Response

if TYPE_CHECKING:
    from edgesim.balancing import Address
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.pools import Pool

Breakages = Mapping[str, Breakage]
"""What is broken, by the name of a cluster or by `ip:port`."""


def breakage_of(breakages: Breakages, cluster: str, address: Address) -> Breakage | None:
    """Return how an endpoint is broken; what is said of it alone counts before what is said of its cluster."""
    return breakages.get("{}:{}".format(*address)) or breakages.get(cluster)


class Broken:
    """Stands between requests and a pool whose endpoint is broken."""

    __slots__ = ("_breakage",)

    def __init__(self, breakage: Breakage) -> None:
        """Break so."""
        self._breakage = breakage

    def __call__(self, exchange: Exchange, pool: Pool) -> None:
        """Take a request that was about to be sent, and let it end later."""
        end = ending(self._breakage, exchange.downstream.worker.draw())
        exchange.pool = pool
        loop = asyncio.get_running_loop()
        loop.call_later(self._breakage.latency, _end, exchange, pool, end, exchange.attempts)
        limit_try(exchange)


def _end(exchange: Exchange, pool: Pool, end: Ending, attempt: int) -> None:
    """Do what is to become of a try, unless it is over by now."""
    if exchange.done or exchange.attempts != attempt or exchange.waits is not None:
        return
    if end is Ending.PASS:
        send_over(exchange, pool)
        exchange.downstream.resume_reading()
        exchange.flush()
    elif end is Ending.ERROR:
        _answer(exchange)
    elif end is Ending.RESET:
        upstream_failed(exchange, "connection termination", answered=False, reused=False)
    elif end is Ending.NOBODY:
        exchange.unreached = True
        if pool.watch is not None:
            pool.watch.failed(503)
        after_reset(exchange, Reset.CONNECT_FAILURE, "remote connection failure")


def _answer(exchange: Exchange) -> None:
    exchange.response_head(
        Response(ERROR_STATUS, [*ERROR_FIELDS], dict(ERROR_FIELDS), len(ERROR_BODY)), bodiless=exchange.is_head
    )
    if exchange.responding:  # else another try is made instead
        if not exchange.is_head:
            exchange.response_body(ERROR_BODY)
        exchange.response_complete()
        exchange.flush_response()
