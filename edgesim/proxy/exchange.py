"""One request and its answer: decide synchronously, then move bytes between two connections.

An exchange holds everything one request needs, sees one snapshot from begin to end, and is told what
happens on both sides by plain calls. Nothing here awaits. Tries that fail are `attempts`' to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.http1.fields import Fields
from edgesim.model import RedirectAction
from edgesim.policies.response_flags import NC, NR
from edgesim.policies.retries import Reset
from edgesim.proxy import answers, attempts, failures, tunnel
from edgesim.proxy.exchange_state import ExchangeState
from edgesim.proxy.forwarding import forward, limit_try
from edgesim.proxy.hashed import sticky_draw
from edgesim.proxy.messages import LAST_CHUNK
from edgesim.proxy.observed import note_end
from edgesim.proxy.pools import withdraw
from edgesim.proxy.redistribution import redistribute
from edgesim.proxy.seen import find_target
from edgesim.proxy.tokens import admit
from edgesim.routing import Decision, Split, redirect_location, resolve
from edgesim.telemetry.sources import NEVER

if TYPE_CHECKING:
    from edgesim.proxy.messages import Response
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.pools import OnSwitch
    from edgesim.proxy.upstream import UpstreamConnection

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_WITH_LOCATION = frozenset((201, *range(300, 400)))
"""Statuses of direct responses that Envoy gives the request's own URL as location (RFC 9110, section 10.2.2)."""
_HERE = RedirectAction()
_BUFFERED = 65536
"""How many bytes of a body wait for an upstream that is not connected yet."""
_REPLAYED = 1 << 20
"""How many bytes of a body are kept for another try, as Envoy's buffer limit."""
_TOO_LARGE = b"Payload Too Large"


class Exchange(ExchangeState):
    """One request and its answer."""

    @property
    def on_switch(self) -> OnSwitch | None:
        """What takes over when the upstream agrees to switch protocols; None where the client did not ask for it."""
        return None if self.request.upgrade is None else self._switched

    # -- deciding ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Decide, and act on the decision."""
        request, downstream = self.request, self.downstream
        worker, snapshot = downstream.worker, downstream.listener.snapshot
        self.begun = worker.now()
        if snapshot.tokens:
            if not admit(self, snapshot):
                return
            request = self.request
        if request.snapshot is not snapshot:
            find_target(self, snapshot, request)
        if request.expects and not self.request_complete:
            downstream.write(CONTINUE)
        target = request.target
        if target is None:
            self.flags |= NR
            worker.no_route += 1
            self.reply(404, details=b"route_not_found")
            return
        draw = worker.draw()
        if isinstance(target, Split) and target.sticky:
            draw = sticky_draw(self, snapshot.plan_of(target.arms[0]), draw)
        self.decision = decision = resolve(target, request.head, draw)
        self.plan = plan = snapshot.plans.get(decision.kind) or snapshot.plan(decision)
        if plan.redistributes and isinstance(target, Split):
            plan = self._redistributed(target, plan, draw)
        if plan.filters or plan.cluster is None:
            self.go_on()
        else:
            forward(self, plan)

    def _redistributed(self, split: Split[Decision], plan: Plan, draw: int) -> Plan:
        snapshot = self.downstream.listener.snapshot
        other = redistribute(split, plan, draw, snapshot.plan_of)
        if other is not None:
            self.decision = other
            self.plan = plan = snapshot.plan_of(other)
        return plan

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
        action = None if self.decision is None else self.decision.action
        if isinstance(action, RedirectAction):
            location = redirect_location(action, plan.rewrite, self.request.head, self.downstream.scheme)
            self.reply(action.status, fields=[(b"location", location)], details=b"direct_response")
        elif plan.response is not None:
            fields = [(b"location", self._own_url())] if plan.response.status in _WITH_LOCATION else []
            self.reply(plan.response.status, plan.response.body.encode(), fields=fields, details=b"direct_response")
        else:
            self.flags |= NC
            self.downstream.worker.no_cluster += 1
            self.reply(503, details=b"cluster_not_found")

    def _own_url(self) -> bytes:
        """Return the request's URL, which Envoy names as the location of a direct response that has one."""
        return redirect_location(_HERE, None, self.request.head, self.downstream.scheme)

    # -- towards the upstream ------------------------------------------------------------------

    def connected(self, connection: UpstreamConnection) -> None:
        """Send what waits: the pool found a connection."""
        self.wants_connection = self.unreached = False
        self.connection = connection
        if connection.pool.watch is not None:
            connection.pool.watch.reached()
        limit_try(self)
        if self.held is not None:
            self.held()
        self.downstream.resume_reading()  # before writing: a slow upstream may pause it again at once
        self.flush_request()

    def connect_failed(self, reason: str) -> None:
        """Try again or answer 503: the pool could not connect."""
        if self.wants_connection:
            self.wants_connection = False
            if self.pool is not None and self.pool.watch is not None:
                self.pool.watch.failed(503)
            attempts.after_reset(self, Reset.CONNECT_FAILURE, reason)

    def overflowed(self) -> None:
        """Answer 503: a circuit breaker is full."""
        failures.overflow(self)

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
            if self.retries.per_try_timeout and self.connection is not None:
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
        pool = self.pool
        if pool is not None and pool.watch is not None:
            pool.watch.answered(response.status)
        retries = self.retries
        if retries is not None and retries.conditions and attempts.after_answer(self, response, bodiless=bodiless):
            return
        worker = self.downstream.worker
        self.try_deadline = self.stream_deadline
        self.status = response.status
        self.details = tunnel.VIA_UPSTREAM
        if response.length is None:
            self._frame(bodiless=bodiless)
        close = self.closes()
        failed = tunnel.failed_handshake(self, response) if close and self.request.upgrade is not None else None
        self.answered = response = failed or response
        plan = self.plan
        if plan is None:
            return
        parts = answers.parts(self, response, plan, bodiless=bodiless, close=close)
        self.responding = True
        front, back = parts
        if self.started:
            self.service_time = taken = worker.milliseconds_since(self.started)
            self.response.append(b"%b%d%b" % (front, taken, back) if back else front)
        else:
            self.response.append(front)
        if failed is not None:
            self.leave_upstream()
            self.end()

    def _frame(self, *, bodiless: bool) -> None:
        """Show the end of an answer of unknown length: by chunks, in HTTP/1.0 by the connection's."""
        self.chunked_response = not bodiless and not self.older
        self.keep_alive = self.keep_alive and (not self.older or (bodiless and not self.is_head))

    def _switched(self, connection: UpstreamConnection, response: Response, rest: bytes) -> None:
        """The upstream agreed to switch protocols: from here on, bytes are passed on as they come."""
        self.connection = None
        tunnel.switch(self, connection, response, rest)

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
        attempts.upstream_failed(self, reason, answered=answered, reused=reused)

    def timed_out(self, now: float) -> None:
        """The try's or the route's time ran out."""
        attempts.timed_out(self, now)

    def leave_upstream(self, *, answered: bool = False) -> None:
        """Give up the try under way; `answered` by a head that is all of its answer, it may leave a connection."""
        if self.wants_connection and self.pool is not None:
            withdraw(self.pool, self)
        connection, self.connection = self.connection, None
        if connection is not None:
            if answered:
                connection.part()
            else:
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
