"""Connections from clients: bytes in, exchanges in order, answers out.

Requests that arrive while one is being answered (pipelining) wait in a queue, and no more is read
until it is empty.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from edgesim.http1.fields import Fields, repeated
from edgesim.http1.target import BadTargetError, split_target
from edgesim.model import RequestHead
from edgesim.proxy.exchange import Exchange
from edgesim.proxy.messages import Request

if TYPE_CHECKING:
    from edgesim.proxy.worker import Worker

LARGEST_HEAD = 60 * 1024
MOST_FIELDS = 100


class Downstream(asyncio.Protocol):
    """One connection from a client."""

    __slots__ = (
        "closing",
        "current",
        "fields",
        "head_size",
        "in_head",
        "parser",
        "paused",
        "queue",
        "receiving",
        "refusing",
        "requests",
        "scheme",
        "target",
        "transport",
        "whole",
        "worker",
    )

    def __init__(self, worker: Worker, scheme: bytes = b"http") -> None:
        """Belong to a worker; `scheme` is that of the listener."""
        self.worker = worker
        self.scheme = scheme
        self.requests = worker.requests[scheme]
        self.transport: asyncio.Transport | None = None
        self.parser = httptools.HttpRequestParser(self)
        self.fields: Fields = []
        self.target = b""
        self.in_head = False
        self.whole = False
        self.head_size = 0
        self.receiving: Exchange | None = None
        self.current: Exchange | None = None
        self.queue: deque[Exchange] = deque()
        self.refusing = 0
        self.closing = False
        self.paused = False

    # -- the transport -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the worker's connections."""
        self.transport = cast("asyncio.Transport", transport)
        self.worker.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        """Leave the worker's connections and give up what was under way."""
        self.transport = None
        self.closing = True
        self.worker.left(self)
        if self.current is not None:
            self.current.client_lost()
        self.current = self.receiving = None
        self.queue.clear()

    def data_received(self, data: bytes) -> None:
        """Parse a piece of what the client sends and pass on in one write what came of it."""
        if self.closing or self.refusing:
            return
        between = self.current is None and not self.in_head
        if between and (known := self.requests.recall(data)) is not None:
            self._begin(Exchange(self, known))
            self._flush()
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.refuse(400)
            return
        except httptools.HttpParserError:
            self.refuse(400)
            return
        if self.in_head:
            self.head_size += len(data)
            if self.head_size > LARGEST_HEAD:
                self.refuse(431)
                return
        current = self.current
        if between and current is not None and self.whole:
            self.requests.keep(data, current.request)
        self._flush()

    def _flush(self) -> None:
        current = self.current
        if current is not None:
            if current.done:
                self.advance()
            else:
                current.flush_request()

    def eof_received(self) -> bool:
        """Keep answering a client that has only closed its sending side."""
        return self.current is not None

    # -- the parser ----------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request head."""
        self.fields = []
        self.target = b""
        self.whole = False
        self.in_head = True
        self.head_size = 0

    def on_url(self, url: bytes) -> None:
        """Collect a piece of the target."""
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one field of the head; trailers are dropped, as Envoy drops them by default."""
        if self.in_head:
            self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Make an exchange of the head, and begin it unless another is under way."""
        self.in_head = False
        if self.closing or self.refusing:
            return
        fields = self.fields
        headers = dict(fields)
        lines = repeated(fields) if len(headers) != len(fields) else None
        status = self._refusal(fields, headers, lines)
        if status:
            self.refuse(status)
            return
        try:
            authority, path, query = split_target(self.target)
        except BadTargetError:
            self.refuse(400)
            return
        if authority is None:
            authority = headers[b"host"]
        head = RequestHead(self.parser.get_method(), authority, path, query, headers, lines)
        self.receiving = exchange = Exchange(self, Request(head, fields))
        if self.current is None:
            self._begin(exchange)
        else:
            self.queue.append(exchange)
            self.pause_reading()

    def _begin(self, exchange: Exchange) -> None:
        self.current = exchange
        exchange.begin()

    def _refusal(self, fields: Fields, headers: dict[bytes, bytes], lines: dict[bytes, list[bytes]] | None) -> int:
        """Return the status to refuse a head with, or 0."""
        if self.parser.get_http_version() != "1.1":
            return 426
        if b"host" not in headers or (lines is not None and b"host" in lines):
            return 400
        return 431 if len(fields) > MOST_FIELDS else 0

    def on_body(self, data: bytes) -> None:
        """Pass a piece of the body on."""
        if self.receiving is not None:
            self.receiving.request_body(data)

    def on_message_complete(self) -> None:
        """Pass the end of the request on."""
        exchange = self.receiving
        if exchange is None:
            return
        self.receiving = None
        if not self.parser.should_keep_alive():
            exchange.keep_alive = exchange.request.keep_alive = False
        self.whole = exchange.request.bodiless and not self.queue
        exchange.request_end()

    # -- exchanges -----------------------------------------------------------------------------

    def advance(self) -> None:
        """Send whole answers and begin the requests that wait, in order, until one is under way."""
        while (exchange := self.current) is not None and exchange.done:
            exchange.write_response()
            self.current = None
            if not exchange.request_complete:
                self._linger()
            elif not exchange.keep_alive:
                self.close()
            elif self.queue:
                waiting = self.queue.popleft()
                self._begin(waiting)
                waiting.flush_request()
            elif self.refusing:
                self._send_refusal()
            else:
                self.resume_reading()

    def refuse(self, status: int) -> None:
        """Answer a request that cannot be read, behind the answers under way, and close."""
        self.refusing = status
        self.receiving = None
        if self.current is None:
            self._send_refusal()

    def _send_refusal(self) -> None:
        self.write(self.worker.refusal(self.refusing))
        self._linger()

    def _linger(self) -> None:
        """Close, but let the client read the answer first: unread input would reset the connection."""
        self.closing = True
        self.receiving = None
        if self.transport is not None:
            self.transport.write_eof()
            self.worker.linger(self)
            self.resume_reading()

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""
        if self.transport is not None:
            self.transport.write(data)

    def close(self) -> None:
        """Close after what was written is sent."""
        self.closing = True
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Reset the connection: an answer begun cannot be completed."""
        self.closing = True
        if self.transport is not None:
            self.transport.abort()

    # -- back-pressure -------------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Read no more from the client for now."""
        if not self.paused and self.transport is not None:
            self.paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read from the client again, unless requests wait."""
        if self.paused and not self.queue and self.transport is not None:
            self.paused = False
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """The client is slow to read."""
        if self.current is not None:
            self.current.pause_upstream()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self.current is not None:
            self.current.resume_upstream()
