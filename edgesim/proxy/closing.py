"""The end of a connection whose client sent what is no request: answered in its turn, read, then closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.http1.requests import CODEC_ERROR, HEADERS_TOO_LARGE, RefusedError
from edgesim.http1.strict import error_details, error_status, is_http2
from edgesim.proxy.failures import refuse_rest
from edgesim.proxy.refusals import Refusal, answer, refusal, with_head

if TYPE_CHECKING:
    from edgesim.http1.fields import Fields
    from edgesim.proxy.downstream import Downstream

NO_HTTP2 = b"HTTP/2 is not spoken here; use HTTP/1.1"
TOO_LARGE = refusal(431, HEADERS_TOO_LARGE)
_BROKEN = refusal(400, CODEC_ERROR)


def refuse(connection: Downstream, refused: Refusal) -> None:
    """Answer a request that cannot be read, behind the answers under way, and close."""
    if connection.refusing or connection.closing:
        return
    broken, connection.receiving, connection.switching = connection.receiving, None, None
    if broken is not None and broken in connection.queue:
        connection.queue.remove(broken)
        refused = refused._replace(head=broken.request.head)
    connection.refusing = refused
    if broken is not None and broken is connection.current and not broken.done:
        refuse_rest(broken, refused)
    elif connection.current is None:
        send_refusal(connection)


def refuse_head(connection: Downstream, error: RefusedError, fields: Fields) -> None:
    """Refuse a head that was read and has no one meaning, or is not served."""
    parser = connection.parser
    older = parser.get_http_version() != "1.1"
    why = refusal(error.status, error.details)
    refuse(connection, with_head(why, parser.get_method(), connection.target, fields, older=older))


def refuse_unread(connection: Downstream, error: str) -> None:
    """Refuse what the parser could not read, unless the client said before that nothing comes any more."""
    last = connection.queue[-1] if connection.queue else connection.current
    unread = connection.in_head or connection.receiving is not None
    if not unread and last is not None and not last.keep_alive:
        return
    if connection.receiving is not None:
        refuse(connection, _BROKEN)
    else:
        body = NO_HTTP2 if is_http2(error) else None
        refuse(connection, refusal(error_status(error), error_details(error), body))


def send_refusal(connection: Downstream) -> None:
    """Answer what was refused: it is its turn."""
    if connection.refusing is not None:
        connection.write(answer(connection, connection.refusing))
    linger(connection)


def linger(connection: Downstream) -> None:
    """Close, but let the client read the answer first: unread input would reset the connection."""
    connection.closing = True
    connection.receiving = None
    if connection.transport is not None:
        if connection.transport.can_write_eof():  # over TLS the end comes with the close only
            connection.transport.write_eof()
        connection.worker.linger(connection)
        connection.resume_reading()
