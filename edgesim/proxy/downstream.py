"""Connections from clients: bytes in, exchanges in order, answers out.

Requests that arrive while one is being answered (pipelining) wait in a queue, and no more is read
until it is empty. One read may bring ten thousand of them: its bytes wait, and are parsed a slice at a time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

from edgesim.http1.fields import Fields
from edgesim.http1.requests import RefusedError, Special, read_head
from edgesim.proxy.client_connection import ClientConnection
from edgesim.proxy.closing import TOO_LARGE, linger, refuse, refuse_head, refuse_unread, send_refusal
from edgesim.proxy.exchange import Exchange
from edgesim.proxy.failures import client_lost
from edgesim.proxy.messages import Request
from edgesim.proxy.recalling import familiar, remember
from edgesim.proxy.refusals import Refusal, note_torn_head
from edgesim.proxy.special import go_on, new_parser, treat_specially

if TYPE_CHECKING:
    from edgesim.proxy.listening import ActiveListener
    from edgesim.proxy.worker import Worker

_SLICE = 2048
"""Bytes of a pipeline that are parsed at a time: some dozens of requests at most."""
_HEADS = 32
"""So many heads in one read make a pipeline that is sliced."""
NO_FIELDS: Fields = []
"""What a connection holds between heads; fields are collected in a list of their own."""


class Downstream(ClientConnection):
    """One connection from a client, and the requests that come by it."""

    __slots__ = (
        "body_came",
        "current",
        "fields",
        "head_since",
        "head_size",
        "in_head",
        "lines",
        "parser",
        "piece",
        "queue",
        "read_to",
        "reading",
        "receiving",
        "refusing",
        "requests",
        "switching",
        "target",
        "unread",
        "whole",
    )

    def __init__(self, worker: Worker, listener: ActiveListener) -> None:
        """Belong to a worker and to the listener that took the connection."""
        super().__init__(worker, listener)
        self.requests = listener.requests
        self.lines = listener.lines
        self.parser = new_parser(self)
        self.fields = NO_FIELDS
        self.target = b""
        self.in_head = False
        self.whole = False
        self.head_size = self.piece = 0
        self.head_since = 0.0
        self.body_came = False
        self.receiving: Exchange | None = None
        self.switching: tuple[Exchange, Special] | None = None
        self.current: Exchange | None = None
        self.queue: list[Exchange] = []
        self.refusing: Refusal | None = None
        self.unread = b""
        self.read_to = 0
        self.reading = False

    # -- the transport -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the worker's connections; close at once when there are as many as may be (as Envoy), or it is leaving."""
        self.transport = cast("asyncio.Transport", transport)
        if self.listener.leaving or self.listener.is_full():
            self.close()
        self.listener.connections += 1
        self.worker.connections.add(self)
        if self.worker.log is not None:
            self.both_ends()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        """Leave the worker's connections and give up what was under way."""
        self.transport = None
        self.closing = True
        self.listener.connections -= 1
        self.worker.left(self)
        if self.current is not None:
            client_lost(self.current)
        elif self.in_head and not self.refusing:
            note_torn_head(self)
        self.current = self.receiving = None
        self.queue.clear()
        self.unread = b""
        self.parser = _NOBODYS  # each holds the other, and the collector does not look at what an update froze

    def data_received(self, data: bytes) -> None:
        """Parse a piece of what the client sends and pass on in one write what came of it."""
        if self.closing or self.refusing:
            return
        self.touched = True
        between = self.current is None and not self.in_head
        if between and (known := self.requests.recall(data) or familiar(self, data)) is not None:
            self.current = exchange = Exchange(self, known)
            exchange.begin()
            self.flush()
            return
        self.piece = len(data)
        if self.piece > _SLICE and data.count(b"\n\r\n") > _HEADS:
            self.read_later(data)
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as pause:
            go_on(self, data[pause.args[0] :])
            return
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None  # a mistake of ours, not of the client's
        except httptools.HttpParserError as error:
            refuse_unread(self, str(error))
        if self.in_head or self.receiving is not None:
            self._measure(between=between)
        current = self.current
        if between and current is not None and self.whole and not self.refusing:
            remember(self, data, current.request)
        self.flush()

    def read_later(self, data: bytes) -> None:
        """Read bytes once nothing holds back that came before them; of a slice, they are its end."""
        if self.reading:
            self.read_to -= len(data)
        else:
            self.unread, self.read_to = data, 0
            self._read_on()

    def take_unread(self) -> bytes:
        """Give away what is not HTTP."""
        unread, self.unread = self.unread[self.read_to :], b""
        return unread

    def _read_on(self) -> None:
        """Parse what is there, a slice at a time, then read what comes, unless something holds back."""
        if self.reading:
            return
        self.reading = True
        while self.read_to < len(self.unread) and not self.paused:
            begin, self.read_to = self.read_to, min(self.read_to + _SLICE, len(self.unread))
            self.data_received(self.unread[begin : self.read_to])
        self.reading = False
        if not self.paused:
            self.unread = b""
            if self.transport is not None:
                self.transport.resume_reading()

    def _measure(self, *, between: bool) -> None:
        """Limit what piles up of a message before it can be passed on: a head, a trailer, an extension."""
        if self.body_came:
            self.body_came = False
            self.head_size = 0
        elif self.head_size or not self.in_head or (between and self.current is None):
            self.head_size += self.piece
        else:
            self.head_size = 1  # the head begins somewhere in this piece, behind another message
        if self.head_size > self.listener.snapshot.options.max_headers_bytes:
            refuse(self, TOO_LARGE)

    def flush(self) -> None:
        """Write in one piece what came of what was read."""
        current = self.current
        if current is not None:
            if current.done:
                self.advance()
            else:
                current.flush_request()

    def eof_received(self) -> bool:
        """Give up what is under way, as Envoy does: a client that closes its sending side is taken to be gone."""
        return False

    # -- the parser ----------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request head."""
        self.fields = []
        self.target = b""
        self.whole = False
        self.in_head = True
        self.head_size = 0
        self.head_since = 0.0

    def on_url(self, url: bytes) -> None:
        """Collect a piece of the target."""
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one field of the head; trailers are dropped, as Envoy drops them by default."""
        if self.in_head:
            self.fields.append((name.lower(), value.rstrip()))
        else:
            self.head_size += len(name) + len(value)
            if self.head_size > self.listener.snapshot.options.max_headers_bytes:
                refuse(self, TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Make an exchange of the head, and begin it unless another is under way."""
        self.in_head = False
        if self.closing or self.refusing:
            return
        fields, self.fields = self.fields, NO_FIELDS  # an idle connection keeps no head
        size = self.piece + self.head_size
        try:
            head, special = read_head(self.parser, self.target, fields, size, self.listener.snapshot.options)
        except RefusedError as refused:
            refuse_head(self, refused, fields)
            return
        if special is None:
            self.receiving = exchange = Exchange(self, Request(head, fields))
        else:
            exchange = Exchange(self, Request(head, fields, chunked=special.chunked))
            treat_specially(self, exchange, special)
        if self.current is not None:
            self.queue.append(exchange)
            self.pause_reading()
        elif special is not None:
            self._begin(exchange)
        else:
            self.current = exchange
            exchange.begin()

    def _begin(self, exchange: Exchange) -> None:
        self.current = exchange
        if exchange.verdict is None:
            exchange.begin()
        else:
            exchange.reply(*exchange.verdict)

    def on_body(self, data: bytes) -> None:
        """Pass a piece of the body on."""
        if self.receiving is not None:
            self.body_came = True
            self.receiving.request_body(data)

    def on_message_complete(self) -> None:
        """Pass the end of the request on."""
        exchange = self.receiving
        if exchange is None:
            return
        self.receiving = None
        if not self.parser.should_keep_alive():
            exchange.keep_alive = exchange.request.keep_alive = False
        self.whole = exchange.request.bodiless and not self.queue and not exchange.older
        exchange.request_end()

    def asks_to_close(self, exchange: Exchange) -> bool:
        """Ask the parser of a request that is not read to its end yet: only then is `keep_alive` set."""
        return self.receiving is exchange and not self.parser.should_keep_alive()

    # -- exchanges -----------------------------------------------------------------------------

    def advance(self) -> None:
        """Send whole answers and begin the requests that wait, in order, until one is under way."""
        while (exchange := self.current) is not None and exchange.done:
            exchange.write_response()
            self.current = None
            if not exchange.request_complete or (self.paused and not exchange.keep_alive):
                linger(self)  # the client may have sent more, and a close with unread bytes is a reset
            elif not exchange.keep_alive:
                self.close()
            else:
                self._go_on_reading()

    def _go_on_reading(self) -> None:
        """Begin the request that waits, or read on; neither while the client does not take its answers."""
        if self.slow:
            self.pause_reading()
        elif self.queue:
            waiting = self.queue.pop(0)
            self._begin(waiting)
            waiting.flush_request()
            if self.receiving is waiting:
                self.resume_reading()  # for the rest of its body
        elif self.refusing:
            send_refusal(self)
        else:
            self.resume_reading()

    # -- back-pressure -------------------------------------------------------------------------

    def resume_reading(self) -> None:
        """Read from the client again, unless requests wait, a switch of protocols does, or the client takes no answers."""
        switches = self.current is not None and self.current.request.upgrade is not None
        waits = self.queue or switches or (self.slow and self.receiving is None)
        if self.paused and (self.closing or not waits) and self.transport is not None:
            self.paused = False
            self._read_on()

    def pause_writing(self) -> None:
        """The client is slow to read: ask for no more from its upstream, and take no more requests."""
        self.slow = True
        if self.receiving is None:
            self.pause_reading()
        if self.current is not None:
            self.current.pause_upstream()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.slow = False
        if self.current is not None:
            self.current.resume_upstream()
        elif not self.closing:
            self._go_on_reading()
            self.advance()


_NOBODYS = httptools.HttpRequestParser(object())
"""The parser of connections that are gone."""
