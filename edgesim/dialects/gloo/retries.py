"""Retries (reference section 6.2)."""

from __future__ import annotations

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.nearest import did_you_mean
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import options
from edgesim.model.policies import RetryPolicy
from edgesim.policies import retries

CONDITIONS = (
    *retries.CONDITIONS,
    "refused-stream",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
"""Envoy's retry conditions, gRPC's last."""

_BASE = 0.025


def retry_policy(given: options.RetryPolicy | None, path: FieldPath, reporter: Reporter) -> RetryPolicy | None:
    """Read a retry policy; `numRetries` 0 or missing means 1, since Gloo cannot express none."""
    if given is None:
        return None
    at = (*path, "retries")
    conditions = _conditions(given, at, reporter)
    base, most = _back_off(given.retry_back_off, (*at, "retryBackOff"), reporter)
    return RetryPolicy(
        retry_on=conditions,
        num_retries=given.num_retries or 1,
        per_try_timeout=_per_try(given.per_try_timeout, (*at, "perTryTimeout"), reporter),
        base_interval=base,
        max_interval=most,
        retriable_status_codes=given.retriable_status_codes,
    )


def _conditions(given: options.RetryPolicy, path: FieldPath, reporter: Reporter) -> tuple[str, ...]:
    """Split `retryOn`; Envoy ignores what it does not know, and so do we, with a note."""
    words = [word for part in given.retry_on.split(",") if (word := part.strip())]
    for word in words:
        if word not in CONDITIONS:
            text = f"retryOn knows no condition {word!r}: it is ignored"
            reporter.report("ES0606", (*path, "retryOn"), text, did_you_mean(word, CONDITIONS))
    if not words:
        text = "without `retryOn` nothing is retried (but where a request asks for it by header)"
        reporter.report("ES0604", (*path, "retryOn") if given.retry_on else path, text, "add `retryOn: 5xx`")
    if given.retriable_status_codes and "retriable-status-codes" not in words:
        text = "`retriableStatusCodes` acts only where `retryOn` holds retriable-status-codes"
        reporter.report("ES0604", (*path, "retriableStatusCodes"), text)
    return tuple(word for word in words if word in CONDITIONS)


def _per_try(given: str | None, path: FieldPath, reporter: Reporter) -> float | None:
    value = 0.0 if given is None else seconds(given)
    if value < 0:
        reporter.report("ES0229", path, f"a timeout cannot be negative, got {given}")
    return value or None  # to Envoy 0 is none


def _back_off(given: options.BackOff | None, path: FieldPath, reporter: Reporter) -> tuple[float, float | None]:
    """Read base and longest interval; without the latter Envoy takes ten times the base."""
    if given is None or (given.base_interval is None and given.max_interval is None):
        return _BASE, None
    if given.base_interval is None:
        text = "max interval was defined, but the base interval was not"
        reporter.report("ES0233", path, text, "add `baseInterval`")
        return _BASE, None
    base = _interval(given.base_interval, "base", path, reporter)
    if given.max_interval is None:
        return base, None
    most = _interval(given.max_interval, "max", path, reporter)
    if base > most > 0:
        text = f"base interval: {_milliseconds(base)} is > max interval: {_milliseconds(most)}"
        reporter.report("ES0233", (*path, "maxInterval"), text)
    return base, most


def _interval(given: str, which: str, path: FieldPath, reporter: Reporter) -> float:
    value = seconds(given)
    if _milliseconds(value) <= 0:
        text = f"{which} interval for retry backoff was <= than 0 | you provided: {_milliseconds(value)}"
        reporter.report("ES0233", (*path, f"{which}Interval"), text, "the least is 1ms")
    return value


def _milliseconds(value: float) -> int:
    return int(round(value * 1e6) / 1e3)
