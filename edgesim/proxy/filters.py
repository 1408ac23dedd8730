"""The filters of a route: plain callables, in one order, as Gloo orders Envoy's.

    duration  limits how long all of it may take
    fault     delays and aborts that were asked for
    cors      answers preflights, marks answers for allowed origins
    csrf      refuses requests that change things from foreign origins
    rate      refuses what is over the local rate limit
    buffer    takes the whole body before anything is forwarded

A token is checked before all of these, because its claims choose the route. A filter returns whether the
request goes on to the next one; one that answers, or that waits and goes on later by itself, returns False.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgesim.policies import cors, csrf, faults, local_rate_limit
from edgesim.policies.response_flags import DI, FI, RL
from edgesim.telemetry.sources import NEVER

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.rules import Rules

Filter = Callable[["Exchange", "Plan"], bool]


def chain(rules: Rules) -> tuple[Filter, ...]:
    """Return the filters that routes of these rules use, in their order."""
    used = {
        limit_duration: rules.max_stream_duration != NEVER,
        fault: rules.fault is not None or rules.options.faults_by_header,
        allow_origins: rules.forwards and rules.cors is not None,
        check_origin: rules.csrf is not None,
        limit_rate: rules.limits_rate,
        buffer_body: rules.buffer_bytes is not None,
    }
    return tuple(each for each, is_used in used.items() if is_used)


def limit_duration(exchange: Exchange, plan: Plan) -> bool:
    """End the exchange some time after its head came, whatever it does then."""
    exchange.last_moment = exchange.deadline = exchange.begun + plan.rules.max_stream_duration
    exchange.downstream.worker.active.add(exchange)
    return True


def fault(exchange: Exchange, plan: Plan) -> bool:
    """Delay, then abort, as the route (or, where allowed, the request's headers) asks."""
    asked = plan.rules.fault
    if asked is None and plan.rules.options.faults_by_header:
        asked = faults.from_headers(exchange.request.head)
    worker = exchange.downstream.worker
    injection = None if asked is None else faults.decide(asked, worker.draw(), worker.draw())
    if injection is None:
        return True
    if not injection.delay:
        return _abort(exchange, injection.status)
    exchange.flags |= DI
    exchange.waits = asyncio.get_running_loop().call_later(injection.delay, _after_delay, exchange, injection.status)
    return False


def _after_delay(exchange: Exchange, status: int) -> None:
    exchange.waits = None
    if _abort(exchange, status):
        exchange.go_on()
    exchange.flush()


def _abort(exchange: Exchange, status: int) -> bool:
    if not status:
        return True
    exchange.flags |= FI
    exchange.reply(status, faults.ABORT_BODY, details=b"fault_filter_abort")
    return False


def allow_origins(exchange: Exchange, plan: Plan) -> bool:
    """Answer a preflight of an allowed origin; let answers of the upstream say that the origin may read them."""
    rules, head = plan.rules.cors, exchange.request.head
    origin = cors.allowed_origin(rules, head) if rules is not None else None
    if rules is None or origin is None:
        return True
    preflight = cors.preflight_fields(rules, head, origin)
    if preflight is not None:
        exchange.is_bare = True
        exchange.reply(200, fields=preflight, details=b"cors_response")
        return False
    exchange.answer_fields = cors.answer_fields(rules, origin)
    return True


def check_origin(exchange: Exchange, plan: Plan) -> bool:
    """Refuse a request that changes things and comes from a foreign page."""
    if plan.rules.csrf is None or not csrf.refuses(
        plan.rules.csrf, exchange.request.head, exchange.downstream.worker.draw()
    ):
        return True
    exchange.reply(csrf.REFUSED_STATUS, csrf.REFUSED_BODY, details=b"csrf_origin_mismatch")
    return False


def limit_rate(exchange: Exchange, plan: Plan) -> bool:
    """Take a token of the route's bucket, or refuse."""
    if plan.limit is None or plan.bucket is None:
        return True
    if local_rate_limit.admits(plan.limit, plan.bucket, exchange.downstream.worker.now()):
        return True
    exchange.flags |= RL
    exchange.reply(local_rate_limit.LIMITED_STATUS, local_rate_limit.LIMITED_BODY, details=b"local_rate_limited")
    return False


def buffer_body(exchange: Exchange, plan: Plan) -> bool:
    """Wait for the end of the body; `Exchange.request_body` refuses one that grows too large."""
    if exchange.request_complete:
        return True
    exchange.buffers = plan.rules.buffer_bytes or 0
    return False
