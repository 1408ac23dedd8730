"""One request and its answer: decide synchronously, then move bytes between two connections.

An exchange holds everything one request needs, sees one snapshot from begin to end, and is told what
happens on both sides by plain calls. Nothing here awaits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.http1.fields import BadFieldsError, Fields
from edgesim.http1.replies import NO_HEALTHY_UPSTREAM, REQUEST_TIMEOUT, reset_body
from edgesim.model import RedirectAction
from edgesim.proxy.heads import local_reply, request_parts, response_parts
from edgesim.proxy.messages import Request, Response
from edgesim.proxy.upstream import Pool, UpstreamConnection, acquire
from edgesim.routing import lookup, redirect_location, resolve

if TYPE_CHECKING:
    from edgesim.proxy.downstream import Downstream
    from edgesim.proxy.plan import Plan

NEVER = float("inf")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BUFFERED = 65536
"""How many bytes of a body wait for an upstream that is not connected yet."""
_SAFE_TO_REPEAT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))


class Exchange:
    """The state of one request and its answer.

    Most exchanges never leave most of these defaults, so they live on the class: making an exchange
    costs four assignments.
    """

    plan: Plan | None = None
    pool: Pool | None = None
    connection: UpstreamConnection | None = None
    local: tuple[int, Fields, bytes] | None = None
    sent_head = b""
    started = 0.0
    deadline = NEVER
    body_size = 0
    responding = False
    chunked_response = False
    wants_connection = False
    repeated_once = False
    done = False
    older = False
    """The client speaks HTTP/1.0."""
    verdict: tuple[int, bytes, Fields] | None = None
    """The answer where it is known before any route is."""
    early = b""
    """What the client sent behind a request to switch protocols."""
    out: list[bytes]
    response: list[bytes]

    def __init__(self, downstream: Downstream, request: Request) -> None:
        """Begin with a request's head; a body comes later."""
        self.downstream = downstream
        self.request = request
        self.is_head = request.is_head
        self.request_complete = request.bodiless
        self.keep_alive = request.keep_alive
        self.out = []
        self.response = []

    # -- the request ---------------------------------------------------------------------------

    def begin(self) -> None:
        """Decide, and act on the decision."""
        request = self.request
        worker = self.downstream.worker
        snapshot = worker.snapshot
        if request.snapshot is not snapshot:
            request.snapshot = snapshot
            request.target = lookup(snapshot.tables[self.downstream.scheme], request.head)
        if not self.request_complete:
            self._meet_expectation()
        if request.target is None:
            self.reply(404)
            return
        decision = resolve(request.target, request.head, worker.draw())
        self.plan = plan = snapshot.plans.get(decision) or snapshot.plan(decision)
        if plan.cluster is None:
            self._answer_locally(plan)
        else:
            self._forward(plan, request)

    def _meet_expectation(self) -> None:
        if self.request.head.headers.get(b"expect", b"").lower() == b"100-continue":
            self.downstream.write(CONTINUE)

    def _answer_locally(self, plan: Plan) -> None:
        action = plan.decision.action
        if isinstance(action, RedirectAction):
            location = redirect_location(action, plan.decision.rewrite, self.request.head, self.downstream.scheme)
            self.reply(action.status, fields=[(b"location", location)])
        else:
            self.reply(plan.local_status, plan.local_body)

    def _forward(self, plan: Plan, request: Request) -> None:
        cluster = plan.cluster
        endpoint = cluster.pick(plan.subset)  # type: ignore[union-attr]  # only called with a cluster
        if endpoint is None:
            self.reply(503, NO_HEALTHY_UPSTREAM)
            return
        parts = None if request.parts is None else request.parts.get(plan)
        if parts is None:
            try:
                parts = request_parts(request, plan, endpoint, self.downstream.scheme)
            except BadFieldsError as bad:
                self.keep_alive = False
                self.reply(bad.status)
                return
            if plan.repeatable and request.parts is not None:
                request.parts[plan] = parts
        front, back = parts
        worker = self.downstream.worker
        self.sent_head = front + worker.request_id() + back if back else front
        self.out.insert(0, self.sent_head)
        worker.active.add(self)
        if self.request_complete:
            self._start_timeout(plan)
        self._send_to(cluster.pool(endpoint))  # type: ignore[union-attr]  # as above

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
        self.out.append(b"%x\r\n%b\r\n" % (len(data), data) if self.request.chunked else data)
        self.body_size += len(data)
        if self.connection is None and self.body_size > _BUFFERED:
            self.downstream.pause_reading()

    def request_end(self) -> None:
        """The request is here as a whole."""
        if self.request_complete:
            return
        self.request_complete = True
        if self.done:
            return
        if self.request.chunked:
            self.out.append(b"0\r\n\r\n")
        if self.plan is not None:
            self._start_timeout(self.plan)

    def _start_timeout(self, plan: Plan) -> None:
        """The route's timeout runs from the end of the request to the end of the response, as Envoy's does."""
        self.started = started = self.downstream.worker.now()
        self.deadline = started + plan.timeout

    def flush_request(self) -> None:
        """Write what waits for the upstream, in one piece."""
        connection = self.connection
        out = self.out
        if out and connection is not None and connection.transport is not None:
            connection.transport.write(b"".join(out) if len(out) > 1 else out[0])
            out.clear()

    # -- the response --------------------------------------------------------------------------

    def response_head(self, response: Response, *, bodiless: bool) -> None:
        """Take the head of the upstream's answer."""
        worker = self.downstream.worker
        self.chunked_response = not bodiless and response.length is None and not self.older
        close = self._closes()
        plan = self.plan
        kept = None if close else response.parts
        parts = None if kept is None or plan is None else kept.get(plan)
        if parts is None and plan is not None:
            parts = response_parts(response, plan, worker.date, chunked=self.chunked_response, close=close)
            if kept is not None:
                kept[plan] = parts
        self.responding = True
        front, back = parts or (b"", b"")
        self.response.append(b"%b%d%b" % (front, worker.milliseconds_since(self.started), back))

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
        if self.done:
            self.downstream.advance()
        else:
            self.write_response()

    def write_response(self) -> None:
        """Write what waits for the client, in one piece."""
        response = self.response
        if self.local is not None:
            response.append(self._local_bytes(*self.local))
            self.local = None
        if response:
            self.downstream.write(b"".join(response) if len(response) > 1 else response[0])
            response.clear()

    def reply(self, status: int, body: bytes = b"", fields: Fields | None = None) -> None:
        """Answer without an upstream; written when the piece of the request at hand is read to its end."""
        self.local = (status, fields or [], body)
        self._end()

    def _local_bytes(self, status: int, fields: Fields, body: bytes) -> bytes:
        date = self.downstream.worker.date
        close = self._closes()
        return local_reply(status, fields, body, self.plan, date, close=close, head_only=self.is_head)

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
        elif self.pool is not None and reused and not answered and self._can_be_repeated():
            self.repeated_once = True
            self.out = [self.sent_head]
            self._send_to(self.pool)
            self.flush_request()
        else:
            self.reply(502 if reason == "protocol error" else 503, reset_body(reason))
            self.flush_response()

    def _can_be_repeated(self) -> bool:
        """A stale connection that died without a byte of an answer may be replaced once, when that is safe."""
        whole = self.request_complete and not self.body_size
        return whole and not self.repeated_once and self.request.head.method in _SAFE_TO_REPEAT

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

    def pause_sending(self) -> None:
        """The upstream is slow: read no more from the client."""
        self.downstream.pause_reading()

    def resume_sending(self) -> None:
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
