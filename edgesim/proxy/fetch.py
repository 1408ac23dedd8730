"""One GET through a cluster, its body taken whole: how keys are fetched.

It goes the way requests go (the cluster's endpoints, pools and TLS), as Envoy's own fetches do.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from edgesim.proxy.breakers import OverflowedError
from edgesim.proxy.clusters import ClusterRuntime
from edgesim.proxy.messages import Response
from edgesim.proxy.pools import Pool, acquire, connect, withdraw
from edgesim.proxy.upstream import UpstreamConnection

_OK = 200
_SENDABLE = frozenset(map(chr, range(0x21, 0x7F)))


class FetchError(OSError):
    """Nothing that can be used came back."""


async def fetch(cluster: ClusterRuntime | None, url: str, seconds: float, most: int) -> bytes:
    """Return the body of a 200 for a URL from an endpoint of a cluster.

    Raises FetchError for anything else: no endpoint, another status, more than `most` bytes or `seconds`.
    """
    endpoint = cluster.pick(()) if cluster is not None else None
    if cluster is None or endpoint is None:
        raise FetchError("no endpoint")
    fetching = _Fetch(_request(url), most)
    try:
        async with asyncio.timeout(seconds):
            fetching.begin(cluster.pool(endpoint))
            return await fetching.body
    except TimeoutError:
        raise FetchError("timeout") from None
    finally:
        fetching.leave()


def _request(url: str) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _SENDABLE.issuperset(parts.netloc + target):
        raise FetchError("not a URL that can be sent")
    return f"GET {target} HTTP/1.1\r\nhost: {parts.netloc.rpartition('@')[2]}\r\n\r\n".encode()


class _Fetch:
    """The request of one fetch, and what came of it so far."""

    request_complete = True
    is_head = False
    on_switch = None

    def __init__(self, request: bytes, most: int) -> None:
        self.body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.wants_connection = False
        self._request = request
        self._most = most
        self._received = bytearray()
        self._connection: UpstreamConnection | None = None
        self._pool: Pool | None = None
        self._repeated = False

    def begin(self, pool: Pool) -> None:
        """Send, over a connection that is there or a new one."""
        self._pool = pool
        try:
            connection = acquire(pool, self)
        except OverflowedError:
            self.overflowed()
        else:
            if connection is not None:
                self.connected(connection)

    def leave(self) -> None:
        """Want nothing any more."""
        if self.wants_connection and self._pool is not None:
            withdraw(self._pool, self)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()

    def connected(self, connection: UpstreamConnection) -> None:
        """Send the request."""
        self.wants_connection = False
        self._connection = connection
        if connection.transport is not None:
            connection.transport.write(self._request)

    def connect_failed(self, reason: str) -> None:
        """Give up."""
        self.wants_connection = False
        self._fail(reason)

    def overflowed(self) -> None:
        """Give up: as much is under way as may be."""
        self._fail("overflow")

    def response_head(self, response: Response, *, bodiless: bool) -> None:
        """Take nothing but a 200."""
        del bodiless
        if response.status != _OK:
            self._fail(f"status {response.status}")

    def response_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        self._received += data
        if len(self._received) > self._most:
            self._fail("too large")

    def response_complete(self) -> None:
        """All of it is here."""
        self._connection = None
        if not self.body.done():
            self.body.set_result(bytes(self._received))

    def flush_response(self) -> None:
        """Nothing is written for it."""

    def upstream_failed(self, reason: str, *, answered: bool, reused: bool) -> None:
        """Try a new connection where a kept one was stale, or give up."""
        self._connection = None
        if reused and not answered and not self._repeated and self._pool is not None and not self.body.done():
            self._repeated = True
            try:
                connect(self._pool, self)
            except OverflowedError:
                self.overflowed()
        else:
            self._fail(reason)

    def pause_sending(self) -> None:
        """All was sent at once."""

    def resume_sending(self) -> None:
        """Nothing was paused."""

    def _fail(self, reason: str) -> None:
        if not self.body.done():
            self.body.set_exception(FetchError(reason))
