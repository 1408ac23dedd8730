"""Towards the client: the heads of answers, and whole answers of edgesim's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgesim.http1.fields import Fields
from edgesim.model import ForwardAction
from edgesim.policies.hashing import NOT_HASHED
from edgesim.proxy.exchange_record import record_of
from edgesim.proxy.heads import ATTEMPT_COUNT, BLANK_LINE, Additions, local_reply, plain_response_parts, response_parts
from edgesim.proxy.messages import Parts, Response

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan

DIRECT_RESPONSE = b"direct_response"
"""The details of an answer that is the route's action."""
HANDSHAKE_FAILED = b"websocket_handshake_unsuccessful"
"""The details of a websocket that was neither agreed with nor refused with an error."""


def parts(exchange: Exchange, response: Response, plan: Plan, *, bodiless: bool, close: bool) -> Parts:
    """Return the head of an upstream's answer as the client gets it, around the milliseconds it took."""
    worker = exchange.downstream.worker
    fixed = not close and is_fixed(exchange, plan)
    kept = response.parts if fixed else None
    found = None if kept is None else kept.get(plan)
    if found is None:
        plain = fixed and plan.rules.plain_answer and response.length is not None and not bodiless
        found = plain_response_parts(response, plan) if plain else None
        found = found or response_parts(response, plan, worker.date, additions(exchange, plan, close=close))
        if kept is not None:
            kept[plan] = found
    return found


def is_fixed(exchange: Exchange, plan: Plan) -> bool:
    """Tell whether the client's head follows from the upstream's and the plan alone, unless the connection ends."""
    added = exchange.answer_fields is not None or exchange.hashed is not NOT_HASHED
    return plan.rules.fixed_answer and not (added or exchange.downstream.worker.route_header or exchange.older)


def additions(exchange: Exchange, plan: Plan, *, close: bool) -> Additions:
    """Return what an answer gets besides its own fields."""
    record = None if plan.rules.fixed_response else record_of(exchange)
    replaced: Fields = []
    added: Fields = []
    if exchange.answered is not None:
        added += [(b"set-cookie", cookie) for cookie in exchange.hashed.cookies]
    if plan.rules.attempt_count_in_response and exchange.attempts and exchange.details != HANDSHAKE_FAILED:
        replaced.append((ATTEMPT_COUNT, b"%d" % exchange.attempts))
    if exchange.downstream.worker.route_header:
        added += _whereabouts(exchange)
    return Additions(
        replaced,
        added,
        exchange.answer_fields or [],
        record,
        chunked=exchange.chunked_response,
        close=close,
        older=exchange.older,
        timed=exchange.started > 0.0,
    )


def _whereabouts(exchange: Exchange) -> Fields:
    """Return the fields of `--route-header`: which route, cluster and pod served a request."""
    decision = exchange.decision
    if decision is None:
        return []
    name = f"{decision.virtual_host.name}:{decision.route.name or decision.route.number}"
    fields = [(b"x-edgesim-route", name.encode())]
    if decision.destination is not None:
        fields.append((b"x-edgesim-cluster", decision.destination.cluster.encode()))
    if exchange.endpoint is not None:
        pod = exchange.endpoint.pod or f"{exchange.endpoint.address}:{exchange.endpoint.port}"
        fields.append((b"x-edgesim-pod", pod.encode()))
    return fields


def local_bytes(exchange: Exchange, status: int, fields: Fields, body: bytes) -> bytes:
    """Return a whole answer made without an upstream."""
    return _local_reply(exchange, status, fields, body, close=exchange.closes())


def _local_reply(exchange: Exchange, status: int, fields: Fields, body: bytes, *, close: bool) -> bytes:
    plan = exchange.plan
    extra = None if plan is None or exchange.is_bare else additions(exchange, plan, close=close)
    worker = exchange.downstream.worker
    server = exchange.downstream.listener.snapshot.options.server_name.encode()
    if extra is not None and extra.record is not None:
        extra.record.status = 0  # Envoy fills it in behind the mutations
    return local_reply(
        status,
        fields,
        body,
        plan.rules.response_steps if plan is not None and _is_routes_answer(exchange, plan) else (),
        extra,
        worker.date,
        close=close,
        head_only=exchange.is_head,
        server=server,
        older=exchange.older,
    )


def _is_routes_answer(exchange: Exchange, plan: Plan) -> bool:
    """Tell whether the route changes an answer: what a filter says on a route that does not forward, Envoy leaves alone."""
    forwards = (
        plan.cluster is not None or exchange.decision is None or isinstance(exchange.decision.action, ForwardAction)
    )
    return forwards or exchange.details == DIRECT_RESPONSE


class AnswerFields:
    """Fields of an answer as the access log tells them: those the client gets, but for what Envoy's codec adds.

    A line asks for one or two, so they are looked up in the head; reading all of them cost as much as forwarding did.
    """

    __slots__ = ("_changed", "_head")

    def __init__(self, head: bytes, changed: Mapping[bytes, bytes | None]) -> None:
        """Take the head as it is sent, and what the log tells otherwise; None is a field it does not tell of."""
        self._head = head
        self._changed = changed

    def get(self, name: bytes) -> bytes | None:
        """Return the value of a field, the first where it is repeated, None where there is none."""
        if name in self._changed:
            return self._changed[name]
        head, before = self._head, _BEFORE[name]
        begin = head.find(before)
        if begin < 0:
            return None
        begin += len(before)
        return head[begin : head.find(b"\r\n", begin)]


class _Before(dict[bytes, bytes]):
    """What stands before the value of a field, by its name; the names are those of the log's format."""

    def __missing__(self, name: bytes) -> bytes:
        self[name] = before = b"\r\n%b: " % name
        return before


_BEFORE = _Before()


_NOT_CODED: Mapping[bytes, bytes | None] = {b"transfer-encoding": None}


def fields_at_end(exchange: Exchange) -> AnswerFields | None:
    """Return the fields of the answer as the access log tells them, None where there is no answer."""
    head = _head_at_end(exchange)
    if head is None:
        return None
    if exchange.switched is not None:
        return AnswerFields(head, {**_NOT_CODED, b"connection": None, **exchange.switched})
    fields = AnswerFields(head, _NOT_CODED)
    of_ours = exchange.local is not None or exchange.request.upgrade is not None
    if of_ours and fields.get(b"content-length") == b"0":  # which the codec adds to an empty answer of the proxy's own
        return AnswerFields(head, {**_NOT_CODED, b"content-length": None})
    return fields


def _head_at_end(exchange: Exchange) -> bytes | None:
    """Return the head with the blank line behind it."""
    unsent = exchange.response
    if unsent and not exchange.chunked_response and sum(map(len, unsent)) == exchange.answer_size + len(unsent[0]):
        return unsent[0]  # with the body behind it, so this is the head
    close = (
        not exchange.keep_alive or exchange.downstream.listener.draining or exchange.downstream.asks_to_close(exchange)
    )
    plan, response = exchange.plan, exchange.answered
    if exchange.local is not None:
        return _local_reply(exchange, *exchange.local, close=close).partition(BLANK_LINE)[0] + BLANK_LINE
    if plan is None or response is None:
        return None
    front, back = parts(exchange, response, plan, bodiless=exchange.is_head, close=close)
    return b"%b%d%b" % (front, exchange.service_time or 0, back) if back else front
