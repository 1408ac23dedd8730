"""Reading an answer that was not seen before: where it ends, its status, and which destination sent it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import httptools
import re2

from edgesim.load.scenario import By, Destination

_MOST_BODY = 1 << 16
"""Bytes of a body that a pattern is looked for in."""
_MOST_BODIES = 64
"""Bodies remembered: often all answers of a version have the same, whatever their heads say."""
_GENERATED = re.compile(r"-[a-z0-9]{1,10}-[a-z0-9]{5}$")
"""What a Deployment adds to its name to name a pod."""
_LENGTHS = frozenset((b"content-length", b"transfer-encoding"))

Learn = Callable[["Answer"], str]


class Answer:
    """One answer, read piece by piece with llhttp.

    `complete` once all of it was read; then `keeps` says whether the connection may be used again.
    """

    __slots__ = ("_parser", "body", "complete", "delimited", "fields", "head", "keeps", "received", "status", "surplus")

    def __init__(self, *, head: bool) -> None:
        """Begin; `head` for the answer to a HEAD request, which has no body whatever it says."""
        self.head = head
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.received = 0
        self.complete = self.keeps = self.surplus = self.delimited = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Read on. Raises httptools.HttpParserError for what is no HTTP."""
        self.received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.complete, self.keeps = True, False
        except httptools.HttpParserError:
            if not self.complete:
                raise
            self.keeps = False

    def ended(self) -> bool:
        """The server has closed the connection: tell whether that is how the answer ends."""
        return bool(self.status) and not self.delimited

    def on_message_begin(self) -> None:  # noqa: D102 - httptools calls it
        self.surplus = self.complete

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: D102 - httptools calls it
        if self.complete:
            return
        name = name.lower()
        self.fields.append((name, value))
        if name in _LENGTHS:
            self.delimited = True

    def on_headers_complete(self) -> None:  # noqa: D102 - httptools calls it
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        self.keeps = self._parser.should_keep_alive()
        if self.head:
            self.complete = True
            self.keeps = not any(n == b"connection" and b"close" in v.lower() for n, v in self.fields)

    def on_body(self, data: bytes) -> None:  # noqa: D102 - httptools calls it
        if len(self.body) * len(data) < _MOST_BODY:
            self.body.append(data)

    def on_message_complete(self) -> None:  # noqa: D102 - httptools calls it
        if self.complete:
            return
        if 100 <= self.status < 200 and self.status != 101:
            self.status = 0
            self.fields.clear()
            self.delimited = False
            return
        self.complete = True
        self.keeps = self.keeps and self._parser.should_keep_alive()

    def field(self, name: bytes) -> str:
        """Return the first value of a field, named in lower case; empty where there is none."""
        for each, value in self.fields:
            if each == name:
                return value.decode("latin-1")
        return ""


def learner(destination: Destination) -> Learn:
    """Return what tells the destination of an answer. Raises re2.error for a pattern that RE2 refuses."""
    if destination.by is By.HEADER:
        name = destination.what.lower().encode("latin-1")
        return lambda answer: answer.field(name)
    if destination.by is By.BODY:
        return _in_body(destination.what)
    if destination.by is By.ROUTE:
        return _by_route
    return lambda _answer: ""


def _in_body(pattern: str) -> Learn:
    options = re2.Options()
    options.log_errors = False
    options.encoding = re2.Options.Encoding.LATIN1  # a body may hold anything
    compiled = re2.compile(pattern.encode(), options)
    group = 1 if compiled.groups else 0

    @functools.lru_cache(maxsize=_MOST_BODIES)
    def found(body: bytes) -> str:
        match = compiled.search(body)
        return match.group(group).decode(errors="replace") if match and match.group(group) else ""

    return lambda answer: found(b"".join(answer.body)[:_MOST_BODY])


def _by_route(answer: Answer) -> str:
    """Return the Deployment of the pod that edgesim names, or its cluster where it names no pod."""
    return deployment_of(answer.field(b"x-edgesim-pod")) or answer.field(b"x-edgesim-cluster")


def deployment_of(pod: str) -> str:
    """Return the name of the Deployment that a pod is of, by its own name."""
    return _GENERATED.sub("", pod)
