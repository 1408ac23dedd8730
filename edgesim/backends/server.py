"""One pod's HTTP/1.1 server: plain protocol callbacks on httptools, because the proxy is measured with it.

A connection that begins with HTTP/2's preface goes on in `http2`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from random import Random
from typing import Final, Protocol, cast

import httptools

from edgesim.backends.answers import TEXT, Answer, Request, reason, scripted_error
from edgesim.backends.behaviour import Behaviour, sample
from edgesim.backends.pod_log import PodLog, Served
from edgesim.http1.replies import BODILESS

MAX_PIPELINED: Final = 64
"""Requests waiting behind a slow answer on one connection before reading pauses."""
_STATUS_LINES: Final = {code: f"HTTP/1.1 {code} {reason(code)}\r\n".encode() for code in range(100, 1000)}
_BAD_REQUEST: Final = Answer(400, TEXT, b"400 Bad Request")


class Answers(Protocol):
    """The program of a pod."""

    def answer(self, request: Request) -> Answer:
        """Answer a request at once."""


class Connection(Protocol):
    """One connection to a pod."""

    def close_if_idle(self) -> None:
        """Close unless a request is in progress."""

    def abort(self) -> None:
        """Cut the connection."""


class PodServer:
    """What the connections of one pod share."""

    __slots__ = (
        "_date",
        "_date_at",
        "_now",
        "_wall",
        "answers",
        "behaviour",
        "connections",
        "draining",
        "emptied",
        "log",
        "random",
        "ready_at",
        "served",
        "started",
    )

    def __init__(
        self,
        answers: Answers,
        behaviour: Behaviour,
        random: Random,
        now: Callable[[], float],
        wall: Callable[[], float],
        log: PodLog | None = None,
        ready_after: float = 0.0,
    ) -> None:
        """Take the program, its script, the randomness, monotonic and wall clocks it runs by, and its log, if it keeps one.

        It is ready `ready_after` seconds from now.
        """
        self.answers = answers
        self.behaviour = behaviour
        self.random = random
        self._now = now
        self._wall = wall
        self.log = log
        self.started = now()
        self.ready_at = self.started + ready_after
        self.connections: set[Connection] = set()
        self.draining = False
        self.emptied: asyncio.Event = asyncio.Event()
        self.served = 0
        self._date_at = -1
        self._date = b""

    def date(self) -> bytes:
        """Return the Date header line, made anew once a second."""
        now = int(self._wall())
        if now != self._date_at:
            self._date_at = now
            self._date = b"Date: " + formatdate(now, usegmt=True).encode() + b"\r\n"
        return self._date

    def note(self, request: Request, answer: Answer, peer: str) -> None:
        """Put an answered request into the log."""
        if self.log is None:
            return
        host = agent = b""
        for name, value in request.headers:
            if len(name) == 4 and name.lower() == b"host":
                host = value
            elif len(name) == 10 and name.lower() == b"user-agent":
                agent = value
        self.log.served(
            Served(
                self._wall(),
                host,
                peer,
                request.method,
                request.target,
                request.version,
                answer.status,
                len(answer.body),
                agent,
                self._now() - request.began,
            )
        )

    def moment(self) -> float:
        """Return the moment on the monotonic clock, for the log alone: else nobody asks."""
        return self._now() if self.log is not None else 0.0

    def degraded(self) -> bool:
        """Tell whether the scripted behaviour has begun."""
        return self._now() - self.started >= self.behaviour.degrade_after

    def is_ready(self) -> bool:
        """Tell whether requests are to be sent here, as Kubernetes sees it."""
        return not self.draining and self._now() >= self.ready_at

    def scripted(self, request: Request, answers: Answers) -> tuple[float, Answer]:
        """Return how long to wait and what to say then."""
        script = self.behaviour
        if not self.degraded():
            return 0.0, answers.answer(request)
        delay = sample(script.latency, self.random) if script.latency is not None else 0.0
        if script.error_rate > 0 and self.random.random() < script.error_rate:
            return delay, scripted_error(script.error_code)
        return delay, answers.answer(request)

    def drain(self) -> None:
        """From now on close each connection after the answer it is at."""
        self.draining = True

    def close_idle(self) -> None:
        """Close the connections on which no request is in progress."""
        for connection in [*self.connections]:
            connection.close_if_idle()

    def abort(self) -> None:
        """Cut every connection that is left."""
        for connection in [*self.connections]:
            connection.abort()

    def left(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self.emptied.set()

    def joined(self, connection: Connection) -> None:
        """Remember a new connection."""
        self.connections.add(connection)
        self.emptied.clear()


class EchoProtocol(asyncio.Protocol):
    """One connection to a pod. Requests are answered in order, each when its scripted latency is over."""

    __slots__ = (
        "_body",
        "_closing",
        "_from",
        "_headers",
        "_in_message",
        "_parser",
        "_paused",
        "_pod",
        "_queue",
        "_target",
        "_timer",
        "_transport",
        "_unread",
    )

    def __init__(self, pod: PodServer) -> None:
        """Serve for a pod."""
        self._pod = pod
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._in_message = False
        self._paused = False
        self._unread = False
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = 0
        self._from = ""

    # --- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the pod's connections."""
        self._transport = cast(asyncio.Transport, transport)
        self._pod.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Leave the pod's connections; a delayed answer has nobody to go to."""
        if self._timer is not None:
            self._timer.cancel()
        self._queue.clear()
        self._pod.left(self)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a request that cannot be parsed gets 400 after those before it."""
        if self._closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request itself is answered without upgrading; what follows is not HTTP/1.1 any more.
            self._closing = True
        except httptools.HttpParserError:
            if self._turns_to_http2(data):
                return
            self._closing = True
            self._in_message = False
            if not self._queue and self._timer is None:
                self._write(_BAD_REQUEST, head=False, minor_version=1, keep_alive=False)

    def _turns_to_http2(self, data: bytes) -> bool:
        """Hand the connection over if what the parser stopped at is HTTP/2's preface, and nothing waits before it."""
        if self._parser.get_method() != b"PRI" or self._queue or self._timer is not None:
            return False
        from edgesim.backends.http2 import Http2Protocol, behind_preface  # noqa: PLC0415 - seldom wanted

        rest = behind_preface(data)
        if rest is None:
            return False
        made = Http2Protocol(self._pod, self._transport, self._peer())
        self._transport.set_protocol(made)
        self._pod.left(self)
        made.data_received(rest)
        return True

    def eof_received(self) -> bool:
        """Keep a half-closed connection until its answers are out."""
        self._closing = True
        return self._timer is not None or bool(self._queue)

    def pause_writing(self) -> None:
        """Read no more requests while their answers are not taken."""
        self._unread = True
        self._pause()

    def resume_writing(self) -> None:
        """Read again."""
        self._unread = False
        self._resume()

    # --- httptools ----------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_message = True
        self._target = b""
        self._headers = []
        self._body = 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Let a client that waits for it send its body (RFC 9110 10.1.1)."""
        for name, value in self._headers:
            if len(name) == 6 and name.lower() == b"expect" and value.lower() == b"100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Count a piece of the body."""
        self._body += len(body)

    def on_message_complete(self) -> None:
        """Answer, or queue behind an answer that is delayed."""
        self._in_message = False
        if self._closing:
            return
        parser = self._parser
        request = Request(
            parser.get_method(),
            self._target,
            self._headers,
            self._body,
            parser.get_http_version(),
            parser.should_keep_alive() and not parser.should_upgrade(),
            self._pod.moment(),
        )
        if not self._pod.behaviour:
            self._finish(request, self._pod.answers.answer(request))
            return
        self._queue.append(request)
        if self._timer is None:
            self._next()
        elif len(self._queue) >= MAX_PIPELINED:
            self._pause()

    # --- answers ------------------------------------------------------------------------------

    def _next(self) -> None:
        """Answer the oldest request when its latency is over."""
        self._timer = None
        while self._queue:
            request = self._queue.popleft()
            delay, answer = self._pod.scripted(request, self._pod.answers)
            if delay > 0:
                self._timer = asyncio.get_running_loop().call_later(delay, self._late, request, answer)
                return
            self._finish(request, answer)
        self._resume()

    def _late(self, request: Request, answer: Answer) -> None:
        self._finish(request, answer)
        if not self._transport.is_closing():
            self._next()

    def _finish(self, request: Request, answer: Answer) -> None:
        self._pod.served += 1
        if self._pod.log is not None:
            self._pod.note(request, answer, self._peer())
        last = (self._closing or self._pod.draining) and not self._queue
        keep_alive = request.keep_alive and not last
        self._write(
            answer, head=request.method == b"HEAD", minor_version=int(request.version != "1.0"), keep_alive=keep_alive
        )

    def _peer(self) -> str:
        """Return the other side's address, asked for once."""
        if not self._from:
            found = self._transport.get_extra_info("peername")
            self._from = f"{found[0]}:{found[1]}" if found else "-"
        return self._from

    def _write(self, answer: Answer, *, head: bool, minor_version: int, keep_alive: bool) -> None:
        status, fields, body = answer
        length = b"" if status in BODILESS else b"Content-Length: %d\r\n" % len(body)
        if not keep_alive:
            length += b"Connection: close\r\n"
        elif minor_version == 0:
            length += b"Connection: keep-alive\r\n"
        bare = head or status in BODILESS
        self._transport.write(
            b"".join((_STATUS_LINES[status], fields, self._pod.date(), length, b"\r\n", b"" if bare else body))
        )
        if not keep_alive:
            self._closing = True
            self._transport.close()

    # --- the end ------------------------------------------------------------------------------

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._unread and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def close_if_idle(self) -> None:
        """Close unless a request is in progress."""
        if not self._in_message and self._timer is None and not self._queue:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()
