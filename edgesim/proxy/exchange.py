"""One request and its answer: decide synchronously, then move bytes between two connections.

An exchange holds everything one request needs, sees one snapshot from begin to end, and is told what
happens on both sides by plain calls. Nothing here awaits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.http1.fields import (
    NOT_FORWARDED,
    NOT_RETURNED,
    BadFieldsError,
    Field,
    Fields,
    forwardable,
    head_bytes,
)
from edgesim.http1.mutations import mutate
from edgesim.http1.replies import (
    NO_HEALTHY_UPSTREAM,
    REQUEST_TIMEOUT,
    local_fields,
    reply_bytes,
    reset_body,
    status_line,
)
from edgesim.model import Endpoint, RedirectAction, RequestHead
from edgesim.proxy.upstream import Pool, UpstreamConnection, acquire
from edgesim.routing import decide, redirect_location

if TYPE_CHECKING:
    from edgesim.proxy.downstream import Downstream
    from edgesim.proxy.plan import Plan

NEVER = float("inf")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BUFFERED = 65536
"""How many bytes of a body wait for an upstream that is not connected yet."""
_SAFE_TO_REPEAT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))
_KEPT_ALIVE = frozenset((b"keep-alive", b"Keep-Alive", b"close"))
"""Connection values that name no other field: the usual ones, known without parsing."""


class Exchange:
    """The state of one request and its answer."""

    __slots__ = (
        "chunked",
        "chunked_response",
        "connection",
        "deadline",
        "done",
        "downstream",
        "fields",
        "head",
        "is_head",
        "keep_alive",
        "local",
        "out",
        "out_size",
        "plan",
        "pool",
        "repeated_once",
        "request_complete",
        "responding",
        "response",
        "sent_head",
        "started",
        "wants_connection",
    )

    def __init__(self, downstream: Downstream, head: RequestHead, fields: Fields) -> None:
        """Begin with a request head; the body and the decision come later."""
        headers = head.headers
        self.downstream = downstream
        self.head = head
        self.fields = fields
        self.chunked = b"transfer-encoding" in headers
        self.is_head = head.method == b"HEAD"
        self.keep_alive = True
        self.plan: Plan | None = None
        self.pool: Pool | None = None
        self.connection: UpstreamConnection | None = None
        self.out: list[bytes] = []
        self.out_size = 0
        self.response: list[bytes] = []
        self.sent_head = b""
        self.deadline = NEVER
        self.started = 0.0
        self.request_complete = not self.chunked and b"content-length" not in headers
        self.local: tuple[int, Fields, bytes] | None = None
        self.responding = False
        self.chunked_response = False
        self.wants_connection = False
        self.repeated_once = False
        self.done = False

    # -- the request ---------------------------------------------------------------------------

    def begin(self) -> None:
        """Decide, and act on the decision."""
        if not self.request_complete and self.head.headers.get(b"expect", b"").lower() == b"100-continue":
            self.downstream.write(CONTINUE)
        worker = self.downstream.worker
        snapshot = worker.snapshot
        decision = decide(snapshot.table, self.head, worker.draw())
        if decision is None:
            self.reply(404)
            return
        self.plan = plan = snapshot.plans.get(decision) or snapshot.plan(decision)
        if plan.cluster is None:
            self._answer_locally(plan)
            return
        endpoint = plan.cluster.pick(plan.subset)
        if endpoint is None:
            self.reply(503, NO_HEALTHY_UPSTREAM)
            return
        try:
            self.sent_head = self._request_bytes(plan, endpoint)
        except BadFieldsError as bad:
            self.keep_alive = False
            self.reply(bad.status)
            return
        self.out.insert(0, self.sent_head)
        worker.active.add(self)
        self._send_to(plan.cluster.pool(endpoint))
        if self.request_complete:
            self._start_timeout(plan)

    def _answer_locally(self, plan: Plan) -> None:
        action = plan.decision.action
        if isinstance(action, RedirectAction):
            location = redirect_location(action, plan.decision.rewrite, self.head, self.downstream.scheme)
            self.reply(action.status, fields=[(b"location", location)])
        else:
            self.reply(plan.local_status, plan.local_body)

    def _request_bytes(self, plan: Plan, endpoint: Endpoint) -> bytes:
        head = self.head
        headers = head.headers
        fields = self.fields
        if not NOT_FORWARDED.isdisjoint(headers):
            fields = forwardable(fields, _naming(headers), NOT_FORWARDED)
        worker = self.downstream.worker
        more = [*plan.request_lines]
        if b"x-request-id" not in headers:
            more.append(b"x-request-id: " + worker.request_id())
        if b"x-forwarded-proto" not in headers:
            more.append(b"x-forwarded-proto: " + self.downstream.scheme)
        if self.chunked:
            more.append(b"transfer-encoding: chunked")
        if plan.rewrites:
            fields = plan.rewritten(head, fields, endpoint)
        if plan.request_steps:
            fields = mutate([*fields, *(_as_field(line) for line in more)], plan.request_steps)
            return head_bytes(self._request_line(plan), fields)
        return head_bytes(self._request_line(plan), fields, *more)

    def _request_line(self, plan: Plan) -> bytes:
        head = self.head
        path = head.path if plan.decision.rewrite is None else plan.decision.rewrite(head.path)
        if head.query is None:
            return b"%b %b HTTP/1.1" % (head.method, path)
        return b"%b %b?%b HTTP/1.1" % (head.method, path, head.query)

    def _send_to(self, pool: Pool) -> None:
        self.pool = pool
        connection = acquire(pool, self)
        if connection is None:
            self.wants_connection = True
        else:
            self.connection = connection

    def connected(self, connection: UpstreamConnection) -> None:
        """Send what waits: the pool found a connection."""
        self.wants_connection = False
        self.connection = connection
        self.flush_request()
        self.downstream.resume_reading()

    def connect_failed(self, reason: str) -> None:
        """Answer 503: the pool could not connect."""
        if self.wants_connection:
            self.wants_connection = False
            self.reply(503, reset_body(reason))
            self.flush_response()

    def request_body(self, data: bytes) -> None:
        """Take a piece of the request's body."""
        if self.done:
            return
        self.out.append(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)
        self.out_size += len(data)
        if self.connection is None and self.out_size > _BUFFERED:
            self.downstream.pause_reading()

    def request_end(self) -> None:
        """The request is here as a whole."""
        if self.request_complete:
            return
        self.request_complete = True
        if self.done:
            return
        if self.chunked:
            self.out.append(b"0\r\n\r\n")
        if self.plan is not None:
            self._start_timeout(self.plan)

    def _start_timeout(self, plan: Plan) -> None:
        """The route's timeout runs from the end of the request to the end of the response, as Envoy's does."""
        self.started = self.downstream.worker.now()
        self.deadline = self.started + plan.timeout

    def flush_request(self) -> None:
        """Write what waits for the upstream, in one piece."""
        connection = self.connection
        if self.out and connection is not None and connection.transport is not None:
            connection.transport.write(b"".join(self.out) if len(self.out) > 1 else self.out[0])
            self.out.clear()

    # -- the response --------------------------------------------------------------------------

    def response_head(self, status: int, fields: Fields, headers: dict[bytes, bytes], *, bodiless: bool) -> None:
        """Take the head of the upstream's answer."""
        worker = self.downstream.worker
        connection = headers.get(b"connection")
        if connection in _KEPT_ALIVE or connection is None:
            kept = [field for field in fields if field[0] not in NOT_RETURNED]
        else:
            kept = forwardable(fields, connection, NOT_RETURNED)
        plan = self.plan
        if plan is not None and plan.response_steps:
            kept = mutate(kept, plan.response_steps)
        more = [b"server: envoy", b"x-envoy-upstream-service-time: %d" % worker.milliseconds_since(self.started)]
        if b"date" not in headers:
            more.append(b"date: " + worker.date)
        self.chunked_response = not bodiless and b"content-length" not in headers
        if self.chunked_response:
            more.append(b"transfer-encoding: chunked")
        if self._closes():
            more.append(b"connection: close")
        self.responding = True
        self.response.append(head_bytes(status_line(status), kept, *more))

    def _closes(self) -> bool:
        if not self.request_complete or self.downstream.worker.draining:
            self.keep_alive = False
        return not self.keep_alive

    def response_body(self, data: bytes) -> None:
        """Take a piece of the answer's body."""
        self.response.append(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked_response else data)

    def response_complete(self) -> None:
        """The answer is here as a whole; the connection goes back to its pool by itself."""
        if self.chunked_response:
            self.response.append(b"0\r\n\r\n")
        self.connection = None
        self._end()

    def flush_response(self) -> None:
        """Write what waits for the client, in one piece, and let the next request begin."""
        self.write_response()
        if self.done:
            self.downstream.advance()

    def write_response(self) -> None:
        """Write what waits for the client, in one piece."""
        if self.local is not None:
            self.response.append(self._local_bytes(*self.local))
            self.local = None
        if self.response:
            self.downstream.write(b"".join(self.response) if len(self.response) > 1 else self.response[0])
            self.response.clear()

    def reply(self, status: int, body: bytes = b"", fields: Fields | None = None) -> None:
        """Answer without an upstream; written when the piece of the request at hand is read to its end."""
        self.local = (status, fields or [], body)
        self._end()

    def _local_bytes(self, status: int, fields: Fields, body: bytes) -> bytes:
        described = [*local_fields(body), *fields]
        if self.plan is not None and self.plan.response_steps:
            described = mutate(described, self.plan.response_steps)
        date = self.downstream.worker.date
        return reply_bytes(status, described, body, date, close=self._closes(), head_only=self.is_head)

    def _end(self) -> None:
        self.done = True
        self.out.clear()
        self.downstream.worker.active.discard(self)

    # -- what goes wrong -----------------------------------------------------------------------

    def upstream_failed(self, reason: str, *, answered: bool, reused: bool) -> None:
        """The upstream is gone before its answer was whole."""
        self.connection = None
        if self.done:
            return
        if self.responding:
            self._end()
            self.downstream.abort()
        elif reused and not answered and self._can_be_repeated():
            self.repeated_once = True
            self.out = [self.sent_head]
            self._send_to(self.pool)  # type: ignore[arg-type]  # an exchange that failed upstream has a pool
            self.flush_request()
        else:
            self.reply(502 if reason == "protocol error" else 503, reset_body(reason))
            self.flush_response()

    def _can_be_repeated(self) -> bool:
        """A stale connection that died without a byte of an answer may be replaced once, when that is safe."""
        whole = self.request_complete and not self.out_size
        return whole and not self.repeated_once and self.head.method in _SAFE_TO_REPEAT

    def timed_out(self) -> None:
        """The route's timeout ran out."""
        self._leave_upstream()
        if self.responding:
            self._end()
            self.downstream.abort()
        else:
            self.reply(504, REQUEST_TIMEOUT)
            self.flush_response()

    def client_lost(self) -> None:
        """The client is gone: nothing more is to be done for it."""
        if not self.done:
            self._leave_upstream()
            self._end()

    def _leave_upstream(self) -> None:
        self.wants_connection = False
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.abandon()

    # -- back-pressure -------------------------------------------------------------------------

    def pause_client(self) -> None:
        """The upstream is slow: read no more from the client."""
        self.downstream.pause_reading()

    def resume_client(self) -> None:
        """The upstream takes more."""
        self.downstream.resume_reading()

    def pause_upstream(self) -> None:
        """The client is slow: read no more from the upstream."""
        if self.connection is not None and self.connection.transport is not None:
            self.connection.transport.pause_reading()

    def resume_upstream(self) -> None:
        """The client takes more."""
        if self.connection is not None and self.connection.transport is not None:
            self.connection.transport.resume_reading()


def _naming(headers: dict[bytes, bytes]) -> bytes | None:
    connection = headers.get(b"connection")
    return None if connection in _KEPT_ALIVE else connection


def _as_field(line: bytes) -> Field:
    name, _, value = line.partition(b": ")
    return name, value
