"""Request heads for the tests of policies."""

from __future__ import annotations

from edgesim.http1.fields import repeated
from edgesim.model import RequestHead


def head_of(
    *fields: tuple[str, str], method: str = "GET", host: str = "a.com", path: str = "/", query: str | None = None
) -> RequestHead:
    """Return a head as the parser makes it: the last line of each header, and all lines of repeated ones."""
    lines = [(name.encode(), value.encode()) for name, value in fields]
    return RequestHead(
        method.encode(),
        host.encode(),
        path.encode(),
        None if query is None else query.encode(),
        dict(lines),
        repeated(lines) or None,
    )
