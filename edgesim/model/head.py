"""The head of a request, as the parser hands it to routing."""

from __future__ import annotations


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
