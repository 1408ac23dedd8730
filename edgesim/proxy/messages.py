"""Parsed messages, and the memory of those seen before.

Clients on a kept connection send the same head again and again, and so do servers within a second.
The same bytes mean the same message, so they are parsed, routed and written anew only once: what is
kept is a pure function of the bytes and of the snapshot it was found in. Memories are bounded, and
where heads never repeat, asking rests for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from edgesim.http1.fields import NOT_FORWARDED, Fields
from edgesim.model import RequestHead
from edgesim.policies.remote import NOT_EVERYBODYS

if TYPE_CHECKING:
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.serving import ListenerSnapshot
    from edgesim.proxy.tokens import Admitted
    from edgesim.routing import Target

Parts = tuple[bytes, bytes]
"""A head ready to send but for one value that changes every time, which belongs between the two."""

LAST_CHUNK = b"0\r\n\r\n"
"""The end of a body in chunks."""

LogKey = tuple[Any, ...]
"""What the lines of a request in the access log depend on besides the request."""
NO_LINES: dict[LogKey, bytes] = {}

UNUSUAL = NOT_FORWARDED | NOT_EVERYBODYS | {b"x-request-id", b"x-forwarded-proto", b"x-forwarded-for", b"te"}
"""Headers that do not simply pass."""

_LARGEST = 4096
_MOST = 1024
_MISSES_BEFORE_REST = 64
_REST = 4096


class Request:
    """A parsed request head, what its route was in a snapshot, and its parts towards the upstream by plan.

    `usual` says that it has no body and no header that edgesim acts on while forwarding it. Parts are kept
    only where the head itself is: `parts` is None for one that is not.
    """

    __slots__ = (
        "admitted",
        "bodiless",
        "chunked",
        "expects",
        "fields",
        "head",
        "is_head",
        "keep_alive",
        "lines",
        "parts",
        "snapshot",
        "target",
        "unchecked",
        "upgrade",
        "usual",
        "written",
    )

    def __init__(
        self, head: RequestHead, fields: Fields, written: bytes | None = None, *, chunked: bool = False
    ) -> None:
        """Take a head as parsed; nothing changes it from now on. `written` are a usual one's header lines, where known."""
        self.head = head
        self.fields = fields
        self.written = written
        self.chunked = chunked
        self.expects = False
        """It waits for a 100 before it sends its body."""
        if written is None:
            self.bodiless = not chunked and b"content-length" not in head.headers
            self.usual = self.bodiless and UNUSUAL.isdisjoint(head.headers)
        else:
            self.bodiless = self.usual = True
        self.is_head = head.method == b"HEAD"
        self.keep_alive = True
        self.upgrade: bytes | None = None
        self.snapshot: ListenerSnapshot | None = None
        self.target: Target | None = None
        self.parts: dict[Plan, Parts] | None = None
        self.lines = NO_LINES
        """Templates of its lines in the access log; to be read only, whoever adds begins a mapping of its own."""
        self.admitted: Admitted | None = None
        """What this passed as when its token was checked."""
        self.unchecked: Request | None = None
        """The request as it came, where this is what it passed as."""

    def with_start(self, method: bytes, path: bytes, query: bytes | None) -> Request:
        """Return the request of another request line before the same header lines."""
        head = self.head
        return Request(RequestHead(method, head.authority, path, query, head.headers), self.fields, self.written)

    @property
    def lends_lines(self) -> bool:
        """Whether the header lines mean the same behind another request line."""
        return self.usual and self.keep_alive and self.head.repeated is None and self.unchecked is None


class Response:
    """A parsed response head. `length` is that of its body, None when it is not said beforehand.

    `parts` is None where the head is not kept.
    """

    __slots__ = ("fields", "headers", "length", "parts", "status")

    def __init__(self, status: int, fields: Fields, headers: dict[bytes, bytes], length: int | None) -> None:
        """Take a head as parsed; nothing changes it from now on."""
        self.status = status
        self.fields = fields
        self.headers = headers
        self.length = length
        self.parts: dict[Plan, Parts] | None = None


T = TypeVar("T", Request, Response)


class Memory(Generic[T]):
    """Parsed heads by their bytes."""

    __slots__ = ("_kept", "_misses", "rest")

    def __init__(self) -> None:
        """Begin empty. `rest` counts down the questions that are not worth asking."""
        self._kept: dict[bytes, T] = {}
        self._misses = 0
        self.rest = 0

    def recall(self, data: bytes) -> T | None:
        """Return what was kept under these bytes."""
        if self.rest:
            self.rest -= 1
            return None
        found = self._kept.get(data)
        if found is not None:
            self._misses = 0
            return found
        self._misses += 1
        if self._misses > _MISSES_BEFORE_REST:
            self._misses, self.rest = 0, _REST
        return None

    def keep(self, data: bytes, parsed: T) -> None:
        """Keep a parsed head, unless it is large or asking rests; when full, forget everything."""
        if self.rest or len(data) > _LARGEST:
            return
        if len(self._kept) >= _MOST:
            self._kept.clear()
        parsed.parts = {}
        self._kept[data] = parsed

    def clear(self) -> None:
        """Forget everything: what was derived from a snapshot must not keep it alive."""
        self._kept.clear()
