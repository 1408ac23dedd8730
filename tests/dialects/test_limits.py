from __future__ import annotations

import pytest

from edgesim.model import ForwardAction, Policies
from edgesim.model.policies import (
    BufferLimit,
    Csrf,
    LocalRateLimit,
)
from tests.dialects.options import BUFFERED, ELSEWHERE, host_options, options, policies, refused
from tests.dialects.scenes import gateway, route, routed, run


def test_limits_of_a_route_are_read() -> None:
    """Timeouts, buffers, token buckets and upgrades reach the model."""
    found = policies(
        "idleTimeout: 0s, maxStreamDuration: {maxStreamDuration: 1m}, bufferPerRoute: {buffer: {maxRequestBytes: 9}}, "
        "ratelimit: {localRatelimit: {maxTokens: 5, tokensPerFill: 2, fillInterval: 50ms}}, "
        "upgrades: [{websocket: {enabled: false}}, {connect: {}}]"
    )
    assert found == Policies(
        idle_timeout=0.0,
        max_stream_duration=60.0,
        buffer=BufferLimit(9),
        local_rate_limit=LocalRateLimit(5, 2, 0.05),
        upgrades=(("websocket", False), ("connect", True)),
    )


def test_limits_of_other_levels_are_read() -> None:
    """A virtual host and an arm of a split have buffers of their own."""
    outcome = host_options(
        "bufferPerRoute: {disabled: true}, ratelimitEarly: {localRatelimit: {maxTokens: 5}}, "
        "includeAttemptCountInResponse: true"
    )
    assert outcome.problems == []
    assert outcome.hosts[0].policies == Policies(
        buffer=BufferLimit(None), local_rate_limit=LocalRateLimit(5), include_attempt_count_in_response=True
    )
    arm = "{destination: {upstream: {name: echo}}, weight: 1, options: {bufferPerRoute: {disabled: true}, csrf: {}}}"
    action = run(routed(f"routeAction: {{multi: {{destinations: [{arm}]}}}}\n"), BUFFERED).routes[0].action
    assert isinstance(action, ForwardAction)
    assert action.weighted[0].policies == Policies(buffer=BufferLimit(None), csrf=Csrf())


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("idleTimeout: -1s", "ES0229", "idleTimeout"),
        ("maxStreamDuration: {maxStreamDuration: -1s}", "ES0229", "maxStreamDuration.maxStreamDuration"),
        ("bufferPerRoute: {}", "ES0244", "bufferPerRoute"),
        ("bufferPerRoute: {disabled: false}", "ES0244", "bufferPerRoute.disabled"),
        ("bufferPerRoute: {buffer: {}}", "ES0244", "bufferPerRoute.buffer"),
        ("bufferPerRoute: {buffer: {maxRequestBytes: 0}}", "ES0244", "bufferPerRoute.buffer.maxRequestBytes"),
        ("ratelimit: {localRatelimit: {}}", "ES0241", "ratelimit.localRatelimit"),
        (
            "ratelimit: {localRatelimit: {maxTokens: 1, tokensPerFill: 0}}",
            "ES0241",
            "ratelimit.localRatelimit.tokensPerFill",
        ),
        (
            "ratelimit: {localRatelimit: {maxTokens: 1, fillInterval: 49ms}}",
            "ES0241",
            "ratelimit.localRatelimit.fillInterval",
        ),
        (
            "ratelimit: {localRatelimit: {maxTokens: 1}}, ratelimitEarly: {localRatelimit: {maxTokens: 1}}",
            "ES0241",
            "ratelimitEarly.localRatelimit",
        ),
        ("upgrades: [{}]", "ES0239", "upgrades[0]"),
        ("upgrades: [{websocket: {}}, {websocket: {}}]", "ES0239", "upgrades[1].websocket"),
    ],
)
def test_an_invalid_limit_is_an_error(text: str, code: str, field: str) -> None:
    """Each at the field that is wrong, or at its owner where it is missing."""
    assert refused(options(text)) == (code, field)


def test_a_buffer_without_the_listeners_filter_is_noted() -> None:
    """Envoy's per-route limit needs the filter itself, which a Gateway brings."""
    outcome = options("bufferPerRoute: {disabled: true}", listener=gateway("httpGateway: {}\n"))
    assert outcome.codes == ["ES0604"]
    assert outcome.routes[0].policies.buffer == BufferLimit(None)


def test_the_former_host_is_kept_beside_a_rewrite_only() -> None:
    """AppendXForwardedHost alone has no effect, and is noted."""
    assert policies("appendXForwardedHost: true, hostRewrite: a.example").append_x_forwarded_host
    assert not policies("appendXForwardedHost: false").append_x_forwarded_host
    outcome = options("appendXForwardedHost: true")
    assert outcome.codes == ["ES0604"]
    assert not outcome.routes[0].policies.append_x_forwarded_host


def test_forwarding_options_are_ignored_elsewhere() -> None:
    """Retries, timeouts, upgrades and faults on a direct response give a note each, and no policy."""
    text = "retries: {}, idleTimeout: -1s, maxStreamDuration: {}, upgrades: [], faults: {}, csrf: {}"
    outcome = options(text, ELSEWHERE[0])
    assert outcome.codes == ["ES0604"] * 5
    assert outcome.routes[0].policies == Policies(csrf=Csrf())


def test_options_without_an_action_are_the_smaller_problem() -> None:
    """A route without action has that error."""
    assert "ES0204" in run(route("options: {timeout: 1s}\n")).codes
