"""Retries and timeouts as Envoy's router decides them (reference, section 6.2).

A route is compiled once; request headers may change what it says, if the client may use them (remote.py
removes them otherwise). Measured on Envoy 1.40: `x-envoy-retry-on` is OR-ed to the route's conditions, of
which it may bring the first; `x-envoy-max-retries` replaces the number, even 0; an answer with
`x-envoy-ratelimited` is retried under `envoy-ratelimited` only, whatever its status, and one with
`x-envoy-overloaded` like any other; a per-try timeout counts as a reset; a per-try timeout not shorter than
the whole one does not count; names are matched by case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from edgesim.model import RequestHead
from edgesim.model.policies import RetryPolicy
from edgesim.policies.lines import line, number

CONDITIONS = (
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "retriable-headers",
    "retriable-status-codes",
)
"""What `retryOn` may name and HTTP/1.1 can meet; others are ignored (`refused-stream`, gRPC and HTTP/3 ones)."""
_CONDITIONS = frozenset(CONDITIONS)

_RETRY_ON = b"x-envoy-retry-on"
_MAX_RETRIES = b"x-envoy-max-retries"
_STATUS_CODES = b"x-envoy-retriable-status-codes"
_HEADER_NAMES = b"x-envoy-retriable-header-names"
_TIMEOUT = b"x-envoy-upstream-rq-timeout-ms"
_PER_TRY_TIMEOUT = b"x-envoy-upstream-rq-per-try-timeout-ms"
_ALT_RESPONSE = b"x-envoy-upstream-rq-timeout-alt-response"

OVERRIDES = frozenset(
    (_RETRY_ON, _MAX_RETRIES, _STATUS_CODES, _HEADER_NAMES, _TIMEOUT, _PER_TRY_TIMEOUT, _ALT_RESPONSE)
)
"""Request headers that change what the route says."""

_GATEWAY_ERRORS = frozenset((502, 503, 504))


class Reset(Enum):
    """Why a try ended without an answer."""

    CONNECT_FAILURE = "no connection could be opened"
    BEFORE_REQUEST = "the upstream closed before anything was sent"
    AFTER_REQUEST = "the upstream closed, reset or broke the protocol after something was sent"
    PER_TRY_TIMEOUT = "the try took too long"
    STREAM_DURATION = "the try lasted longer than the request allows"
    OVERFLOW = "a circuit breaker is full"


class Verdict(Enum):
    """What to do after a try: LIMIT is a NO that would have been a YES but for the number (flag URX)."""

    NO = "no"
    YES = "yes"
    LIMIT = "limit"


_RESETS_ALL = frozenset(("5xx", "gateway-error", "reset"))
_RESET_CONDITIONS = {
    Reset.CONNECT_FAILURE: _RESETS_ALL | {"connect-failure", "reset-before-request"},
    Reset.BEFORE_REQUEST: _RESETS_ALL | {"reset-before-request"},
    Reset.AFTER_REQUEST: _RESETS_ALL,
    Reset.PER_TRY_TIMEOUT: _RESETS_ALL,
    Reset.STREAM_DURATION: _RESETS_ALL,
    Reset.OVERFLOW: frozenset[str](),
}


@dataclass(frozen=True, slots=True)
class Retries:
    """A route's retries and timeouts, compiled; timeouts are in seconds, 0 for none, intervals in milliseconds.

    `per_try_timeout` is 0 where it is not shorter than the whole; `route_per_try` is what the route said.
    """

    conditions: frozenset[str] = frozenset()
    num_retries: int = 1
    timeout: float = 15.0
    per_try_timeout: float = 0.0
    status_codes: frozenset[int] = frozenset()
    headers: frozenset[bytes] = frozenset()
    base_interval: int = 25
    max_interval: int = 250
    timeout_status: int = 504
    route_per_try: float = 0.0

    @property
    def is_simple(self) -> bool:
        """Whether there is one try, and no time limit but the whole one's."""
        return not self.conditions and not self.per_try_timeout


def compile_retries(policy: RetryPolicy | None, timeout: float) -> Retries:
    """Return what a route says, with its timeout in seconds (0 for none)."""
    if policy is None:
        return Retries(timeout=timeout)
    base = max(round(policy.base_interval * 1000), 1)
    longest = base * 10 if policy.max_interval is None else max(round(policy.max_interval * 1000), base)
    return Retries(
        conditions=_CONDITIONS.intersection(policy.retry_on),
        num_retries=policy.num_retries,
        timeout=timeout,
        per_try_timeout=_shorter(policy.per_try_timeout or 0.0, timeout),
        status_codes=frozenset(policy.retriable_status_codes),
        base_interval=base,
        max_interval=longest,
        route_per_try=policy.per_try_timeout or 0.0,
    )


def parse_retry_on(text: str) -> frozenset[str]:
    """Return the conditions of a comma list that mean something here."""
    return _CONDITIONS.intersection(part.strip(" \t") for part in text.split(","))


def effective(retries: Retries, head: RequestHead) -> Retries:
    """Return the route's retries with what the request's headers change: the same object if nothing."""
    if OVERRIDES.isdisjoint(head.headers):
        return retries
    timeout = _milliseconds(head, _TIMEOUT, retries.timeout)
    changed = replace(
        retries,
        timeout=timeout,
        per_try_timeout=_shorter(_milliseconds(head, _PER_TRY_TIMEOUT, retries.route_per_try), timeout),
        timeout_status=204 if _ALT_RESPONSE in head.headers else 504,
        conditions=retries.conditions | parse_retry_on(line(head, _RETRY_ON).decode("latin-1")),
        status_codes=retries.status_codes.union(_numbers(line(head, _STATUS_CODES).split(b","))),
        headers=frozenset(name.strip().lower() for name in line(head, _HEADER_NAMES).split(b",") if name.strip()),
    )
    most = number(line(head, _MAX_RETRIES))
    return changed if most is None else replace(changed, num_retries=most)


def after_answer(retries: Retries, status: int, headers: dict[bytes, bytes], attempts: int) -> Verdict:
    """Decide about an answer's head after that many tries, the one answered included."""
    if not retries.conditions:
        return Verdict.NO
    return _within(retries, attempts) if _answer_is_retriable(retries, status, headers) else Verdict.NO


def after_reset(retries: Retries, reset: Reset, attempts: int) -> Verdict:
    """Decide about a try without an answer, after that many tries, this one included."""
    if retries.conditions.isdisjoint(_RESET_CONDITIONS[reset]):
        return Verdict.NO
    return _within(retries, attempts)


def _within(retries: Retries, attempts: int) -> Verdict:
    return Verdict.YES if attempts <= retries.num_retries else Verdict.LIMIT


def _answer_is_retriable(retries: Retries, status: int, headers: dict[bytes, bytes]) -> bool:
    conditions = retries.conditions
    if b"x-envoy-ratelimited" in headers:
        return "envoy-ratelimited" in conditions
    return (
        ("5xx" in conditions and 500 <= status < 600)
        or ("gateway-error" in conditions and status in _GATEWAY_ERRORS)
        or ("retriable-4xx" in conditions and status == 409)
        or ("retriable-status-codes" in conditions and status in retries.status_codes)
        or ("retriable-headers" in conditions and not retries.headers.isdisjoint(headers))
    )


def back_off(retries: Retries, retry: int, random: int) -> float:
    """Return seconds to wait before a retry (the first is 1), from a random integer: full jitter.

    Envoy's JitteredExponentialBackOffStrategy: below the base interval for the first retry, then below
    twice as much each time, up to the longest interval.
    """
    interval = retries.base_interval
    for _ in range(retry - 1):
        if interval == retries.max_interval:
            break
        interval = interval * 2 if interval < retries.max_interval // 2 else retries.max_interval
    return random % interval / 1000


def expected_timeout(retries: Retries, elapsed: float) -> int | None:
    """Return `x-envoy-expected-rq-timeout-ms` for a try that begins after `elapsed` seconds; None: do not set it.

    The shorter of the per-try timeout and what is left of the whole one, at least 1.
    """
    expected = retries.per_try_timeout or retries.timeout
    if not expected:
        return None
    if retries.timeout:
        expected = min(expected, retries.timeout - elapsed)
    # The small part mends floats: 0.3 * 1000 must not become 299.
    return max(int(expected * 1000 + 1e-6), 1)


def _shorter(per_try: float, whole: float) -> float:
    return 0.0 if whole and per_try >= whole else per_try


def _numbers(texts: Iterable[bytes]) -> list[int]:
    return [found for found in map(number, texts) if found is not None]


def _milliseconds(head: RequestHead, name: bytes, otherwise: float) -> float:
    found = number(line(head, name))
    return otherwise if found is None else found / 1000
