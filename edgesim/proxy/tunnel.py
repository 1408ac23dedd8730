"""Behind a switch of protocols: two connections as one pipe of raw bytes, each side ending for itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from edgesim.http1.fields import head_bytes
from edgesim.http1.replies import BODILESS, NO_HEALTHY_UPSTREAM
from edgesim.policies.response_flags import DC, UC, UH
from edgesim.proxy.answers import HANDSHAKE_FAILED, additions
from edgesim.proxy.failures import CLIENT_GONE, upstream_gone
from edgesim.proxy.hashed import hash_for_pick
from edgesim.proxy.heads import response_parts
from edgesim.proxy.messages import Response
from edgesim.proxy.pools import leave, lost
from edgesim.telemetry import spawn

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.upstream import UpstreamConnection

VIA_UPSTREAM = b"via_upstream"
_UPSTREAM_GONE = b"upstream_reset_after_response_started{connection_termination}"

_CONNECT = b"CONNECT"
_WEBSOCKET = b"websocket"
_SWITCHING = 101
_ERROR = 400
_OF_A_BODY = frozenset((b"content-length", b"content-type", b"transfer-encoding"))


class Side(asyncio.Protocol):
    """One of the two connections; what it receives goes out on the other."""

    __slots__ = ("ended", "exchange", "is_client", "other", "transport", "upstream")

    def __init__(self, exchange: Exchange, *, is_client: bool) -> None:
        """Belong to the exchange that switched."""
        self.exchange = exchange
        self.is_client = is_client
        self.ended = False
        self.other: Side | None = None
        self.transport: asyncio.Transport | None = None
        self.upstream: UpstreamConnection | None = None
        """What this was, where it came from a pool: it counts there until it is gone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; what an endpoint says first waits until `join` has somebody to pass it to."""
        self.transport = made = cast("asyncio.Transport", transport)
        made.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        self.exchange.downstream.touched = True
        if self.is_client:
            self.exchange.body_size += len(data)
        else:
            self.exchange.answer_size += len(data)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end on; the other direction goes on until it ends as well."""
        self._end()
        other = self.other
        if other is None or other.ended or other.transport is None or not other.transport.can_write_eof():
            return False
        other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other side behind what was written to it; reset it when this one was."""
        self._end()
        self.transport = None
        if self.upstream is not None:
            lost(self.upstream)
        other, self.other = self.other, None
        if other is not None and other.transport is not None:
            if exc is None:
                other.transport.close()
            else:
                other.transport.abort()
        if self.is_client:
            if not self.exchange.done:
                self.exchange.end()
            self.exchange.downstream.connection_lost(exc)

    def _end(self) -> None:
        """Note who ended the pipe: the log says so, as Envoy's does (measured on 1.40); of CONNECT, only a client's end."""
        is_first = not self.ended and self.other is not None and not self.other.ended
        self.ended = True
        if is_first and self.is_client:
            self.exchange.flags |= DC
            self.exchange.details = CLIENT_GONE
        elif is_first and self.exchange.answered is not None:
            self.exchange.flags |= UC
            self.exchange.details = _UPSTREAM_GONE

    def pause_writing(self) -> None:
        """This side is slow: read no more from the other."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """This side takes more."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()


def may_switch(exchange: Exchange, plan: Plan) -> bool:
    """Tell whether a request to switch goes to the upstream; if not, it is answered, or a CONNECT is under way."""
    protocol = exchange.request.upgrade
    if protocol == _CONNECT:
        _ = spawn(_terminate(exchange, plan), name="CONNECT")
        return False
    if protocol is not None and plan.rules.upgrades.get(protocol.decode("latin-1")):
        return True
    exchange.reply(403, details=b"upgrade_failed")
    return False


async def _terminate(exchange: Exchange, plan: Plan) -> None:
    """Connect to an endpoint for a CONNECT, as Envoy's `connect_config` does."""
    cluster = plan.cluster
    hash_for_pick(exchange, plan)
    endpoint = None if cluster is None else cluster.pick(plan.subset, exchange.hashed.value)
    if cluster is None or endpoint is None:
        exchange.flags |= UH
        exchange.reply(503, NO_HEALTHY_UPSTREAM)
        exchange.flush_response()
        return
    loop = asyncio.get_running_loop()
    side = Side(exchange, is_client=False)
    try:
        async with asyncio.timeout(cluster.cluster.connection.connect_timeout):
            await loop.create_connection(lambda: side, endpoint.address, endpoint.port)
    except OSError as wrong:
        if not exchange.done:
            reason = "connection timeout" if isinstance(wrong, TimeoutError) else "remote connection failure"
            upstream_gone(exchange, reason)
        return
    if exchange.done:
        if side.transport is not None:
            side.transport.abort()
        return
    exchange.status = 200
    join(exchange, side, _connected(exchange, plan))


def _connected(exchange: Exchange, plan: Plan) -> bytes:
    """Return the head a CONNECT is answered with: the route's changes and a cookie made for it are in it, as in Envoy."""
    given = additions(exchange, plan, close=False)
    cookies = [(b"set-cookie", cookie) for cookie in exchange.hashed.cookies]
    given = replace(given, added=[*cookies, *given.added], older=False, timed=False)
    head, _ = response_parts(Response(200, [], {}, None), plan, exchange.downstream.worker.date, given)
    return head


def switch(exchange: Exchange, connection: UpstreamConnection, response: Response, rest: bytes) -> None:
    """Pass a 101 on, what came behind it, and from then on bytes as they come."""
    plan, worker, transport = exchange.plan, exchange.downstream.worker, connection.transport
    if plan is None or exchange.done or transport is None:
        leave(connection)
        connection.close()
        return
    if connection.pool.watch is not None:
        connection.pool.watch.answered(response.status)
    exchange.switched, response = agreement(response)
    exchange.status, exchange.answered, exchange.details = response.status, response, VIA_UPSTREAM
    head, _ = response_parts(response, plan, worker.date, additions(exchange, plan, close=False))
    side = Side(exchange, is_client=False)
    side.transport, side.upstream = transport, connection
    exchange.answer_size = len(rest)
    join(exchange, side, head[:-2] + head_bytes(b"", exchange.switched.items())[2:] + rest)


def agreement(response: Response) -> tuple[dict[bytes, bytes], Response]:
    """Return `Connection` and `Upgrade` as the upstream wrote them, and the 101 without: what they name passes (as Envoy)."""
    lines = {name: [value for each, value in response.fields if each == name] for name in (b"connection", b"upgrade")}
    fields = [field for field in response.fields if field[0] not in lines]
    return {name: b",".join(values) for name, values in lines.items()}, Response(101, fields, dict(fields), None)


def failed_handshake(exchange: Exchange, response: Response) -> Response | None:
    """Return what a client gets that asked for a websocket and was neither agreed with nor told an error: a head alone.

    So it is with Envoy (measured on 1.40); errors, and answers to other protocols' requests, keep their body.
    """
    upgrade = exchange.request.upgrade
    if upgrade != _WEBSOCKET or response.status >= _ERROR or response.status == _SWITCHING:
        return None
    exchange.details = HANDSHAKE_FAILED
    exchange.chunked_response = False
    fields = [field for field in response.fields if field[0] not in _OF_A_BODY]
    if response.status not in BODILESS:
        fields.append((b"content-length", b"0"))
    return Response(response.status, fields, dict(fields), 0)


def join(exchange: Exchange, endpoint: Side, first: bytes) -> None:
    """Make a pipe of the client's connection and the endpoint's; `first` goes to the client ahead of all."""
    downstream = exchange.downstream
    transport = downstream.transport
    if transport is None or endpoint.transport is None:
        return
    client = Side(exchange, is_client=True)
    client.transport = transport
    client.other, endpoint.other = endpoint, client
    exchange.responding = True
    exchange.body_size = len(exchange.early)
    exchange.out.clear()
    endpoint.transport.set_protocol(endpoint)
    transport.set_protocol(client)
    transport.write(first)
    if exchange.early:
        endpoint.transport.write(exchange.early)
    for each in (transport, endpoint.transport):
        if not each.is_reading():
            each.resume_reading()
