"""Heads of a listener that came before: whole, or all but their first line, by their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.http1.requests import read_usual_start

if TYPE_CHECKING:
    from edgesim.proxy.downstream import Downstream
    from edgesim.proxy.messages import Request


def familiar(connection: Downstream, data: bytes) -> Request | None:
    """Return the request of a head whose lines behind the first were seen before, with another target, say."""
    lines = connection.lines
    if lines.rest:
        lines.rest -= 1
        return None
    end = data.find(b"\r\n")
    seen = lines.recall(data[end:])
    if seen is None:
        return None
    options = connection.listener.snapshot.options
    if len(data) > options.max_headers_bytes:
        return None  # perhaps too large: that is judged with its fields
    start = read_usual_start(data[:end], options)
    return None if start is None else seen.with_start(*start)


def remember(connection: Downstream, data: bytes, request: Request) -> None:
    """Remember a head, as it came: what its token makes of it holds for a while only."""
    if request.lends_lines:
        end = data.find(b"\r\n")
        # Only behind a usual line do the lines alone say what was read: an absolute target replaces Host,
        # other methods get a length, and an empty line ahead would make the first line a header line.
        if read_usual_start(data[:end], connection.listener.snapshot.options) is not None:
            connection.lines.keep(data[end:], request)
    came = request.unchecked
    if came is not None:
        came.keep_alive = request.keep_alive
    connection.requests.keep(data, came or request)
