"""The head of a request, as the parser hands it to routing."""

from __future__ import annotations

JOINED = frozenset((
    b"accept", b"accept-encoding", b"authorization", b"cache-control", b"content-encoding", b"content-type", b"etag",
    b"expect", b"location", b"origin", b"pragma", b"referer", b"te", b"user-agent", b"vary", b"via",
    b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-request-id",
))  # fmt: skip
"""Fields of which Envoy keeps one line: another value is added to it behind a comma."""

JOINED_IN_REQUESTS = JOINED - {b"etag", b"location", b"vary"}
"""Those of which a client's own lines are one."""


class RequestHead:
    """A request head; mutable and slotted because one is made per request.

    `path` is normalized and without query; `query` is None when the target has no `?`. `headers`
    maps each lower-case name to its value; of a repeated header it holds the last line, and
    `repeated` holds all of them. Everything is bytes as it came over the wire.
    """

    __slots__ = ("authority", "headers", "method", "path", "query", "repeated")

    def __init__(
        self,
        method: bytes,
        authority: bytes,
        path: bytes,
        query: bytes | None = None,
        headers: dict[bytes, bytes] | None = None,
        repeated: dict[bytes, list[bytes]] | None = None,
    ) -> None:
        self.method = method
        self.authority = authority
        self.path = path
        self.query = query
        self.headers: dict[bytes, bytes] = {} if headers is None else headers
        self.repeated = repeated
