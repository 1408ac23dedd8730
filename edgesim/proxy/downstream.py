"""Connections from clients: bytes in, exchanges in order, answers out.

Requests that arrive while one is being answered (pipelining) wait in a queue, and no more is read
until it is empty.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

import httptools

from edgesim.http1.fields import Fields
from edgesim.http1.requests import CODEC_ERROR, HEADERS_TOO_LARGE, RefusedError, Special, read_head, read_usual_start
from edgesim.http1.strict import GRPC_REFUSAL, error_details, error_status, is_http2
from edgesim.model import RequestHead
from edgesim.policies.hashing import Connection
from edgesim.policies.remote import Client, identify
from edgesim.proxy.exchange import Exchange
from edgesim.proxy.failures import client_lost, refuse_rest
from edgesim.proxy.messages import Request
from edgesim.proxy.refusals import Refusal, answer, note_torn_head, refusal, with_head

if TYPE_CHECKING:
    from edgesim.proxy.listening import ActiveListener
    from edgesim.proxy.worker import Worker

_RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing resets."""
_TOO_LARGE = refusal(431, HEADERS_TOO_LARGE)
NO_HTTP2 = b"HTTP/2 is not spoken here; use HTTP/1.1"
NO_FIELDS: Fields = []
"""What a connection holds between heads; fields are collected in a list of their own."""


class Downstream(asyncio.Protocol):
    """One connection from a client."""

    __slots__ = (
        "addresses",
        "body_came",
        "closing",
        "current",
        "fields",
        "head_since",
        "head_size",
        "in_head",
        "lines",
        "listener",
        "parser",
        "paused",
        "piece",
        "queue",
        "receiving",
        "refusing",
        "requests",
        "scheme",
        "since",
        "slow",
        "switching",
        "target",
        "touched",
        "transport",
        "unsent",
        "whole",
        "worker",
    )

    def __init__(self, worker: Worker, listener: ActiveListener) -> None:
        """Belong to a worker and to the listener that took the connection."""
        self.worker = worker
        self.listener = listener
        self.scheme = listener.scheme
        self.requests = listener.requests
        self.lines = listener.lines
        self.transport: asyncio.Transport | None = None
        self.addresses: tuple[bytes, bytes] | None = None
        self.parser = _parser(self)
        self.fields = NO_FIELDS
        self.target = b""
        self.in_head = False
        self.whole = False
        self.head_size = self.piece = 0
        self.body_came = False
        self.receiving: Exchange | None = None
        self.switching: tuple[Exchange, Special] | None = None
        self.current: Exchange | None = None
        self.queue: list[Exchange] = []
        self.refusing: Refusal | None = None
        self.closing = False
        self.paused = self.slow = False
        # For the sweep (`limits`): whether anything moved since it last looked, and since when nothing did.
        self.touched = True
        self.since = self.head_since = 0.0
        self.unsent = 0

    # -- the transport -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the worker's connections; close at once when there are as many as may be (as Envoy), or it is leaving."""
        self.transport = cast("asyncio.Transport", transport)
        if self.listener.draining or self.listener.is_full():
            self.close()
        self.listener.connections += 1
        self.worker.connections.add(self)
        if self.worker.log is not None:
            self._both_ends()

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
        self.parser = _NOBODYS  # each holds the other, and the collector does not look at what an update froze

    def data_received(self, data: bytes) -> None:
        """Parse a piece of what the client sends and pass on in one write what came of it."""
        if self.closing or self.refusing:
            return
        self.touched = True
        between = self.current is None and not self.in_head
        if between and (known := self.requests.recall(data)) is not None:
            self.current = exchange = Exchange(self, known)
            exchange.begin()
            self._flush()
            return
        if between and (request := self._familiar(data)) is not None:
            self.current = exchange = Exchange(self, request)
            exchange.begin()
            self._flush()
            return
        self.piece = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as pause:
            self._go_on(data[pause.args[0] :])
            return
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None  # a mistake of ours, not of the client's
        except httptools.HttpParserError as error:
            self._refuse_unread(str(error))
        if self.in_head or self.receiving is not None:
            self._measure(between=between)
        current = self.current
        if between and current is not None and self.whole and not self.refusing:
            self._remember(data, current.request)
        self._flush()

    def _familiar(self, data: bytes) -> Request | None:
        """Return the request of a head whose lines behind the first were seen before, with another target, say."""
        lines = self.lines
        if lines.rest:
            lines.rest -= 1
            return None
        end = data.find(b"\r\n")
        seen = lines.recall(data[end:])
        if seen is None:
            return None
        start = read_usual_start(data[:end], self.listener.snapshot.options)
        return None if start is None else seen.with_start(*start)

    def _remember(self, data: bytes, request: Request) -> None:
        """Remember a head, as it came: what its token makes of it holds for a while only."""
        if request.lends_lines:
            end = data.find(b"\r\n")
            # Only behind a usual line do the lines alone say what was read: an absolute target replaces Host,
            # other methods get a length, and an empty line ahead would make the first line a header line.
            if read_usual_start(data[:end], self.listener.snapshot.options) is not None:
                self.lines.keep(data[end:], request)
        came = request.unchecked
        if came is not None:
            came.keep_alive = request.keep_alive
        self.requests.keep(data, came or request)

    def _refuse_unread(self, error: str) -> None:
        """Refuse what the parser could not read, unless the client said before that nothing comes any more."""
        last = self.queue[-1] if self.queue else self.current
        unread = self.in_head or self.receiving is not None
        if not unread and last is not None and not last.keep_alive:
            return
        if self.receiving is not None:
            self.refuse(refusal(400, CODEC_ERROR))
        else:
            self.refuse(refusal(error_status(error), error_details(error), NO_HTTP2 if is_http2(error) else None))

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
            self.refuse(_TOO_LARGE)

    def _flush(self) -> None:
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
                self.refuse(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Make an exchange of the head, and begin it unless another is under way."""
        self.in_head = False
        if self.closing or self.refusing:
            return
        parser = self.parser
        fields, self.fields = self.fields, NO_FIELDS  # an idle connection keeps no head
        size = self.piece + self.head_size
        try:
            head, special = read_head(parser, self.target, fields, size, self.listener.snapshot.options)
        except RefusedError as refused:
            older = parser.get_http_version() != "1.1"
            why = refusal(refused.status, refused.details)
            self.refuse(with_head(why, parser.get_method(), self.target, fields, older=older))
            return
        if special is None:
            self.receiving = exchange = Exchange(self, Request(head, fields))
        else:
            exchange = Exchange(self, Request(head, fields, chunked=special.chunked))
            self._treat_specially(exchange, special)
        if self.current is not None:
            self.queue.append(exchange)
            self.pause_reading()
        elif special is not None:
            self._begin(exchange)
        else:
            self.current = exchange
            exchange.begin()

    def _treat_specially(self, exchange: Exchange, special: Special) -> None:
        """Prepare what few requests are: HTTP/1.0, gRPC, or one that asks to switch protocols."""
        request = exchange.request
        exchange.older = special.older
        request.expects = special.expects
        if special.grpc:
            exchange.verdict = GRPC_REFUSAL
        if not self.parser.should_upgrade():
            self.receiving = exchange
            return
        # The parser stops behind this head; `_go_on` takes it from there.
        self.switching = exchange, special
        request.upgrade = b"CONNECT" if special.connects else special.upgrade
        if request.upgrade:
            request.bodiless = request.usual = exchange.request_complete = exchange.keep_alive = False
            if special.framed:
                exchange.verdict = (400, b"", [])

    def _go_on(self, rest: bytes) -> None:
        """Go on behind a head that asked to switch protocols: with raw bytes, or as if it had not asked."""
        switching, self.switching = self.switching, None
        if switching is None:
            self._flush()
            return
        exchange, special = switching
        if exchange.request.upgrade:
            exchange.early = rest
            self.pause_reading()
            self._flush()
        else:
            self._resume_parsing(exchange, special)
            self._flush()
            self.data_received(rest)

    def _resume_parsing(self, exchange: Exchange, special: Special) -> None:
        """Begin a new parser behind a head: where its body begins, or the next request."""
        self.parser = _parser(self)
        if special.chunked or int(exchange.request.head.headers.get(b"content-length", b"0")):
            self.refusing = _TOO_LARGE  # keeps the callbacks from taking the repeated head for a request
            self.parser.feed_data(special.body)
            self.refusing = None
            self.receiving = exchange
        else:
            exchange.keep_alive = exchange.request.keep_alive = not special.closes
            exchange.request_end()

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
            self._send_refusal()
        else:
            self.resume_reading()

    def refuse(self, refused: Refusal) -> None:
        """Answer a request that cannot be read, behind the answers under way, and close."""
        if self.refusing or self.closing:
            return
        broken, self.receiving, self.switching = self.receiving, None, None
        if broken is not None and broken in self.queue:
            self.queue.remove(broken)
            refused = refused._replace(head=broken.request.head)
        self.refusing = refused
        if broken is not None and broken is self.current and not broken.done:
            refuse_rest(broken, refused)
        elif self.current is None:
            self._send_refusal()

    def _send_refusal(self) -> None:
        if self.refusing is not None:
            self.write(answer(self, self.refusing))
        self._linger()

    def _linger(self) -> None:
        """Close, but let the client read the answer first: unread input would reset the connection."""
        self.closing = True
        self.receiving = None
        if self.transport is not None:
            if self.transport.can_write_eof():  # over TLS the end comes with the close only
                self.transport.write_eof()
            self.worker.linger(self)
            self.resume_reading()

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""
        if self.transport is not None:
            self.touched = True
            self.transport.write(data)

    def close(self) -> None:
        """Close after what was written is sent."""
        self.closing = True
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Reset the connection: an answer begun cannot be completed, and a clean end would pass for its end."""
        self.closing = True
        if self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()

    # -- who the client is ---------------------------------------------------------------------

    @property
    def peer(self) -> bytes:
        """The other end of the connection as `ip:port`."""
        return self._both_ends()[0]

    @property
    def local(self) -> bytes:
        """This end of the connection as `ip:port`."""
        return self._both_ends()[1]

    def _both_ends(self) -> tuple[bytes, bytes]:
        """Ask the system once: of a connection that was reset it tells no more."""
        if self.addresses is None:
            self.addresses = _address(self.transport, "peername"), _address(self.transport, "sockname")
        return self.addresses

    @property
    def ends(self) -> Connection:
        """What hash policies read of a connection."""
        peer = self.peer
        return Connection(peer.rpartition(b":")[0], peer, self.local)

    def client(self, head: RequestHead) -> Client:
        """Return who sent a request, and what follows."""
        return identify(self.listener.snapshot.remote, head, self.peer)

    # -- back-pressure -------------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Read no more from the client for now."""
        if not self.paused and self.transport is not None:
            self.paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read from the client again, unless requests wait or the client takes no answers."""
        waits = self.queue or (self.slow and self.receiving is None)
        if self.paused and (self.closing or not waits) and self.transport is not None:
            self.paused = False
            self.transport.resume_reading()

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


def _address(transport: asyncio.Transport | None, which: str) -> bytes:
    found = None if transport is None else transport.get_extra_info(which)
    if not found:
        return b""
    host, port = found[0], found[1]
    return f"[{host}]:{port}".encode() if ":" in host else f"{host}:{port}".encode()


_NOBODYS = httptools.HttpRequestParser(object())
"""The parser of connections that are gone."""


def _parser(protocol: Downstream) -> httptools.HttpRequestParser:
    """Return a parser that takes white space behind a chunk's size, which RFC 9112 (7.1.1) allows and Envoy takes."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
    return parser
