"""One request and its answer: decide synchronously, then move bytes between two connections.

An exchange holds everything one request needs, sees one snapshot from begin to end, and is told what
happens on both sides by plain calls. Nothing here awaits. Tries that fail are `attempts`' to judge.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edgesim.http1.fields import Fields
from edgesim.http1.replies import (
    DURATION_TIMEOUT,
    REQUEST_TIMEOUT,
    STREAM_DURATION,
    STREAM_TIMEOUT,
    reset_body,
)
from edgesim.model import Endpoint, RedirectAction
from edgesim.policies.hashing import NOT_HASHED, Hashed, arm_draw, hash_request
from edgesim.policies.response_flags import DC, NC, NR, SI, UMSDR, UT
from edgesim.policies.retries import Reset, Retries
from edgesim.proxy import answers, attempts, tunnel
from edgesim.proxy.forwarding import NEVER, forward
from edgesim.proxy.heads import (
    response_parts,
)
from edgesim.proxy.messages import Request, Response
from edgesim.proxy.observed import note_end
from edgesim.proxy.pools import Pool, connect
from edgesim.proxy.seen import find_target
from edgesim.proxy.shadow import Shadow
from edgesim.proxy.tokens import admit
from edgesim.proxy.upstream import UpstreamConnection
from edgesim.routing import Decision, Split, lookup, redirect_location, resolve

if TYPE_CHECKING:
    from edgesim.proxy.downstream import Downstream
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.refusals import Refusal

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BUFFERED = 65536
"""How many bytes of a body wait for an upstream that is not connected yet."""
_REPLAYED = 1 << 20
"""How many bytes of a body are kept for another try, as Envoy's buffer limit."""
VIA_UPSTREAM = b"via_upstream"
DETAILS_OF = {UT: b"response_timeout", 0: b"max_duration_timeout", UMSDR: b"upstream_max_stream_duration_reached"}
_TOO_LARGE = b"Payload Too Large"


class Exchange:
    """The state of one request and its answer.

    Most exchanges never leave most of these defaults, so they live on the class: making an exchange
    costs a few assignments.
    """

    plan: Plan | None = None
    retries: Retries | None = None
    """The route's retries with what the request's headers change."""
    pool: Pool | None = None
    endpoint: Endpoint | None = None
    connection: UpstreamConnection | None = None
    local: tuple[int, Fields, bytes] | None = None
    status = 0
    flags = 0
    details = b""
    """Who set the status, and why: Envoy's response code details."""
    sent_head = b""
    request_id: bytes | None = None
    """The id made for the request, None where it brought one."""
    service_time: int | None = None
    begun = 0.0
    started = 0.0
    deadline = NEVER
    try_deadline = NEVER
    last_moment = NEVER
    """When the exchange ends whatever it does."""
    longest_try = 0.0
    """Seconds a try may last, its answer included, 0 for any: until `stream_deadline`."""
    stream_deadline = NEVER
    body_size = 0
    answer_size = 0
    attempts = 0
    filters_passed = 0
    buffers: int | None = None
    """While the whole body is awaited: how large it may become."""
    waits: asyncio.TimerHandle | None = None
    """A delay or a back-off under way."""
    hashed: Hashed = NOT_HASHED
    sent_fields: Fields | None = None
    """The request's fields as the upstream got them, None where nothing of them changed."""
    answer_fields: Fields | None = None
    """Fields that replace those of the answer, whatever its route does to them."""
    is_bare = False
    """The answer is a filter's alone: its route adds nothing."""
    is_buffered = False
    """The body was taken whole before anything was forwarded, so its length is known."""
    kept: list[bytes] | None = None
    """The body so far, for another try; None where there will be none."""
    shadow: Shadow | None = None
    answered: Response | None = None
    responding = False
    chunked_response = False
    wants_connection = False
    repeated_once = False
    retrying = False
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

    @property
    def switches(self) -> bool:
        """The client asks to switch protocols, and a 101 may come."""
        return self.request.upgrade is not None

    # -- deciding ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Decide, and act on the decision."""
        request = self.request
        worker = self.downstream.worker
        snapshot = self.downstream.listener.snapshot
        self.begun = worker.now()
        if snapshot.tokens:
            if not admit(self, snapshot):
                return
            request = self.request
        if request.snapshot is not snapshot:
            if request.usual and not snapshot.table.asks_for_made:
                request.snapshot = snapshot
                request.target = lookup(snapshot.table, request.head)
            else:
                find_target(self, snapshot)
        if request.expects and not self.request_complete:
            self.downstream.write(CONTINUE)
        target = request.target
        if target is None:
            self.flags |= NR
            self.reply(404, details=b"route_not_found")
            return
        draw = worker.draw()
        if isinstance(target, Split) and target.sticky:
            draw = self._sticky_draw(target.arms[0], draw)
        decision = resolve(target, request.head, draw)
        self.plan = plan = snapshot.plans.get(decision) or snapshot.plan(decision)
        if plan.filters:
            self.go_on()
        else:
            self._act(plan)

    def _sticky_draw(self, decision: Decision, draw: int) -> int:
        snapshot = self.downstream.listener.snapshot
        plan = snapshot.plans.get(decision) or snapshot.plan(decision)
        self.hashed = hash_request(plan.rules.hash_steps, self.request.head, self.downstream.ends)
        return arm_draw(self.hashed, draw)

    def go_on(self) -> None:
        """Pass the filters that are left, then act. Called again by a filter that waited."""
        plan = self.plan
        if plan is None:
            return
        while self.filters_passed < len(plan.filters):
            passes = plan.filters[self.filters_passed]
            self.filters_passed += 1
            if not passes(self, plan):
                return
        self._act(plan)

    def flush(self) -> None:
        """Write what came of a step that was not part of reading."""
        if self.done:
            self.flush_response()
        else:
            self.flush_request()

    def _act(self, plan: Plan) -> None:
        if plan.cluster is not None:
            forward(self, plan)
            return
        action = plan.decision.action
        if isinstance(action, RedirectAction):
            location = redirect_location(action, plan.decision.rewrite, self.request.head, self.downstream.scheme)
            self.reply(action.status, fields=[(b"location", location)], details=b"direct_response")
        elif plan.response is not None:
            self.reply(plan.response.status, plan.response.body.encode(), details=b"direct_response")
        else:
            self.flags |= NC
            self.reply(503, details=b"cluster_not_found")

    # -- towards the upstream ------------------------------------------------------------------

    def connected(self, connection: UpstreamConnection) -> None:
        """Send what waits: the pool found a connection."""
        self.wants_connection = False
        self.connection = connection
        self.downstream.resume_reading()  # before writing: a slow upstream may pause it again at once
        self.flush_request()

    def connect_failed(self, reason: str) -> None:
        """Try again or answer 503: the pool could not connect."""
        if self.wants_connection:
            self.wants_connection = False
            attempts.after_reset(self, Reset.CONNECT_FAILURE, reason)

    def request_body(self, data: bytes) -> None:
        """Take a piece of the request's body."""
        if self.done:
            return
        piece = b"%x\r\n%b\r\n" % (len(data), data) if self.request.chunked and self.buffers is None else data
        self.out.append(piece)
        self.body_size += len(data)
        if self.kept is not None:
            self.kept.append(piece)
            if self.body_size > _REPLAYED:
                self.kept = None
        if self.shadow is not None:
            self.shadow.request_body(piece)
        if self.buffers is not None:
            if self.body_size > self.buffers:
                self.reply(413, _TOO_LARGE, details=b"request_payload_too_large")
        elif self.connection is None and self.body_size > _BUFFERED:
            self.downstream.pause_reading()

    def request_end(self) -> None:
        """The request is here as a whole."""
        if self.request_complete:
            return
        self.request_complete = True
        if self.done:
            return
        if self.buffers is not None:
            self.buffers = None
            self.is_buffered = True
            self.go_on()
        else:
            if self.request.chunked:
                self.request_body_end()
            if self.attempts:
                self.start_timeout()
        if self.shadow is not None:
            self.shadow.request_end()

    def request_body_end(self) -> None:
        """Send the last chunk."""
        self.out.append(LAST_CHUNK)
        if self.kept is not None:
            self.kept.append(LAST_CHUNK)
        if self.shadow is not None:
            self.shadow.request_body(LAST_CHUNK)

    def start_timeout(self) -> None:
        """The route's timeout runs from the end of the request to the end of the response, as Envoy's does."""
        self.started = started = self.downstream.worker.now()
        if self.retries is not None:
            self.deadline = min(started + self.retries.timeout if self.retries.timeout else NEVER, self.last_moment)
            if self.retries.per_try_timeout:
                self.try_deadline = min(started + self.retries.per_try_timeout, self.stream_deadline)

    def flush_request(self) -> None:
        """Write what waits for the upstream, in one piece."""
        connection = self.connection
        out = self.out
        if out and connection is not None and connection.transport is not None:
            connection.transport.write(b"".join(out) if len(out) > 1 else out[0])
            out.clear()

    # -- the response --------------------------------------------------------------------------

    def response_head(self, response: Response, *, bodiless: bool) -> None:
        """Take the head of the upstream's answer, unless another try is made instead."""
        if self.retries is not None and self.retries.conditions and attempts.after_answer(self, response):
            return
        worker = self.downstream.worker
        self.try_deadline = self.stream_deadline
        self.status = response.status
        self.details = VIA_UPSTREAM
        self.answered = response
        if response.length is None:
            self._frame(bodiless=bodiless)
        close = self.closes()
        plan = self.plan
        if plan is None:
            return
        parts = answers.parts(self, response, plan, bodiless=bodiless, close=close)
        self.responding = True
        front, back = parts
        self.service_time = taken = worker.milliseconds_since(self.started) if self.started else 0
        self.response.append(b"%b%d%b" % (front, taken, back) if back else front)

    def _frame(self, *, bodiless: bool) -> None:
        """Show the end of an answer of unknown length: by chunks, in HTTP/1.0 by the connection's."""
        self.chunked_response = not bodiless and not self.older
        self.keep_alive = self.keep_alive and (not self.older or (bodiless and not self.is_head))

    def switched(self, connection: UpstreamConnection, response: Response, rest: bytes) -> None:
        """The upstream agreed to switch protocols: from here on, bytes are passed on as they come."""
        plan, worker = self.plan, self.downstream.worker
        transport, self.connection = connection.transport, None
        if plan is None or self.done or transport is None:
            connection.close()
            return
        self.status, self.answered, self.details = response.status, response, VIA_UPSTREAM
        front, back = response_parts(response, plan, worker.date, answers.additions(self, plan, close=False))
        self.service_time = taken = worker.milliseconds_since(self.started or self.begun)
        head = b"%b%d%b" % (front, taken, back) if back else front
        side = tunnel.Side(self, is_client=False)
        side.transport = transport
        switch = b"connection: upgrade\r\nupgrade: %b\r\n\r\n" % response.headers.get(b"upgrade", b"")
        tunnel.join(self, side, head[:-2] + switch + rest)

    def closes(self) -> bool:
        """Decide, and tell, whether the client's connection ends with this answer."""
        if not self.request_complete or self.downstream.listener.draining:
            self.keep_alive = False
        return not self.keep_alive

    def response_body(self, data: bytes) -> None:
        """Take a piece of the answer's body."""
        self.answer_size += len(data)
        self.response.append(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked_response else data)

    def response_complete(self) -> None:
        """The answer is here as a whole; the connection goes back to its pool by itself."""
        if self.chunked_response:
            self.response.append(LAST_CHUNK)
        self.connection = None
        self.end()

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
            response.append(answers.local_bytes(self, *self.local))
            self.local = None
        if response:
            self.downstream.write(b"".join(response) if len(response) > 1 else response[0])
            response.clear()

    def reply(self, status: int, body: bytes = b"", fields: Fields | None = None, details: bytes = b"") -> None:
        """Answer without an upstream; written when the piece of the request at hand is read to its end."""
        self.status = status
        self.details = details
        self.answer_size = len(body)
        self.local = (status, fields or [], body)
        self.end()

    def end(self) -> None:
        """Nothing more is to be done: count it."""
        self.done = True
        self.out.clear()
        if self.waits is not None:
            self.waits.cancel()
        if self.retrying:
            attempts.settle(self)
        if self.shadow is not None and not self.request_complete:
            self.shadow.drop()  # the rest never comes
        self.downstream.worker.active.discard(self)
        note_end(self)

    # -- what goes wrong -----------------------------------------------------------------------

    def upstream_failed(self, reason: str, *, answered: bool, reused: bool) -> None:
        """The upstream is gone before its answer was whole."""
        self.connection = None
        if self.done:
            return
        if self.responding:
            self.flags |= attempts.flag_of(reason)
            self.details = f"upstream_reset_after_response_started{{{reason.replace(' ', '_')}}}".encode()
            self.end()
            self.downstream.abort()
        elif self.pool is not None and reused and not answered and attempts.may_repeat(self):
            self.repeated_once = True
            ends = self.request.chunked and not self.is_buffered
            self.out = [self.sent_head, LAST_CHUNK] if ends else [self.sent_head]
            self.wants_connection = True
            connect(self.pool, self)  # a new one: where one connection is stale, its like may be too
        else:
            attempts.after_reset(self, Reset.AFTER_REQUEST, reason)

    def fail(self, reason: str, *, retried: bool) -> None:
        """Answer for an upstream that gave no answer."""
        self.flags |= attempts.flag_of(reason)
        details = f"upstream_reset_before_response_started{{{reason.replace(' ', '_')}}}".encode()
        self.reply(502 if reason == "protocol error" else 503, reset_body(reason, retried=retried), details=details)
        self.flush_response()

    def timed_out(self, now: float) -> None:
        """The try's or the route's time ran out."""
        self.leave_upstream()
        if now < self.deadline:
            reset = Reset.STREAM_DURATION if self.stream_deadline <= now else Reset.PER_TRY_TIMEOUT
            self.try_deadline = NEVER
            if self.responding:
                self.outlast(STREAM_DURATION, UMSDR)
            else:
                attempts.after_reset(self, reset, "")
        elif now >= self.last_moment:
            self.outlast(DURATION_TIMEOUT, 0)
        elif self.responding:
            self.outlast(REQUEST_TIMEOUT, UT)
        else:
            self.time_out()

    def outlast(self, body: bytes, flag: int) -> None:
        """End what took too long: an answer begun is torn."""
        self.flags |= flag
        if self.responding:
            self.details = DETAILS_OF[flag]
            self.end()
            self.downstream.abort()
        else:
            self.reply(504 if self.request_complete else 408, body, details=DETAILS_OF[flag])
            self.flush_response()

    def time_out(self, details: bytes = b"response_timeout") -> None:
        """Answer that the upstream took too long."""
        self.flags |= UT
        status = 504 if self.retries is None else self.retries.timeout_status
        self.reply(status, REQUEST_TIMEOUT if status == 504 else b"", details=details)
        self.flush_response()

    def stand_still(self) -> None:
        """Nothing moved for the idle timeout: 408 for a request that is not whole, else 504, as Envoy has it."""
        self.leave_upstream()
        self.flags |= SI
        if self.responding:
            self.details = b"stream_idle_timeout"
            self.end()
            self.downstream.abort()
        else:
            self.reply(504 if self.request_complete else 408, STREAM_TIMEOUT, details=b"stream_idle_timeout")
            self.flush_response()

    def refuse(self, refused: Refusal) -> None:
        """Answer a request whose body cannot be read to its end, or give an answer up that was begun."""
        self.leave_upstream()
        self.flags |= refused.flags
        if self.responding:
            self.details = refused.details
            self.end()
            self.downstream.abort()
        else:
            self.reply(refused.status, refused.body, details=refused.details)
            self.flush_response()

    def client_lost(self) -> None:
        """The client is gone: nothing more is to be done for it."""
        if not self.done:
            self.flags |= DC
            self.details = b"downstream_remote_disconnect"
            self.leave_upstream()
            self.end()

    def leave_upstream(self) -> None:
        """Give up the try under way."""
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
