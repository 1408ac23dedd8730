"""Tries that failed: whether to make another one, when, and what to answer if not (reference, section 6.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edgesim.policies.response_flags import UO, URX
from edgesim.policies.retries import Reset, Verdict, back_off
from edgesim.policies.retries import after_answer as judge_answer
from edgesim.policies.retries import after_reset as judge_reset
from edgesim.proxy import failures
from edgesim.proxy.breakers import OverflowedError
from edgesim.proxy.forwarding import attempt
from edgesim.proxy.messages import LAST_CHUNK
from edgesim.proxy.pools import connect
from edgesim.telemetry.sources import NEVER

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.messages import Response

_UNAVAILABLE = 503
_SAFE_TO_REPEAT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))


def after_answer(exchange: Exchange, response: Response, *, bodiless: bool) -> bool:
    """Tell whether another try is made instead of passing this answer on; if so, it is under way.

    As in Envoy, an answer that ends with its head leaves a connection that is used again; any other is cut off.
    """
    retries = exchange.retries
    if retries is None:
        return False
    verdict = judge_answer(retries, response.status, response.headers, exchange.attempts)
    if verdict is Verdict.YES and _can_retry(exchange):
        if exchange.pool is not None:
            exchange.pool.load.retried_answers[response.status] += 1
        exchange.leave_upstream(answered=bodiless or response.length == 0)
        _retry_later(exchange)
        return True
    _note_end(exchange, verdict)
    return False


def after_reset(exchange: Exchange, reset: Reset, reason: str) -> None:
    """Make another try, or answer for the one that failed."""
    retries = exchange.retries
    verdict = Verdict.NO if retries is None else judge_reset(retries, reset, exchange.attempts)
    if verdict is Verdict.YES and _can_retry(exchange):
        _retry_later(exchange)
        return
    _note_end(exchange, verdict)
    if reset is Reset.PER_TRY_TIMEOUT:
        failures.time_out(exchange, b"upstream_per_try_timeout")
    elif reset is Reset.STREAM_DURATION:
        failures.outlast_stream(exchange)
    else:
        failures.upstream_gone(exchange, reason, retried=exchange.attempts > 1)


def _note_end(exchange: Exchange, verdict: Verdict) -> None:
    """Note that there is no further try; as in Envoy retries had success wherever the last is no reason for one."""
    if verdict is Verdict.LIMIT:
        exchange.flags |= URX
    if exchange.pool is not None:
        load = exchange.pool.load
        load.retry_limits += verdict is Verdict.LIMIT
        load.retry_successes += verdict is Verdict.NO and exchange.retrying


def _can_retry(exchange: Exchange) -> bool:
    """The whole request must be at hand, and the cluster's retry budget must not be used up.

    Behind a request to switch protocols nothing is sent before the upstream agrees.
    """
    plan = exchange.plan
    whole = exchange.request_complete or exchange.request.upgrade is not None
    if plan is None or plan.cluster is None or exchange.kept is None or not whole:
        return False
    if exchange.retrying:
        return True
    if plan.cluster.load.add_retry():
        exchange.retrying = True
        return True
    exchange.flags |= UO
    return False


def _retry_later(exchange: Exchange) -> None:
    plan, retries = exchange.plan, exchange.retries
    if plan is None or plan.cluster is None or retries is None:
        return
    exchange.try_deadline = exchange.stream_deadline = NEVER
    if exchange.pool is not None:
        exchange.pool.retried += 1
    wait = back_off(retries, exchange.attempts, exchange.downstream.worker.draw())
    exchange.waits = asyncio.get_running_loop().call_later(wait, _retry, exchange)


def _retry(exchange: Exchange) -> None:
    exchange.waits = None
    attempt(exchange)
    exchange.flush()


def settle(exchange: Exchange) -> None:
    """Give back what the exchange holds of its cluster's retry budget."""
    if exchange.retrying and exchange.plan is not None and exchange.plan.cluster is not None:
        exchange.retrying = False
        exchange.plan.cluster.load.retries -= 1


def upstream_failed(exchange: Exchange, reason: str, *, answered: bool, reused: bool) -> None:
    """Go on after the upstream is gone before its answer was whole."""
    exchange.connection = None
    if exchange.done:
        return
    if exchange.responding:
        _note_failure(exchange, _UNAVAILABLE)
        failures.upstream_gone(exchange, reason)
    elif exchange.pool is not None and reused and not answered and _may_repeat(exchange):
        exchange.repeated_once = True
        ends = exchange.request.chunked and not exchange.is_buffered
        exchange.out = [exchange.sent_head, LAST_CHUNK] if ends else [exchange.sent_head]
        exchange.unreached = True
        try:
            connect(exchange.pool, exchange)  # a new one: where one connection is stale, its like may be too
        except OverflowedError:
            failures.overflow(exchange)
    else:
        _note_failure(exchange, _UNAVAILABLE)
        after_reset(exchange, Reset.AFTER_REQUEST, reason)


def _note_failure(exchange: Exchange, status: int) -> None:
    """Tell outlier detection, where the cluster has any."""
    if exchange.pool is not None and exchange.pool.watch is not None:
        exchange.pool.watch.failed(status)


def timed_out(exchange: Exchange, now: float) -> None:
    """Go on after the try's or the route's time ran out."""
    exchange.leave_upstream()
    status = 504 if exchange.retries is None else exchange.retries.timeout_status
    waited = not exchange.responding and not exchange.unreached and exchange.waits is None
    if now >= exchange.deadline:
        late = failures.outlast_duration if now >= exchange.last_moment else failures.time_out
        if waited and late is failures.time_out:
            _note_failure(exchange, status)
        late(exchange)
        return
    exchange.try_deadline = NEVER
    if exchange.responding:
        failures.outlast_stream(exchange)
    else:
        reset = Reset.STREAM_DURATION if exchange.stream_deadline <= now else Reset.PER_TRY_TIMEOUT
        if exchange.pool is not None:
            exchange.pool.load.per_try_timeouts += reset is Reset.PER_TRY_TIMEOUT
            exchange.pool.timeouts += reset is Reset.PER_TRY_TIMEOUT
        if waited and reset is Reset.PER_TRY_TIMEOUT:
            _note_failure(exchange, status)
        after_reset(exchange, reset, "")


def _may_repeat(exchange: Exchange) -> bool:
    """A stale connection that died without a byte of an answer may be replaced once, when that is safe."""
    whole = exchange.request_complete and not exchange.body_size
    return whole and not exchange.repeated_once and exchange.request.head.method in _SAFE_TO_REPEAT
