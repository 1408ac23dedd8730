"""What few requests are: HTTP/1.0, gRPC, or asking to switch protocols.

Behind a head that asks to switch the parser stops, and goes on if nothing switches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools

from edgesim.http1.strict import GRPC_REFUSAL
from edgesim.proxy.closing import TOO_LARGE

if TYPE_CHECKING:
    from edgesim.http1.requests import Special
    from edgesim.proxy.downstream import Downstream
    from edgesim.proxy.exchange import Exchange


def treat_specially(connection: Downstream, exchange: Exchange, special: Special) -> None:
    """Prepare an exchange for what its head says besides its fields."""
    request = exchange.request
    exchange.older = special.older
    request.expects = special.expects and not special.older  # HTTP/1.0 has no interim answers (RFC 9110, 10.1.1)
    if special.grpc:
        exchange.verdict = GRPC_REFUSAL
    if not connection.parser.should_upgrade():
        connection.receiving = exchange
        return
    connection.switching = exchange, special  # the parser stops behind this head; `go_on` takes it from there
    request.upgrade = b"CONNECT" if special.connects else special.upgrade
    if request.upgrade:
        request.bodiless = request.usual = exchange.request_complete = exchange.keep_alive = False
        if special.framed:
            exchange.verdict = (400, b"", [])


def go_on(connection: Downstream, rest: bytes) -> None:
    """Go on behind a head that asked to switch protocols: with raw bytes, or as if it had not asked."""
    switching, connection.switching = connection.switching, None
    if switching is None:
        connection.flush()
        return
    exchange, special = switching
    if exchange.request.upgrade:
        exchange.early = rest + connection.take_unread()
        connection.pause_reading()
        connection.flush()
    else:
        _resume_parsing(connection, exchange, special)
        connection.flush()
        connection.read_later(rest)


def _resume_parsing(connection: Downstream, exchange: Exchange, special: Special) -> None:
    """Begin a new parser behind a head: where its body begins, or the next request."""
    connection.parser = new_parser(connection)
    if special.chunked or int(exchange.request.head.headers.get(b"content-length", b"0")):
        connection.refusing = TOO_LARGE  # keeps the callbacks from taking the repeated head for a request
        connection.parser.feed_data(special.body)
        connection.refusing = None
        connection.receiving = exchange
    else:
        exchange.keep_alive = exchange.request.keep_alive = not special.closes
        exchange.request_end()


def new_parser(protocol: Downstream) -> httptools.HttpRequestParser:
    """Return a parser that takes white space behind a chunk's size, which RFC 9112 (7.1.1) allows and Envoy takes."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
    return parser
