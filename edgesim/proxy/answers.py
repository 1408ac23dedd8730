"""Towards the client: the heads of answers, and whole answers of edgesim's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.http1.fields import Fields
from edgesim.policies.hashing import NOT_HASHED
from edgesim.proxy.exchange_record import record_of
from edgesim.proxy.heads import ATTEMPT_COUNT, Additions, local_reply, plain_response_parts, response_parts
from edgesim.proxy.messages import Parts, Response

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.worker import Worker


def parts(exchange: Exchange, response: Response, plan: Plan, *, bodiless: bool, close: bool) -> Parts:
    """Return the head of an upstream's answer as the client gets it, around the milliseconds it took."""
    worker = exchange.downstream.worker
    fixed = plan.rules.fixed_answer and not close and not _adds_to_answer(exchange, worker)
    kept = response.parts if fixed else None
    found = None if kept is None else kept.get(plan)
    if found is None:
        plain = fixed and plan.rules.plain_answer and response.length is not None and not bodiless
        found = plain_response_parts(response, plan) if plain else None
        found = found or response_parts(response, plan, worker.date, additions(exchange, plan, close=close))
        if kept is not None:
            kept[plan] = found
    return found


def _adds_to_answer(exchange: Exchange, worker: Worker) -> bool:
    added = exchange.answer_fields is not None or exchange.hashed is not NOT_HASHED
    return added or worker.route_header or exchange.older


def additions(exchange: Exchange, plan: Plan, *, close: bool) -> Additions:
    """Return what an answer gets besides its own fields."""
    record = None if plan.rules.fixed_response else record_of(exchange)
    replaced: Fields = []
    added: Fields = []
    if exchange.answered is not None:
        added += [(b"set-cookie", cookie) for cookie in exchange.hashed.cookies]
    if plan.rules.attempt_count_in_response and exchange.attempts:
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
    plan = exchange.plan
    close = exchange.closes()
    extra = None if plan is None or exchange.is_bare else additions(exchange, plan, close=close)
    worker = exchange.downstream.worker
    server = exchange.downstream.listener.snapshot.options.server_name.encode()
    if extra is not None and extra.record is not None:
        extra.record.status = 0  # Envoy fills it in behind the mutations
    return local_reply(
        status,
        fields,
        body,
        plan,
        extra,
        worker.date,
        close=close,
        head_only=exchange.is_head,
        server=server,
        older=exchange.older,
    )
