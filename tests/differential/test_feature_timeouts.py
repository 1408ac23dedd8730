"""Timeouts, beside Envoy: which one ends a request, what is said then, and what the upstream is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgesim.model import DEFAULT_LISTENER, ListenerOptions, Policies
from edgesim.model.policies import RetryPolicy
from tests.differential.features import Both, Case, both

BODY = b"a body"
LISTENERS = {
    "plain": DEFAULT_LISTENER,
    "internal": ListenerOptions(internal_addresses=("10.0.0.0/8", "127.0.0.0/8")),
    "idle": ListenerOptions(stream_idle_timeout=0.4),
    "longest": ListenerOptions(max_stream_duration=0.4),
}
STREAM_DURATION = ("x-envoy-upstream-stream-duration-ms", "200")
INSIDE = ("x-forwarded-for", "10.1.2.3")


def retrying(*retry_on: str, **options: object) -> Policies:
    """Return policies with retries at a short back-off."""
    return Policies(retries=RetryPolicy(retry_on, base_interval=0.001, **options))  # type: ignore[arg-type]


def inside(name: str, do: str = "200", *sends: tuple[str, str], **more: object) -> Case:
    """A case whose client is internal, so that its headers count."""
    return Case(name, do, sends=(INSIDE, *sends), listener="internal", **more)  # type: ignore[arg-type]


CASES = [
    Case("default"),
    Case("route", "hang", options={"timeout": 0.3}),
    Case("route-enough", "200+0.1", options={"timeout": 5.0}),
    Case("fraction", options={"timeout": 1.2345}),
    Case("none", "200+0.3", options={"timeout": 0.0}),
    Case("post", "hang", options={"timeout": 0.3}, method="POST", body=BODY),
    Case("chunked", "hang", options={"timeout": 0.3}, method="POST", body=BODY, chunked=True),
    Case("head", "hang", options={"timeout": 0.3}, method="HEAD"),
    Case("after-the-head", "stall", options={"timeout": 0.3}),
    Case("per-try", "hang", retrying("5xx", per_try_timeout=0.2)),
    Case("per-try-success", "hang;200", retrying("5xx", per_try_timeout=0.2)),
    Case("per-try-without-conditions", "hang", retrying(per_try_timeout=0.2), options={"timeout": 0.8}),
    Case("per-try-not-retried", "hang", retrying("retriable-4xx", per_try_timeout=0.2)),
    Case("per-try-longer", "hang", retrying("5xx", per_try_timeout=2.0), options={"timeout": 0.3}),
    Case("per-try-no-timeout", "hang", retrying("5xx", per_try_timeout=0.2, num_retries=2), options={"timeout": 0.0}),
    Case("whole-over-tries", "hang", retrying("5xx", per_try_timeout=0.3, num_retries=9), options={"timeout": 0.8}),
    Case("per-try-stall", "stall", retrying("5xx", per_try_timeout=0.2), options={"timeout": 0.6}),
    Case("per-try-gateway-error", "hang;200", retrying("gateway-error", per_try_timeout=0.2)),
    Case("per-try-reset", "hang;200", retrying("reset", per_try_timeout=0.2)),
    Case("per-try-connect-failure", "hang;200", retrying("connect-failure", per_try_timeout=0.2)),
    Case(
        "count-at-timeout",
        "hang",
        host_policies=Policies(include_attempt_count_in_response=True),
        options={"timeout": 0.2},
    ),
    Case("idle", "hang", Policies(idle_timeout=0.3)),
    Case("idle-head-sent", "stall", Policies(idle_timeout=0.3)),
    Case("idle-post", "hang", Policies(idle_timeout=0.3), method="POST", body=BODY),
    Case("idle-off", "200+0.7", Policies(idle_timeout=0.0), listener="idle"),
    Case("idle-listener", "hang", listener="idle"),
    Case("idle-longer", "200+0.7", Policies(idle_timeout=5.0), listener="idle"),
    Case("idle-after-timeout", "hang", Policies(idle_timeout=0.6), options={"timeout": 0.2}),
    Case("longest", "hang", Policies(max_stream_duration=0.3)),
    Case("longest-head-sent", "stall", Policies(max_stream_duration=0.3)),
    Case("longest-retried", "hang;200", Policies(max_stream_duration=0.3, retries=RetryPolicy(("5xx",)))),
    Case("longest-off", "200+0.6", Policies(max_stream_duration=0.0), listener="longest"),
    Case("longest-of-the-listener", "hang", listener="longest"),
    Case("longest-listener-stall", "stall", listener="longest"),
    Case("longest-route-longer", "200+0.6", Policies(max_stream_duration=5.0), listener="longest"),
    Case("longest-post", "hang", Policies(max_stream_duration=0.3), method="POST", body=BODY),
    Case("longest-beats-timeout", "200+0.6", Policies(max_stream_duration=5.0), options={"timeout": 0.3}),
    Case(
        "longest-per-try", "hang", Policies(max_stream_duration=0.7, retries=RetryPolicy(("5xx",), per_try_timeout=0.2))
    ),
    Case(
        "anyone-says-stream-duration",
        "hang",
        sends=(("x-envoy-upstream-stream-duration-ms", "200"),),
        options={"timeout": 0.5},
    ),
    Case("client-says", sends=(("x-envoy-upstream-rq-timeout-ms", "100"), ("x-envoy-expected-rq-timeout-ms", "9"))),
    inside("says-timeout", "hang", ("x-envoy-upstream-rq-timeout-ms", "200")),
    inside("says-no-timeout", "200", ("x-envoy-upstream-rq-timeout-ms", "0")),
    inside("says-nonsense", "200", ("x-envoy-upstream-rq-timeout-ms", "soon")),
    inside(
        "says-alternative",
        "hang",
        ("x-envoy-upstream-rq-timeout-ms", "200"),
        ("x-envoy-upstream-rq-timeout-alt-response", "1"),
    ),
    inside("says-per-try", "hang;200", ("x-envoy-upstream-rq-per-try-timeout-ms", "200"), ("x-envoy-retry-on", "5xx")),
    inside("says-retry", "503;200", ("x-envoy-retry-on", "5xx")),
    inside("says-retry-times", "503;503;503;200", ("x-envoy-retry-on", "gateway-error"), ("x-envoy-max-retries", "3")),
    inside("says-no-retries", "503;200", ("x-envoy-max-retries", "0"), policies=retrying("5xx")),
    inside(
        "says-codes",
        "418;200",
        ("x-envoy-retry-on", "retriable-status-codes"),
        ("x-envoy-retriable-status-codes", "418,404"),
    ),
    inside(
        "says-headers",
        "200;200",
        ("x-envoy-retry-on", "retriable-headers"),
        ("x-envoy-retriable-header-names", "X-Again,x-other"),
        ("x-answer", "x-again: yes"),
    ),
    inside("says-expected", "200", ("x-envoy-expected-rq-timeout-ms", "77")),
    inside("says-grpc", "503;200", ("x-envoy-retry-grpc-on", "unavailable")),
    inside("says-stream-duration", "hang", STREAM_DURATION),
    inside("says-stream-duration-stall", "stall", STREAM_DURATION, policies=retrying("5xx")),
    inside("says-stream-duration-again", "hang;200", STREAM_DURATION, policies=retrying("5xx")),
    inside("says-stream-duration-again-and-again", "hang", STREAM_DURATION, policies=retrying("reset", num_retries=2)),
    inside("says-stream-duration-not-again", "hang", STREAM_DURATION, policies=retrying("retriable-4xx")),
    inside("says-stream-duration-per-try", "hang", STREAM_DURATION, policies=retrying("5xx", per_try_timeout=0.1)),
    inside(
        "says-odds",
        "200",
        ("x-envoy-hedge-on-per-try-timeout", "true"),
        ("x-envoy-upstream-alt-stat-name", "a"),
        ("x-envoy-decorator-operation", "b"),
    ),
    Case(
        "outside-of-many",
        "200",
        sends=(("x-forwarded-for", "10.1.2.3, 10.2.3.4"), ("x-envoy-max-retries", "0")),
        listener="internal",
    ),
]


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both proxies, with a virtual host for each case."""
    with both(CASES, tmp_path_factory.mktemp("timeouts"), LISTENERS) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_timeouts_are_envoys(proxies: Both, case: Case) -> None:
    """What a timeout ends, and how, is as with Envoy."""
    proxies.agree(case)
