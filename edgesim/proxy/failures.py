"""How exchanges end that cannot be completed: with an answer that says why, or torn where one was begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.http1.replies import DURATION_TIMEOUT, REQUEST_TIMEOUT, STREAM_DURATION, STREAM_TIMEOUT, reset_body
from edgesim.policies.response_flags import DC, SI, UC, UF, UMSDR, UO, UPE, UR, UT

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.refusals import Refusal

CLIENT_GONE = b"downstream_remote_disconnect"
RESPONSE_TIMEOUT = b"response_timeout"
_FLAGS = {"protocol error": UPE, "connection termination": UC, "remote reset": UR}


def give_up(exchange: Exchange, status: int, body: bytes, details: bytes, flags: int = 0) -> None:
    """Answer, or tear the answer that was begun; `details` are Envoy's words for the reason."""
    exchange.leave_upstream()
    exchange.flags |= flags
    if exchange.responding:
        exchange.details = details
        exchange.end()
        exchange.downstream.abort()
    else:
        exchange.reply(status, body, details=details)
        exchange.flush_response()


def _late(exchange: Exchange) -> int:
    """Return the status for what took too long: 408 for a request that is not whole, else 504."""
    return 504 if exchange.request_complete else 408


def upstream_gone(exchange: Exchange, reason: str, *, retried: bool = False) -> None:
    """End for an upstream that was lost; every reason without a flag of its own is a failure to connect."""
    when = b"after_response_started" if exchange.responding else b"before_response_started"
    details = b"upstream_reset_%b{%b%b}" % (
        when,
        reason.replace(" ", "_").encode(),
        _transport_failure(exchange, reason),
    )
    status = 502 if reason == "protocol error" else 503
    give_up(exchange, status, reset_body(reason, retried=retried), details, _FLAGS.get(reason, UF))


def refuse_overflow(exchange: Exchange) -> None:
    """Answer for a circuit breaker that is full; that is never tried again."""
    exchange.flags |= UO
    quiet = exchange.downstream.listener.snapshot.options.suppress_envoy_headers
    body = reset_body("overflow", retried=exchange.attempts > 1)
    fields = [] if quiet else [(b"x-envoy-overloaded", b"true")]
    exchange.reply(503, body, fields, b"upstream_reset_before_response_started{overflow}")


def overflow(exchange: Exchange) -> None:
    """End for a circuit breaker that was found full while a connection was waited for."""
    refuse_overflow(exchange)
    exchange.flush_response()


def _transport_failure(exchange: Exchange, reason: str) -> bytes:
    """Return why a connection could not be made, as it stands behind the reason."""
    failure = b"" if exchange.pool is None or reason != "remote connection failure" else exchange.pool.failure
    return b"|" + failure if failure else b""


def time_out(exchange: Exchange, details: bytes = RESPONSE_TIMEOUT) -> None:
    """End for an upstream that took too long; the request's headers may ask for another status."""
    status = 504 if exchange.retries is None else exchange.retries.timeout_status
    if exchange.pool is not None and details == RESPONSE_TIMEOUT:
        exchange.pool.timeouts += 1
        exchange.pool.load.timeouts += 1
    give_up(exchange, status, REQUEST_TIMEOUT if status == 504 else b"", details, UT)


def outlast_duration(exchange: Exchange) -> None:
    """End what took longer than the route or the listener allows."""
    give_up(exchange, _late(exchange), DURATION_TIMEOUT, b"max_duration_timeout")


def outlast_stream(exchange: Exchange) -> None:
    """End what took longer than the request itself allows."""
    give_up(exchange, _late(exchange), STREAM_DURATION, b"upstream_max_stream_duration_reached", UMSDR)


def stand_still(exchange: Exchange) -> None:
    """End what did not move for the idle timeout."""
    give_up(exchange, _late(exchange), STREAM_TIMEOUT, b"stream_idle_timeout", SI)


def refuse_rest(exchange: Exchange, refused: Refusal) -> None:
    """End a request whose body cannot be read to its end."""
    give_up(exchange, refused.status, refused.body, refused.details, refused.flags)


def client_lost(exchange: Exchange) -> None:
    """End for a client that is gone: nothing more is to be done for it."""
    if not exchange.done:
        exchange.flags |= DC
        exchange.details = CLIENT_GONE
        exchange.leave_upstream()
        exchange.end()
