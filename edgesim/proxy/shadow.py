"""Shadow traffic: a copy of a request for another cluster, whose answer nobody waits for (section 6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.model.policies import Mirror
from edgesim.policies.lines import MILLION
from edgesim.proxy.heads import shadow_head
from edgesim.proxy.own_address import own_address
from edgesim.proxy.pools import acquire
from edgesim.proxy.upstream import UpstreamConnection

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.messages import Response

_MOST_WAITING = 1 << 20
"""Bytes of a body that wait for a slow shadow; beyond, the shadow is dropped: it must never slow the request."""


class Shadow:
    """The copy of one request on its way."""

    wants_connection = False

    def __init__(self, *, request_complete: bool, is_head: bool) -> None:
        """Begin a copy of a request."""
        self.request_complete = request_complete
        self.is_head = is_head
        self.connection: UpstreamConnection | None = None
        self.out: list[bytes] = []
        self.size = 0
        self.dropped = False

    def request_body(self, piece: bytes) -> None:
        """Take a piece of the body, framed already."""
        self.out.append(piece)
        self.size += len(piece)
        if self.connection is None and self.size > _MOST_WAITING:
            self._drop()
        self._flush()

    def request_end(self) -> None:
        """The request is whole."""
        self.request_complete = True
        self._flush()

    def _drop(self) -> None:
        self.dropped = True
        self.wants_connection = False
        self.out.clear()

    def _flush(self) -> None:
        if self.connection is not None and self.connection.transport is not None and self.out:
            self.connection.transport.write(b"".join(self.out))
            self.out.clear()

    def connected(self, connection: UpstreamConnection) -> None:
        """Send what waits."""
        self.wants_connection = False
        self.connection = connection
        self._flush()

    def connect_failed(self, reason: str) -> None:
        """Nobody waits for it."""
        del reason
        self._drop()

    def response_head(self, response: Response, *, bodiless: bool) -> None:
        """Nobody reads it."""

    def response_body(self, data: bytes) -> None:
        """Nobody reads it."""

    def response_complete(self) -> None:
        """The copy is done."""
        self.connection = None

    def flush_response(self) -> None:
        """Nothing is written for it."""

    def upstream_failed(self, reason: str, *, answered: bool, reused: bool) -> None:
        """Nobody is told."""
        del reason, answered, reused
        self.connection = None
        self._drop()

    def pause_sending(self) -> None:
        """The transport buffers: a slow shadow must not slow the request."""

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
    shadow = Shadow(request_complete=exchange.request_complete, is_head=exchange.is_head)
    shadow.out = [shadow_head(exchange.sent_head, policy, own_address()), *exchange.out[1:]]
    shadow.connection = acquire(cluster.pool(endpoint), shadow)
    shadow.wants_connection = shadow.connection is None
    shadow._flush()  # noqa: SLF001  # the two halves of one file
    return shadow
