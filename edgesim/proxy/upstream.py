"""Connections to endpoints: requests out, answers in, one exchange at a time."""

from __future__ import annotations

import asyncio
from typing import cast

import httptools

from edgesim.http1.fields import BadFieldsError, Fields
from edgesim.http1.strict import MalformedError, agrees, check_framing, check_reason, split_start
from edgesim.proxy.keepalive import keep_alive
from edgesim.proxy.loopback import is_loopback, unpaced
from edgesim.proxy.messages import Response
from edgesim.proxy.pools import Pool, UpstreamUser, give, leave, lost

_NO_BODY = frozenset((101, 204, 304))
_SWITCHING_PROTOCOLS = 101
_NO_CONTENT = 204
_FINAL = 200
_LARGEST_HEAD = 80 * 1024
_MOST_FIELDS = 100
"""Envoy's limits for responses."""
_UNLIMITED = (1 << 31) - 1
"""The most bytes that uvloop can be told."""
_USUAL = b"H/  "
"""Every fourth byte of `HTTP/1.1 200 `."""
_BLANK_LINE = b"\r\n\r\n"


class UpstreamConnection(asyncio.Protocol):
    """One connection to an endpoint, serving one exchange at a time."""

    __slots__ = (
        "answered",
        "begun",
        "body_came",
        "born",
        "exchange",
        "fields",
        "head_bytes",
        "head_done",
        "held",
        "is_counted",
        "parser",
        "piled",
        "pool",
        "reused",
        "served",
        "since",
        "size",
        "status",
        "switch",
        "touched",
        "transport",
        "until_close",
    )

    def __init__(self, pool: Pool) -> None:
        """Belong to a pool."""
        self.pool = pool
        self.transport: asyncio.Transport | None = None
        self.exchange: UpstreamUser | None = None
        self.fields: Fields = []
        self.head_bytes = b""
        self.head_done = False
        self.answered = False
        self.begun = False
        self.until_close = False
        self.reused = False
        self.switch: Response | None = None
        self.held = b""
        self.size = self.piled = self.status = self.served = 0
        self.body_came = False
        self.is_counted = False
        """Whether it is among the connections of the cluster that are limited."""
        self.touched = True
        """Whether it was in use since somebody looked last, at `since`."""
        self.since = self.born = 0.0
        self.parser = _parser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)
        limit = self.pool.settings.buffer_limit
        if limit is not None:
            high = min(limit or _UNLIMITED, _UNLIMITED)
            self.transport.set_write_buffer_limits(high, high // 2)
        loopback, probing = is_loopback(self.pool.address), self.pool.settings.tcp_keepalive
        if (loopback or probing is not None) and (sock := transport.get_extra_info("socket")) is not None:
            if loopback:
                unpaced(sock)
            if probing is not None:
                keep_alive(sock, probing)

    def close(self) -> None:
        """Close the connection; whatever was written is still sent."""
        if self.transport is not None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Parse a piece of the response and pass on in one write what came of it."""
        exchange = self.exchange
        if exchange is None:
            self._leave_idle()
            self.close()
            return
        begins, self.answered = not self.answered, True
        responses = self.pool.responses
        if responses.rest:
            responses.rest -= 1
        elif begins and self._is_known(exchange, data):
            return
        if begins and (data[:13:4] != _USUAL or self.held) and not (data := self._unusual_start(data)):
            return
        self.size = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as pause:
            if self._switched(data[pause.args[0] :]):
                return
        except httptools.HttpParserError as error:
            if self._failed(error):
                return
        if self.exchange is None or not self._overflows():
            self._flush(exchange)

    def _unusual_start(self, data: bytes) -> bytes:
        """Return what the parser can read of a start it may not know; nothing while too little is there."""
        data = self.held + data
        try:
            split = split_start(data)
        except MalformedError:
            self._fail("protocol error")
            return b""
        if split is None:
            self.held, self.answered = data, False
            return b""
        self.held = b""
        self.status, data = split
        return data

    def _failed(self, error: httptools.HttpParserError) -> bool:
        """Fail for what cannot be read, and tell so; behind a whole answer it costs only the connection."""
        cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
        if cause is not None and not isinstance(cause, (BadFieldsError, MalformedError)):
            raise cause  # a mistake of ours, not of the upstream's
        if self.exchange is None:
            self.reused = False
            return False
        self._fail("protocol error")
        return True

    def _overflows(self) -> bool:
        """Limit what piles up of an answer before it can be passed on: a head, interim answers, a trailer."""
        if self.body_came:
            self.body_came = False
            self.piled = 0
            return False
        self.piled += self.size
        if self.piled <= _LARGEST_HEAD:
            return False
        self._fail("protocol error")
        return True

    def _flush(self, exchange: UpstreamUser) -> None:
        if self.exchange is None:
            self._become_free()  # first, so that the next request of a pipeline finds this connection
        exchange.flush_response()

    def _is_known(self, exchange: UpstreamUser, data: bytes) -> bool:
        """Serve an answer whose head was seen before and whose body came with it, without parsing it again."""
        end = data.find(_BLANK_LINE)
        if end < 0:
            return False
        self.head_bytes = head = data[:end]
        response = self.pool.responses.recall(head)
        body_at = end + len(_BLANK_LINE)
        if response is None or exchange.is_head or len(data) - body_at != response.length:
            return False
        exchange.response_head(response, bodiless=False)
        if self.exchange is None:  # abandoned: another try is made instead, or the head was enough
            self._flush(exchange)
            return True
        if response.length:
            exchange.response_body(data[body_at:])
        self._finish(keep=True)
        self._flush(exchange)
        return True

    def on_message_begin(self) -> None:
        """Give the connection up after this answer if another follows that nobody asked for."""
        self.begun = True
        if self.exchange is None:
            self.reused = False

    def on_status(self, reason: bytes) -> None:
        """Refuse control bytes."""
        check_reason(reason)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one field of the head."""
        if not self.head_done:
            self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Pass the head on, but for interim (1xx) answers, which concern this connection only."""
        exchange = self.exchange
        if exchange is None:
            return
        status = self.status or self.parser.get_status_code()
        fields = self.fields
        headers = dict(fields)
        if status == _NO_CONTENT or status < _FINAL or b"transfer-encoding" in headers:
            check_framing(status, fields, headers)
        if len(fields) > _MOST_FIELDS or (
            self.size > _LARGEST_HEAD and sum(len(name) + len(value) for name, value in fields) > _LARGEST_HEAD
        ):
            raise MalformedError
        if status < _FINAL and status != _SWITCHING_PROTOCOLS:
            self._skip_interim()
            return
        self.head_done = True
        is_head = exchange.is_head
        bodiless = is_head or status in _NO_BODY
        length = headers.get(b"content-length")
        self.until_close = not bodiless and length is None and b"transfer-encoding" not in headers
        response = Response(status, fields, headers, None if length is None else int(length))
        if status == _SWITCHING_PROTOCOLS:
            self._take_switch(exchange, response)
            return
        exchange.response_head(response, bodiless=bodiless)
        if self.head_bytes and not bodiless and _repeats(headers) and self.parser.should_keep_alive():
            self.pool.responses.keep(self.head_bytes, response)
        if is_head:
            self._finish(keep=self.parser.should_keep_alive())
            self.parser = _parser(self)

    def _skip_interim(self) -> None:
        """Begin anew behind an interim answer: the final one follows."""
        self.fields = []
        self.head_bytes = b""
        self.begun = False

    def _take_switch(self, exchange: UpstreamUser, response: Response) -> None:
        """Take a 101, behind which no HTTP comes.

        Envoy passes one on that nobody asked for, or that does not say what it agrees with; here too, but the
        client's connection ends with it.
        """
        if exchange.on_switch is not None and agrees(response.fields):
            self.switch = response
        else:
            exchange.request_complete = False
            exchange.response_head(response, bodiless=True)
            self._finish(keep=False)

    def _switched(self, rest: bytes) -> bool:
        """Hand the connection over to a tunnel if that was asked for, with what came behind the 101."""
        exchange, response = self.exchange, self.switch
        take_over = None if exchange is None else exchange.on_switch
        if take_over is None or response is None:
            self.reused = False
            return False
        self.exchange = None
        self.parser = _NOBODYS  # the transport is the tunnel's from now on, which tells when it is gone
        take_over(self, response, rest)
        return True

    def on_body(self, data: bytes) -> None:
        """Pass a piece of the body on."""
        if self.exchange is not None:
            self.body_came = True
            self.exchange.response_body(data)
        else:
            self.reused = False

    def on_message_complete(self) -> None:
        """Pass the end of the response on."""
        if self.exchange is not None and self.head_done and self.switch is None:
            self._finish(keep=self.parser.should_keep_alive())

    def _finish(self, *, keep: bool) -> None:
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            self.reused = keep and exchange.request_complete
            exchange.response_complete()

    def _become_free(self) -> None:
        """After a whole response: reset, and give the connection on if it may be used again."""
        pool = self.pool
        pool.busy.discard(self)  # as `leave`, without a call
        if pool.record is not None:
            pool.record.active = len(pool.busy)
        self.fields = []
        self.head_bytes = b""
        self.head_done = self.answered = self.until_close = self.begun = False
        self.piled = self.status = 0
        self.touched = True
        self.served += 1
        if self.reused and self.served != pool.settings.max_requests_per_connection:
            give(self)
        else:
            self.close()

    def _fail(self, reason: str) -> None:
        exchange, self.exchange = self.exchange, None
        leave(self)
        if self.transport is not None:
            self.transport.abort()
        if exchange is not None:
            exchange.upstream_failed(reason, answered=True, reused=self.reused)
        self.reused = False

    def part(self) -> None:
        """Drop the exchange behind a head that is all of the answer: once that is read, the connection is free again.

        A head that was seen before was kept only if the connection outlasts it: the parser did not read it.
        """
        exchange, self.exchange = self.exchange, None
        lasts = not self.head_done or self.parser.should_keep_alive()
        self.reused = lasts and exchange is not None and exchange.request_complete

    def abandon(self) -> None:
        """Drop the exchange and the connection: the client is gone, or waited long enough."""
        self.exchange = None
        self.reused = False
        leave(self)
        if self.transport is not None:
            self.transport.abort()

    def eof_received(self) -> None:
        """Let the transport close; connection_lost does the rest."""
        self._leave_idle()

    def _leave_idle(self) -> None:
        """Be handed out no more: the upstream has closed, or sent what nobody asked for."""
        if self in self.pool.idle:
            self.pool.idle.remove(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a response that lasts until the close, or report that the upstream is gone."""
        self.transport = None
        self._leave_idle()
        lost(self)
        self.parser = _NOBODYS  # each holds the other, and the collector does not look at what an update froze
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            return
        if self.head_done and self.until_close and exc is None:
            exchange.response_complete()
            exchange.flush_response()
        else:
            torn = exc is None if self.head_done else self.begun or self.held
            reason = "protocol error" if torn else "connection termination"
            exchange.upstream_failed(reason, answered=self.answered or bool(self.held), reused=self.reused)

    def pause_writing(self) -> None:
        """The upstream is slow to read: stop reading from the client."""
        if self.exchange is not None:
            self.exchange.pause_sending()

    def resume_writing(self) -> None:
        """The upstream reads again."""
        if self.exchange is not None:
            self.exchange.resume_sending()


def _repeats(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a head may be kept: its length is said, and no date has to be added."""
    return b"content-length" in headers and b"date" in headers and b"transfer-encoding" not in headers


_NOBODYS = httptools.HttpResponseParser(object())
"""The parser of connections that are gone."""


def _parser(protocol: UpstreamConnection) -> httptools.HttpResponseParser:
    """Return a parser that takes white space behind a chunk's size, which RFC 9112 (7.1.1) allows and Envoy takes."""
    parser = httptools.HttpResponseParser(protocol)
    parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
    return parser
