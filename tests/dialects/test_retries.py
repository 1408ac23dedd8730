from __future__ import annotations

import pytest

from edgesim.model import NO_POLICIES, Policies
from edgesim.model.policies import (
    RetryPolicy,
)
from tests.dialects.options import host_options, options, policies, refused


def test_retries_are_read_whole() -> None:
    """Every field of a retry policy reaches the model."""
    text = (
        "retries: {retryOn: ' 5xx, retriable-status-codes', numRetries: 3, perTryTimeout: 500ms, "
        "retryBackOff: {baseInterval: 10ms, maxInterval: 1s}, retriableStatusCodes: [404, 409]}"
    )
    wanted = RetryPolicy(("5xx", "retriable-status-codes"), 3, 0.5, 0.01, 1.0, (404, 409))
    assert policies(text).retries == wanted


@pytest.mark.parametrize("number", ["", ", numRetries: 0", ", numRetries: 1"])
def test_no_retries_cannot_be_said(number: str) -> None:
    """NumRetries missing, 0 and 1 are all 1, and the intervals are Envoy's."""
    wanted = RetryPolicy(("5xx",), 1, None, 0.025, None, ())
    assert policies(f"retries: {{retryOn: 5xx{number}, perTryTimeout: 0s}}").retries == wanted


def test_a_virtual_host_has_retries_of_its_own() -> None:
    """A virtual host's policy stays apart from its routes': levels are not merged here."""
    outcome = host_options("retries: {retryOn: reset}, includeRequestAttemptCount: true")
    assert outcome.problems == []
    assert outcome.hosts[0].policies == Policies(retries=RetryPolicy(("reset",)), include_attempt_count=True)
    assert outcome.routes[0].policies == NO_POLICIES


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("{maxInterval: 1s}", "", "max interval was defined, but the base interval was not"),
        ("{baseInterval: 2s, maxInterval: 1s}", ".maxInterval", "base interval: 2000 is > max interval: 1000"),
        ("{baseInterval: 0.5ms}", ".baseInterval", "base interval for retry backoff was <= than 0 | you provided: 0"),
        ("{baseInterval: -1s}", ".baseInterval", "base interval for retry backoff was <= than 0 | you provided: -1000"),
        (
            "{baseInterval: 1s, maxInterval: 0s}",
            ".maxInterval",
            "max interval for retry backoff was <= than 0 | you provided: 0",
        ),
    ],
)
def test_a_back_off_that_cannot_be_is_an_error(text: str, field: str, message: str) -> None:
    """Gloo's rules, in milliseconds, with Gloo's words."""
    outcome = options(f"retries: {{retryOn: 5xx, retryBackOff: {text}}}")
    assert refused(outcome) == ("ES0233", f"retries.retryBackOff{field}")
    assert outcome.only().message == message


def test_an_empty_back_off_is_the_default() -> None:
    """An empty mapping says nothing."""
    assert policies("retries: {retryOn: 5xx, retryBackOff: {}}").retries == RetryPolicy(("5xx",))


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("{retryOn: '5xx,gateway-eror'}", "ES0606", ".retryOn"),
        ("{numRetries: 3}", "ES0604", ""),
        ("{retryOn: ','}", "ES0604", ".retryOn"),
        ("{retryOn: 5xx, retriableStatusCodes: [404]}", "ES0604", ".retriableStatusCodes"),
        ("{retryOn: 5xx, previousPriorities: {}}", "ES0601", ".previousPriorities"),
    ],
)
def test_what_retries_cannot_do_is_noted(text: str, code: str, field: str) -> None:
    """Words Envoy ignores, and fields without effect, give a note; the route stays."""
    outcome = options(f"retries: {text}")
    problem = outcome.only()
    assert (problem.code, problem.field) == (code, f"spec.virtualHost.routes[0].options.retries{field}")
    assert len(outcome.routes) == 1


def test_a_negative_per_try_timeout_is_refused() -> None:
    """As any timeout."""
    assert refused(options("retries: {retryOn: 5xx, perTryTimeout: -1s}")) == ("ES0229", "retries.perTryTimeout")
