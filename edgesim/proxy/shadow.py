"""Shadow traffic: a copy of a request for another cluster, whose answer nobody waits for (section 6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.model.policies import Mirror
from edgesim.policies.lines import MILLION
from edgesim.proxy.breakers import OverflowedError
from edgesim.proxy.heads import shadow_head
from edgesim.proxy.own_address import own_address
from edgesim.proxy.pools import Pool, acquire, withdraw
from edgesim.proxy.upstream import UpstreamConnection
from edgesim.telemetry.sources import NEVER

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.messages import Response
    from edgesim.proxy.worker import Worker

_MOST_WAITING = 1 << 20
"""Bytes of a body that wait for a slow shadow; beyond, the shadow is dropped: it must never slow the request."""

_UNAVAILABLE = 503


class Shadow:
    """The copy of one request on its way; its worker's sweep looks at its deadline as at those of exchanges."""

    wants_connection = False
    on_switch = None
    try_deadline = NEVER

    def __init__(self, worker: Worker, timeout: float, *, request_complete: bool, is_head: bool) -> None:
        """Begin a copy of a request, which takes `timeout` seconds at most once it is whole; 0 is no limit."""
        self.worker = worker
        self.timeout = timeout
        self.request_complete = request_complete
        self.is_head = is_head
        self.pool: Pool | None = None
        self.connection: UpstreamConnection | None = None
        self.out: list[bytes] = []
        self.size = 0
        self.dropped = False
        self.deadline = self._latest() if request_complete else NEVER
        worker.active.add(self)

    def _latest(self) -> float:
        return self.worker.now() + self.timeout if self.timeout else NEVER

    def request_body(self, piece: bytes) -> None:
        """Take a piece of the body, framed already."""
        if self.dropped:
            return
        self.out.append(piece)
        self.size += len(piece)
        if self.connection is None and self.size > _MOST_WAITING:
            self.drop()
        self._flush()

    def request_end(self) -> None:
        """The request is whole."""
        self.request_complete = True
        self.deadline = self._latest()
        self._flush()

    def timed_out(self, now: float) -> None:
        """Wait no longer, as Envoy, which gives a copy the route's timeout."""
        del now
        self.drop()

    def drop(self) -> None:
        """Give the copy up."""
        self.dropped = True
        if self.wants_connection and self.pool is not None:
            withdraw(self.pool, self)
        self.out.clear()
        self.worker.active.discard(self)
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.abandon()

    def _flush(self) -> None:
        transport = None if self.connection is None else self.connection.transport
        if transport is not None and self.out:
            transport.write(b"".join(self.out))
            self.out.clear()
            if transport.get_write_buffer_size() > _MOST_WAITING:
                self.drop()

    def connected(self, connection: UpstreamConnection) -> None:
        """Send what waits."""
        self.wants_connection = False
        self.connection = connection
        self._flush()

    def connect_failed(self, reason: str) -> None:
        """Nobody waits for it."""
        del reason
        self.wants_connection = False
        if self.pool is not None and self.pool.watch is not None:
            self.pool.watch.failed(_UNAVAILABLE)
        self.drop()

    def overflowed(self) -> None:
        """Nobody is told."""
        self.drop()

    def response_head(self, response: Response, *, bodiless: bool) -> None:
        """Nobody reads it, but how the endpoint does is noted."""
        del bodiless
        if self.pool is not None and self.pool.watch is not None:
            self.pool.watch.answered(response.status)

    def response_body(self, data: bytes) -> None:
        """Nobody reads it."""

    def response_complete(self) -> None:
        """The copy is done; of a request that is not whole yet, the rest is not wanted."""
        self.connection = None
        self.drop()

    def flush_response(self) -> None:
        """Nothing is written for it."""

    def upstream_failed(self, reason: str, *, answered: bool, reused: bool) -> None:
        """Nobody is told."""
        del reason, answered, reused
        self.connection = None
        if self.pool is not None and self.pool.watch is not None:
            self.pool.watch.failed(_UNAVAILABLE)
        self.drop()

    def pause_sending(self) -> None:
        """The transport buffers, up to a limit: a slow shadow must not slow the request."""

    def resume_sending(self) -> None:
        """Nothing was paused."""


def mirror(exchange: Exchange, policy: Mirror) -> Shadow | None:
    """Send a copy of a request, if the draw says so and the cluster has an endpoint; otherwise None."""
    worker = exchange.downstream.worker
    cluster = worker.snapshot.clusters.get(policy.cluster)
    if cluster is None or worker.draw() % MILLION >= policy.millionths:
        return None
    endpoint = cluster.pick(())
    if endpoint is None:
        return None
    timeout = 0.0 if exchange.retries is None else exchange.retries.timeout
    shadow = Shadow(worker, timeout, request_complete=exchange.request_complete, is_head=exchange.is_head)
    shadow.out = [shadow_head(exchange.sent_head, policy, own_address()), *exchange.out[1:]]
    shadow.pool = cluster.pool(endpoint)
    try:
        shadow.connection = acquire(shadow.pool, shadow)
    except OverflowedError:
        shadow.drop()
    shadow._flush()  # noqa: SLF001  # the two halves of one file
    return shadow
