"""Towards the upstream: choose an endpoint, write the head, send; once, or once for each try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.http1.replies import NO_HEALTHY_UPSTREAM
from edgesim.model import Endpoint
from edgesim.policies.lines import line, number
from edgesim.policies.response_flags import UH
from edgesim.policies.retries import effective
from edgesim.proxy import failures, tunnel
from edgesim.proxy.breakers import OverflowedError
from edgesim.proxy.hashed import hash_for_pick
from edgesim.proxy.heads import asks_router, plain_request_parts, request_parts, unsent_fields
from edgesim.proxy.pools import Pool, acquire
from edgesim.proxy.shadow import mirror

if TYPE_CHECKING:
    from edgesim.proxy.clusters import ClusterRuntime
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan

STREAM_DURATION_HEADER = b"x-envoy-upstream-stream-duration-ms"


def forward(exchange: Exchange, plan: Plan) -> None:
    """Forward a request; the usual one without detours."""
    request, cluster = exchange.request, plan.cluster
    endpoint = cluster.pick(plan.subset) if cluster is not None and plan.simple and request.usual else None
    if cluster is None or endpoint is None:
        _forward_carefully(exchange, plan)
        return
    worker = exchange.downstream.worker
    worker.active.add(exchange)
    exchange.attempts = 1
    exchange.endpoint = endpoint
    exchange.retries = plan.retries
    parts = None if request.parts is None else request.parts.get(plan)
    if parts is None:
        parts = plain_request_parts(request, plan, exchange.downstream.scheme)
        if request.parts is not None:
            request.parts[plan] = parts
    exchange.request_id = made = exchange.request_id or worker.request_id()
    exchange.sent_head = head = parts[0] + made + parts[1]
    exchange.out.append(head)
    exchange.started = started = exchange.begun
    exchange.deadline = started + plan.timeout
    send_to(exchange, cluster.pool(endpoint))


def _forward_carefully(exchange: Exchange, plan: Plan) -> None:
    """Forward a request of which something may change, or which may be tried again."""
    if exchange.request.upgrade is not None and not tunnel.may_switch(exchange, plan):
        return
    exchange.downstream.worker.active.add(exchange)
    exchange.retries = plan.retries
    head = exchange.request.head
    if asks_router(head.headers) and exchange.downstream.client(head).internal:
        exchange.retries = effective(plan.retries, head)
    if STREAM_DURATION_HEADER in head.headers and exchange.downstream.client(head).internal:
        exchange.longest_try = (number(line(head, STREAM_DURATION_HEADER)) or 0) / 1000
    hash_for_pick(exchange, plan)
    if exchange.retries.conditions:
        exchange.kept = list(exchange.out)
    if exchange.request_complete:
        exchange.start_timeout()
    attempt(exchange)
    if plan.rules.mirror is not None and not exchange.done:
        exchange.shadow = mirror(exchange, plan.rules.mirror)


def attempt(exchange: Exchange) -> None:
    """Try (again): choose an endpoint, write the head anew, send."""
    plan = exchange.plan
    if plan is None or plan.cluster is None:
        return
    exchange.attempts += 1
    endpoint = _pick(plan.cluster, plan, exchange.hashed.value)
    if endpoint is None:
        exchange.flags |= UH
        plan.cluster.load.none_healthy += 1
        plan.cluster.balancer.missed(plan.subset)
        if not plan.rules.plain:
            exchange.sent_fields = unsent_fields(exchange, plan)
        exchange.reply(503, NO_HEALTHY_UPSTREAM, details=b"no_healthy_upstream")
        return
    exchange.endpoint = endpoint
    exchange.sent_head = _head_for(exchange, plan, endpoint)
    if exchange.attempts > 1:
        exchange.out = [exchange.sent_head, *(exchange.kept or ())]
    else:
        exchange.out.insert(0, exchange.sent_head)
    send_to(exchange, plan.cluster.pool(endpoint))
    if exchange.connection is not None:
        limit_try(exchange)


def _pick(cluster: ClusterRuntime, plan: Plan, hashed: int | None) -> Endpoint | None:
    """Pick an endpoint of the subset; where none of it is healthy and the route falls back, any of the cluster."""
    if plan.rules.falls_back and not cluster.balancer.has_healthy(plan.subset):
        return cluster.balancer.pick_anyone(hashed)
    return cluster.pick(plan.subset, hashed)


def limit_try(exchange: Exchange) -> None:
    """Let a try that has a connection end in time; connecting has a timeout of its own.

    The per-try timeout waits for the whole request, and ends with the answer's head.
    """
    now = exchange.downstream.worker.now()
    if exchange.longest_try:
        exchange.try_deadline = exchange.stream_deadline = now + exchange.longest_try
    if exchange.retries is not None and exchange.retries.per_try_timeout and exchange.request_complete:
        exchange.try_deadline = min(exchange.stream_deadline, now + exchange.retries.per_try_timeout)


def _head_for(exchange: Exchange, plan: Plan, endpoint: Endpoint) -> bytes:
    request = exchange.request
    kept = request.parts if plan.rules.repeatable and exchange.attempts == 1 else None
    parts = None if kept is None else kept.get(plan)
    if parts is None:
        parts = request_parts(exchange, plan, endpoint)
        if kept is not None:
            kept[plan] = parts
    front, back = parts
    if not back:
        return front
    if exchange.request_id is None:
        exchange.request_id = exchange.downstream.worker.request_id()
    made = exchange.request_id
    if exchange.sent_fields is not None:
        exchange.sent_fields = [(name, value.replace(b"\0", made)) for name, value in exchange.sent_fields]
    return front + made + back


def send_to(exchange: Exchange, pool: Pool) -> None:
    """Send over a connection of this pool, as soon as there is one; what is broken on purpose has its own way."""
    if pool.broken is None:
        send_over(exchange, pool)
    else:
        pool.broken(exchange, pool)


def send_over(exchange: Exchange, pool: Pool) -> None:
    """Send over a connection of this pool, as soon as there is one."""
    exchange.pool = pool
    try:
        exchange.connection = acquire(pool, exchange)
    except OverflowedError:
        failures.refuse_overflow(exchange)
        return
    if exchange.connection is None:
        exchange.unreached = True
    elif pool.watch is not None:
        pool.watch.reached()
