"""The filters of a route: plain callables, in one order, as Gloo orders Envoy's.

    duration  limits how long all of it may take
    fault     delays and aborts that were asked for
    cors      answers preflights, marks answers for allowed origins
    csrf      refuses requests that change things from foreign origins
    rate      refuses what is over the local rate limit
    buffer    takes the whole body before anything is forwarded

A token is checked before all of these, because its claims choose the route. A filter returns whether the
request goes on to the next one; one that answers, or that waits and goes on later by itself, returns False.
Each is made of the rules, where a route uses it: what only the filter needs to know it compiles itself, `Rules` has what
others ask for, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgesim.policies import cors, csrf, faults, local_rate_limit
from edgesim.policies.response_flags import DI, FI, RL
from edgesim.proxy.rules import Rules
from edgesim.telemetry.sources import NEVER

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan

Filter = Callable[["Exchange", "Plan"], bool]


def chain(rules: Rules) -> tuple[Filter, ...]:
    """Return the filters that routes of these rules use, in their order."""
    made = (each(rules) for each in (_duration, _fault, _cors, _csrf, _rate, _buffer))
    return tuple(each for each in made if each is not None)


def _duration(rules: Rules) -> Filter | None:
    """End the exchange some time after its head came, whatever it does then."""
    longest = rules.max_stream_duration

    def limit(exchange: Exchange, _plan: Plan) -> bool:
        exchange.last_moment = exchange.deadline = exchange.begun + longest
        exchange.downstream.worker.active.add(exchange)
        return True

    return None if longest == NEVER else limit


def _fault(rules: Rules) -> Filter | None:
    """Delay, then abort, as the route (or, where allowed, the request's headers) asks."""
    of_route, by_header = rules.fault, rules.faults_by_header

    def inject(exchange: Exchange, _plan: Plan) -> bool:
        asked = of_route if of_route is not None else faults.from_headers(exchange.request.head)
        worker = exchange.downstream.worker
        injection = None if asked is None else faults.decide(asked, worker.draw(), worker.draw())
        if injection is None:
            return True
        if not injection.delay:
            return _abort(exchange, injection.status)
        exchange.flags |= DI
        exchange.waits = asyncio.get_running_loop().call_later(
            injection.delay, _after_delay, exchange, injection.status
        )
        return False

    return inject if of_route is not None or by_header else None


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


def _cors(rules: Rules) -> Filter | None:
    """Answer a preflight of an allowed origin; let answers of the upstream say that the origin may read them."""
    allowed = rules.cors
    if allowed is None:
        return None

    def allow(exchange: Exchange, _plan: Plan) -> bool:
        head = exchange.request.head
        origin = cors.allowed_origin(allowed, head)
        if origin is None:
            return True
        preflight = cors.preflight_fields(allowed, head, origin)
        if preflight is not None:
            exchange.is_bare = True
            exchange.reply(200, fields=preflight, details=b"cors_response")
            return False
        exchange.answer_fields = cors.answer_fields(allowed, origin)
        return True

    return allow


def _csrf(rules: Rules) -> Filter | None:
    """Refuse a request that changes things and comes from a foreign page."""
    policy = rules.first(lambda level: level.csrf) or rules.options.csrf
    compiled = None if policy is None else csrf.compile_csrf(policy)
    if compiled is None:
        return None

    def check(exchange: Exchange, _plan: Plan) -> bool:
        if not csrf.refuses(compiled, exchange.request.head, exchange.downstream.worker.draw()):
            return True
        exchange.reply(csrf.REFUSED_STATUS, csrf.REFUSED_BODY, details=b"csrf_origin_mismatch")
        return False

    return check


def _rate(rules: Rules) -> Filter | None:
    """Take a token of the bucket that the plan found, or refuse."""

    def limit(exchange: Exchange, plan: Plan) -> bool:
        if plan.limit is None or plan.bucket is None:
            return True
        if local_rate_limit.admits(plan.limit, plan.bucket, exchange.downstream.worker.now()):
            return True
        exchange.flags |= RL
        exchange.reply(local_rate_limit.LIMITED_STATUS, local_rate_limit.LIMITED_BODY, details=b"local_rate_limited")
        return False

    return limit if rules.limits_rate else None


def _buffer(rules: Rules) -> Filter | None:
    """Wait for the end of the body; `Exchange.request_body` refuses one that grows too large."""
    own = rules.first(lambda level: level.buffer)
    most = rules.options.buffer_bytes if own is None else own.max_bytes
    if most is None or rules.options.buffer_bytes is None:
        return None  # a route's limit is effective only with the listener's filter

    def buffer(exchange: Exchange, _plan: Plan) -> bool:
        if exchange.request_complete:
            return True
        exchange.buffers = most
        return False

    return buffer
