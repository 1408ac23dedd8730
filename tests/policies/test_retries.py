"""Retries and timeouts, against what Envoy 1.40 did."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import RequestHead
from edgesim.model.policies import RetryPolicy
from edgesim.policies.retries import (
    CONDITIONS,
    Reset,
    Retries,
    Verdict,
    after_answer,
    after_reset,
    back_off,
    compile_retries,
    effective,
    expected_timeout,
    parse_retry_on,
)

STATUSES = (500, 502, 503, 504, 409, 418, 429, 600)
RETRIED = {
    "5xx": {500, 502, 503, 504},
    "gateway-error": {502, 503, 504},
    "retriable-4xx": {409},
    "retriable-status-codes": {418},
    "connect-failure": set[int](),
    "reset": set[int](),
    "reset-before-request": set[int](),
    "envoy-ratelimited": set[int](),
}
ALL_RESETS = {*Reset} - {Reset.OVERFLOW}
RESETS = {
    "5xx": ALL_RESETS,
    "gateway-error": ALL_RESETS,
    "reset": ALL_RESETS,
    "connect-failure": {Reset.CONNECT_FAILURE},
    "reset-before-request": {Reset.CONNECT_FAILURE, Reset.BEFORE_REQUEST},
}


def request(**headers: str) -> RequestHead:
    """Return a head with x-envoy headers: `retry_on` becomes x-envoy-retry-on."""
    lines = {b"x-envoy-" + name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return RequestHead(b"GET", b"a", b"/", None, lines)


def policy(*retry_on: str, timeout: float = 15.0, per_try: float | None = None, number: int = 1) -> Retries:
    """Return a compiled policy."""
    return compile_retries(RetryPolicy(retry_on, number, per_try, retriable_status_codes=(418,)), timeout)


@pytest.mark.parametrize("condition", RETRIED)
def test_each_condition_retries_the_statuses_envoy_retries(condition: str) -> None:
    """Every pair of condition and status measured on Envoy is decided alike."""
    retries = policy(condition)
    retried = {status for status in STATUSES if after_answer(retries, status, {}, 1) is Verdict.YES}
    assert RETRIED[condition] == retried


@pytest.mark.parametrize("condition", sorted(CONDITIONS))
def test_each_condition_retries_the_resets_envoy_retries(condition: str) -> None:
    """Every pair of condition and reset is decided as measured; a full breaker is never retried."""
    retries = policy(condition)
    retried = {reset for reset in Reset if after_reset(retries, reset, 1) is Verdict.YES}
    assert RESETS.get(condition, set()) == retried


def test_rate_limited_answers_are_retried_only_when_asked() -> None:
    """The header decides before the status does."""
    limited = {b"x-envoy-ratelimited": b"true"}
    assert after_answer(policy("5xx"), 503, limited, 1) is Verdict.NO
    assert after_answer(policy("envoy-ratelimited"), 200, limited, 1) is Verdict.YES
    assert after_answer(policy("5xx"), 503, {b"x-envoy-overloaded": b"true"}, 1) is Verdict.YES


def test_without_conditions_nothing_is_retried() -> None:
    """A route that says nothing retries nothing, whatever number the client asks for."""
    retries = effective(compile_retries(None, 15.0), request(max_retries="5"))
    assert after_answer(retries, 503, {}, 1) is after_reset(retries, Reset.CONNECT_FAILURE, 1) is Verdict.NO


def test_the_number_of_retries_is_the_limit() -> None:
    """With two retries the third failed try is the last."""
    retries = policy("5xx", number=2)
    assert [after_answer(retries, 500, {}, tries) for tries in (1, 2, 3)] == [Verdict.YES, Verdict.YES, Verdict.LIMIT]
    assert after_reset(retries, Reset.AFTER_REQUEST, 3) is Verdict.LIMIT
    assert after_answer(retries, 200, {}, 3) is Verdict.NO


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), ("0", 0), (" 2 ", 2), ("+4", 4), ("-1", 1), ("2x", 1), ("", 1), ("99999999999999999999", 1)],
)
def test_a_header_replaces_the_number_of_retries(text: str, number: int) -> None:
    """Any unsigned number counts, anything else is ignored."""
    assert effective(policy("5xx"), request(max_retries=text)).num_retries == number


def test_headers_add_conditions_statuses_and_header_names() -> None:
    """What the client asks for comes on top of what the route says."""
    head = request(
        retry_on="retriable-4xx, retriable-headers,nope,5XX",
        retriable_status_codes="429, 4000,x",
        retriable_header_names="X-Again,",
    )
    retries = effective(policy("retriable-status-codes"), head)
    assert retries.conditions == {"retriable-status-codes", "retriable-4xx", "retriable-headers"}
    assert retries.status_codes == {418, 429, 4000}
    assert after_answer(retries, 200, {b"x-again": b""}, 1) is Verdict.YES
    assert after_answer(retries, 200, {b"x-other": b""}, 1) is Verdict.NO


def test_repeated_headers_count_as_one_list() -> None:
    """Two lines of conditions are both meant; two lines of a number are no number."""
    head = request(retry_on="5xx", max_retries="3")
    head.repeated = {b"x-envoy-retry-on": [b"gateway-error", b"5xx"], b"x-envoy-max-retries": [b"2", b"3"]}
    retries = effective(compile_retries(None, 15.0), head)
    assert retries.conditions == {"gateway-error", "5xx"}
    assert retries.num_retries == 1


def test_a_request_without_such_headers_costs_nothing() -> None:
    """The route's own object is used."""
    retries = policy("5xx")
    assert effective(retries, RequestHead(b"GET", b"a", b"/", None, {b"x-envoy-original-path": b"/"})) is retries


@pytest.mark.parametrize(
    ("timeout", "per_try", "headers", "expected"),
    [
        (15.0, None, {}, 15000),
        (2.0, 0.3, {}, 300),
        (2.0, 9.0, {}, 2000),
        (0.0, None, {}, None),
        (0.0, 0.07, {}, 70),
        (1.2345, None, {}, 1234),
        (15.0, None, {"upstream_rq_timeout_ms": "500", "upstream_rq_per_try_timeout_ms": "100"}, 100),
        (15.0, None, {"upstream_rq_timeout_ms": "500", "upstream_rq_per_try_timeout_ms": "700"}, 500),
        (15.0, None, {"upstream_rq_timeout_ms": "0"}, None),
        (15.0, None, {"upstream_rq_timeout_ms": "0", "upstream_rq_per_try_timeout_ms": "70"}, 70),
        (15.0, None, {"upstream_rq_timeout_ms": "abc"}, 15000),
        (15.0, None, {"upstream_rq_timeout_ms": "-5"}, 15000),
        (2.0, 9.0, {"upstream_rq_timeout_ms": "20000"}, 9000),
        (2.0, 9.0, {"upstream_rq_per_try_timeout_ms": "0"}, 2000),
    ],
)
def test_the_expected_timeout_is_envoys(
    timeout: float, per_try: float | None, headers: dict[str, str], expected: int | None
) -> None:
    """The shorter of the two timeouts is told to the upstream; no timeout, no header."""
    retries = effective(policy("5xx", timeout=timeout, per_try=per_try), request(**headers))
    assert expected_timeout(retries, 0.0) == expected


def test_a_later_try_is_told_what_is_left() -> None:
    """The whole timeout shrinks by what has passed, and never to 0, which would mean none."""
    assert expected_timeout(policy("5xx"), 0.018) == 14982
    assert expected_timeout(policy("5xx", per_try=0.3), 14.9) == 100
    assert expected_timeout(policy("5xx", timeout=2.0), 2.5) == 1


def test_a_client_may_ask_for_204_on_timeout() -> None:
    """The alternative response changes the status only."""
    assert effective(policy("5xx"), request(upstream_rq_timeout_alt_response="1")).timeout_status == 204
    assert policy("5xx").timeout_status == 504


def test_the_back_off_doubles_up_to_the_longest_interval() -> None:
    """With full jitter the largest draw shows the interval of each retry."""
    retries = compile_retries(RetryPolicy(("5xx",), 9), 15.0)
    intervals = (25, 50, 100, 200, 250, 250)
    for retry, interval in enumerate(intervals, 1):
        assert back_off(retries, retry, interval - 1) == (interval - 1) / 1000
        assert back_off(retries, retry, interval) == 0.0


@given(st.integers(1, 500), st.integers(0, 5000), st.integers(1, 100), st.integers(0, 2**64 - 1))
def test_a_back_off_is_never_longer_than_allowed(base: int, longest: int, retry: int, draw: int) -> None:
    """Whatever the draw, a wait is not negative and shorter than the longest interval."""
    retries = compile_retries(RetryPolicy(("5xx",), 1, None, base / 1000, longest / 1000), 15.0)
    assert 0.0 <= back_off(retries, retry, draw) < max(base, longest) / 1000


@given(st.lists(st.sampled_from([*sorted(CONDITIONS), "refused-stream", "cancelled", ""]), max_size=6))
def test_a_list_of_conditions_is_a_set(names: list[str]) -> None:
    """Order, repetition and blanks do not matter, and what HTTP/1.1 cannot meet is ignored."""
    assert parse_retry_on(" , ".join(names)) == set(CONDITIONS).intersection(names)


def test_what_is_simple() -> None:
    """A request with one try and no limit to it is simple, whatever the limit of the whole."""
    assert compile_retries(None, 15.0).is_simple
    assert not compile_retries(RetryPolicy(("5xx",)), 15.0).is_simple
    assert not replace(compile_retries(None, 15.0), per_try_timeout=1.0).is_simple
