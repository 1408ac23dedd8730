"""Limits of a level: body buffers, token buckets, timeouts, upgrades (reference section 6.1)."""

from __future__ import annotations

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import options
from edgesim.model.policies import BufferLimit, LocalRateLimit

_LEAST_FILL = 0.05


def buffer_limit(given: options.BufferPerRoute | None, path: FieldPath, reporter: Reporter) -> BufferLimit | None:
    """Read the buffer filter of a level."""
    if given is None:
        return None
    at = (*path, "bufferPerRoute")
    if not reporter.scope.buffers:
        text = "`bufferPerRoute` has no effect without the buffer filter of a Gateway"
        reporter.report("ES0604", at, text, "add `httpGateway.options.buffer` to the Gateway")
    if given.buffer is not None:
        return BufferLimit(max_request_bytes(given.buffer, (*at, "buffer"), reporter))
    if not given.disabled:
        text = "bufferPerRoute needs `buffer`, or `disabled: true`"
        reporter.report("ES0244", at if given.disabled is None else (*at, "disabled"), text)
    return BufferLimit(None)


def max_request_bytes(given: options.BufferSettings, path: FieldPath, reporter: Reporter) -> int | None:
    """Read the limit of a buffer filter, which Envoy wants above 0."""
    if not given.max_request_bytes:
        at = path if given.max_request_bytes is None else (*path, "maxRequestBytes")
        reporter.report("ES0244", at, "maxRequestBytes must be greater than 0")
    return given.max_request_bytes or None


def local_rate_limit(given: options.SharedOptions, path: FieldPath, reporter: Reporter) -> LocalRateLimit | None:
    """Read the token bucket of a level; `ratelimitEarly` is Enterprise's name for the same."""
    found: LocalRateLimit | None = None
    for limits, name in ((given.ratelimit, "ratelimit"), (given.ratelimit_early, "ratelimitEarly")):
        if limits is None or limits.local_ratelimit is None:
            continue
        at = (*path, name, "localRatelimit")
        if found is not None:
            text = "a local rate limit is already configured in `ratelimit`"
            reporter.report("ES0241", at, text)
        found = token_bucket(limits.local_ratelimit, at, reporter)
    return found


def token_bucket(given: options.TokenBucket, path: FieldPath, reporter: Reporter) -> LocalRateLimit:
    """Read a token bucket: by default 1 token a second."""
    interval = 1.0 if given.fill_interval is None else seconds(given.fill_interval)
    if given.max_tokens < 1:
        at = (*path, "maxTokens") if given.max_tokens else path
        reporter.report("ES0241", at, "maxTokens must be at least 1")
    if given.tokens_per_fill == 0:
        reporter.report("ES0241", (*path, "tokensPerFill"), "tokensPerFill must be at least 1")
    if interval < _LEAST_FILL:
        text = f"fillInterval must be at least 50ms, got {given.fill_interval}"
        reporter.report("ES0241", (*path, "fillInterval"), text)
    return LocalRateLimit(given.max_tokens, given.tokens_per_fill or 1, interval)


def timeout_of(given: str | None, path: FieldPath, reporter: Reporter) -> float | None:
    """Read a timeout; 0 switches it off."""
    if given is None:
        return None
    value = seconds(given)
    if value < 0:
        reporter.report("ES0229", path, f"a timeout cannot be negative, got {given}")
    return value


def upgrades_of(
    given: tuple[options.Upgrade, ...] | None, path: FieldPath, reporter: Reporter
) -> tuple[tuple[str, bool], ...]:
    """Read which protocol upgrades are taken, by lower-case name."""
    found: dict[str, bool] = {}
    for index, upgrade in enumerate(given or ()):
        at = (*path, "upgrades", index)
        for name, switch in (("websocket", upgrade.websocket), ("connect", upgrade.connect)):
            if switch is None:
                continue
            if name in found:
                reporter.report("ES0239", (*at, name), f"upgrade config {name} is not unique")
            found[name] = switch.enabled is not False
        if upgrade == options.Upgrade():
            reporter.report("ES0239", at, "an upgrade needs one of `websocket`, `connect`")
    return tuple(found.items())
