"""Retries, beside Envoy: what is tried again, how often, with what, and what is said in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgesim.model import Policies
from edgesim.model.policies import RetryPolicy
from tests.differential.features import Both, Case, both

INTERNAL = ("127.0.0.0/8", "10.0.0.0/8")


def retrying(*retry_on: str, **options: object) -> Policies:
    """Return policies with retries at a short back-off."""
    made = {"base_interval": 0.001, **options}
    return Policies(retries=RetryPolicy(retry_on, **made))  # type: ignore[arg-type]


BODY = b"a body that is sent again"
CASES = [
    *(
        Case(f"{condition}-{step.replace('+', '')}", f"{step};200", retrying(condition))
        for condition in ("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx")
        for step in ("500", "502", "503", "504", "409", "close", "reset", "garbage", "half")
    ),
    Case("none", "503;200"),
    Case("unknown-word", "503;200", retrying("no-such-thing")),
    Case("two-words", "409;503;200", retrying("5xx", "retriable-4xx", num_retries=2)),
    Case("codes", "418;200", retrying("retriable-status-codes", retriable_status_codes=(418, 404))),
    Case(
        "codes-other",
        "404;418;403;200",
        retrying("retriable-status-codes", num_retries=5, retriable_status_codes=(418, 404)),
    ),
    Case("codes-without-word", "418;200", retrying("5xx", retriable_status_codes=(418,))),
    Case("limit-one", "503", retrying("5xx")),
    Case("limit-three", "503", retrying("5xx", num_retries=3)),
    Case("limit-reset", "close", retrying("5xx", num_retries=2)),
    Case("limit-rst", "reset", retrying("reset", num_retries=2)),
    Case("then-success-of-two", "503;502;200", retrying("5xx", num_retries=2)),
    Case("reset-then-503", "close;503", retrying("reset", num_retries=1)),
    Case("ratelimited", "429;200", retrying("5xx"), sends=(("x-answer", "x-envoy-ratelimited: true"),)),
    Case(
        "ratelimited-word", "429;200", retrying("envoy-ratelimited"), sends=(("x-answer", "x-envoy-ratelimited: true"),)
    ),
    Case("ratelimited-503", "503;200", retrying("5xx"), sends=(("x-answer", "x-envoy-ratelimited: true"),)),
    Case("body", "503;200", retrying("5xx"), method="POST", body=BODY),
    Case("body-chunked", "503;200", retrying("5xx"), method="POST", body=BODY, chunked=True),
    Case("body-reset", "close;200", retrying("reset"), method="POST", body=BODY),
    Case("body-empty-chunked", "503;200", retrying("5xx"), method="PUT", chunked=True),
    Case("body-half-a-megabyte", "503;200", retrying("5xx"), method="POST", body=b"0123456789abcdef" * 32768),
    Case("body-too-large", "503;200", retrying("5xx"), method="POST", body=b"0123456789abcdef" * 131072),
    Case("head", "503;200", retrying("5xx"), method="HEAD"),
    Case("refused", cluster="refused"),
    Case("refused-retried", policies=retrying("connect-failure"), cluster="refused"),
    Case("refused-5xx", policies=retrying("5xx", num_retries=3), cluster="refused"),
    Case("refused-post", policies=retrying("5xx"), cluster="refused", method="POST", body=BODY),
    Case("unreachable", cluster="unreachable"),
    Case("unreachable-retried", policies=retrying("connect-failure", num_retries=2), cluster="unreachable"),
    Case("unreachable-reset", policies=retrying("reset"), cluster="unreachable"),
    Case("unreachable-gateway-error", policies=retrying("gateway-error"), cluster="unreachable"),
    Case("unreachable-4xx", policies=retrying("retriable-4xx"), cluster="unreachable", method="POST", body=BODY),
    Case("unreachable-timeout", cluster="unreachable", options={"timeout": 0.1}),
    Case("empty", policies=retrying("5xx"), cluster="empty"),
    Case("unknown-cluster", policies=retrying("5xx"), cluster="nowhere"),
    Case("close", "close"),
    Case("rst", "reset"),
    Case("garbage", "garbage"),
    Case("half", "half"),
    Case("no-budget", "503;200", retrying("5xx"), cluster="budget"),
    Case("host-level", "503;200", host_policies=retrying("5xx")),
    Case("route-beats-host", "503;200", retrying("reset"), host_policies=retrying("5xx")),
    Case("count-up", "503;503;200", retrying("5xx", num_retries=2), Policies(include_attempt_count=True)),
    Case("count-down", "503;200", retrying("5xx"), Policies(include_attempt_count_in_response=True)),
    Case(
        "count-both",
        "503;200",
        retrying("5xx"),
        Policies(include_attempt_count=True, include_attempt_count_in_response=True),
        sends=(("x-envoy-attempt-count", "7"), ("x-answer", "x-envoy-attempt-count: 9")),
    ),
    Case("count-local", "close", retrying("5xx"), Policies(include_attempt_count_in_response=True)),
    Case(
        "count-refused",
        policies=retrying("5xx"),
        host_policies=Policies(include_attempt_count_in_response=True),
        cluster="refused",
    ),
    Case("count-empty", host_policies=Policies(include_attempt_count_in_response=True), cluster="empty"),
    Case("not-counted", sends=(("x-envoy-attempt-count", "7"), ("x-answer", "x-envoy-attempt-count: 9"))),
    Case("sent-by-anyone", "503;200", sends=(("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "3"))),
]


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both proxies, with a virtual host for each case."""
    with both(CASES, tmp_path_factory.mktemp("retries")) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_retries_are_envoys(proxies: Both, case: Case) -> None:
    """Tries, bodies sent again, counts and the last answer are those of Envoy."""
    proxies.agree(case)
