"""One health check on the wire: a request, or bytes over TCP, and what comes back. Those over HTTP/2 are in `http2_probes`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from edgesim.http1.fields import Fields, head_bytes
from edgesim.http1.mutations import mutate, request_steps
from edgesim.model import (
    DEFAULT_BALANCER,
    NO_BREAKERS,
    Cluster,
    Endpoint,
    HealthCheck,
    HttpCheck,
    TcpCheck,
)
from edgesim.policies.health_checks import AGENT, Outcome, contains_in_order
from edgesim.proxy.clusters import ClusterRuntime
from edgesim.proxy.dialing import dial_streams
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.pools import Pool, UpstreamUser, acquire, connect, retire, withdraw
from edgesim.proxy.upstream import UpstreamConnection
from edgesim.telemetry.sources import monotonic

_PIECE = 65536
_MOST = 1 << 20
"""Bytes of an answer over TCP that are looked at."""


class Prober(Protocol):
    """Checks one endpoint, again and again."""

    async def ask(self) -> Outcome:
        """Make one check; whoever asks limits the time."""

    def close(self) -> None:
        """Close what connection there is."""


def prober(cluster: Cluster, check: HealthCheck, endpoint: Endpoint) -> Prober:
    """Return what checks an endpoint. Raises ValueError for a certificate that cannot be used."""
    checker, pool, keep = check.checker, _pool(cluster, check, endpoint), check.reuse_connection
    if isinstance(checker, TcpCheck):
        return _TcpProber(pool, checker, keep=keep)
    if isinstance(checker, HttpCheck) and not checker.http2:
        return _HttpProber(pool, checker, cluster.name)
    from edgesim.proxy.http2_probes import grpc_prober, http_prober  # noqa: PLC0415 - HTTP/2 is wanted here only

    if isinstance(checker, HttpCheck):
        return http_prober(pool, checker, cluster.name, keep=keep)
    return grpc_prober(pool, checker, cluster.name, check.timeout, keep=keep)


def _pool(cluster: Cluster, check: HealthCheck, endpoint: Endpoint) -> Pool:
    """Return a pool of its own: what is checked counts neither as a request nor as a connection of the cluster."""
    often = cluster.connection.max_requests_per_connection if check.reuse_connection else 1
    settings = replace(cluster.connection, connect_timeout=check.timeout, max_requests_per_connection=often)
    plain = replace(cluster, connection=settings, breakers=NO_BREAKERS, outlier=None, balancer=DEFAULT_BALANCER)
    return ClusterRuntime(plain, lambda: 0, monotonic, Memory()).pool(endpoint)


class _HttpProber:
    """Asks by HTTP/1.1, as the user of a pool."""

    request_complete = True
    on_switch = None

    def __init__(self, pool: Pool, check: HttpCheck, host: str) -> None:
        self.is_head = check.method == "HEAD"
        self.wants_connection = False
        self._pool = pool
        self._check = check
        self._request = request_of(check, host)
        self._connection: UpstreamConnection | None = None
        self._answer: asyncio.Future[Outcome]
        self._status = 0
        self._is_stale = False
        """Whether the connection was closed before anything was asked over it."""

    async def ask(self) -> Outcome:
        """Send the request, and wait for all of its answer."""
        self._answer = asyncio.get_running_loop().create_future()
        try:
            self._send(acquire)
            return await self._answer
        finally:
            self._leave()

    def _send(self, get: Callable[[Pool, UpstreamUser], UpstreamConnection | None]) -> None:
        connection = get(self._pool, self)
        if connection is not None:
            self.connected(connection)

    def _leave(self) -> None:
        if self.wants_connection:
            withdraw(self._pool, self)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()

    def close(self) -> None:
        """Close the connection that is kept."""
        retire(self._pool)

    def connected(self, connection: UpstreamConnection) -> None:
        """Send the request."""
        self.wants_connection = False
        self._connection = connection
        self._is_stale = connection.transport is None or connection.transport.is_closing()
        if connection.transport is not None:
            connection.transport.write(self._request)

    def connect_failed(self, reason: str) -> None:
        """There is nobody."""
        del reason
        self.wants_connection = False
        self._end(Outcome.LOST)

    def overflowed(self) -> None:
        """Nobody else asks here."""
        self._end(Outcome.LOST)

    def response_head(self, response: Response, *, bodiless: bool) -> None:
        """Note the status; what follows must come as well."""
        del bodiless
        self._status = response.status

    def response_body(self, data: bytes) -> None:
        """Nobody reads it."""

    def response_complete(self) -> None:
        """All of it is here."""
        self._connection = None
        good = any(begin <= self._status < end for begin, end in self._check.expected)
        self._end(Outcome.PASSED if good else Outcome.REFUSED)

    def flush_response(self) -> None:
        """Nothing is written for it."""

    def upstream_failed(self, reason: str, *, answered: bool, reused: bool) -> None:
        """Fail, as Envoy does also over a connection that was kept; only one that was closed already was no check."""
        del reason, answered, reused
        self._connection = None
        if self._is_stale and not self._answer.done():
            connect(self._pool, self)
        else:
            self._end(Outcome.LOST)

    def pause_sending(self) -> None:
        """All was sent at once."""

    def resume_sending(self) -> None:
        """Nothing was paused."""

    def _end(self, outcome: Outcome) -> None:
        if not self._answer.done():
            self._answer.set_result(outcome)


def request_of(check: HttpCheck, cluster: str) -> bytes:
    """Return a check's request as Envoy sends it."""
    length: Fields = [(b"content-length", b"0")] if check.method in {"POST", "PUT", "PATCH"} else []
    changed = fields_of(check, cluster, length)
    return head_bytes(f"{check.method} {check.path} HTTP/1.1".encode(), changed)


def fields_of(check: HttpCheck, cluster: str, more: Fields) -> Fields:
    """Return the fields of a check's request by any version of HTTP, with its changes."""
    fields = [(b"host", (check.host or cluster).encode()), (b"user-agent", AGENT), *more]
    return mutate(fields, request_steps((check.headers,)))


class _TcpProber:
    """Connects; sends something and waits for something, where the check says so."""

    def __init__(self, pool: Pool, check: TcpCheck, *, keep: bool) -> None:
        self._pool = pool
        self._check = check
        self._keep = keep
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> Outcome:
        """Make one check."""
        try:
            reader, writer = self._streams or await dial_streams(self._pool.address, self._pool.port, self._pool.tls)
        except (OSError, ValueError, OverflowError):
            return Outcome.LOST
        self._streams = None
        try:
            passed = await self._talk(reader, writer)
        except OSError:
            passed = False
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        if passed and self._keep and self._check.receive:
            self._streams = reader, writer
        else:
            writer.close()
        return Outcome.PASSED if passed else Outcome.LOST

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self._check.send:
            writer.write(self._check.send)
        if not self._check.receive:
            return True
        received = b""
        while not contains_in_order(self._check.receive, received):
            piece = await reader.read(_PIECE)
            received += piece
            if not piece or len(received) > _MOST:
                return False
        return True

    def close(self) -> None:
        """Close the connection that is kept."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()
