"""Injected faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model.policies import Fault
from edgesim.policies.faults import Injection, decide, from_headers
from tests.policies.heads import head_of

DRAWS = st.integers(0, 2**64 - 1)


@given(st.integers(0, 1_000_000), st.integers(0, 1_000_000), DRAWS, DRAWS)
def test_each_fault_has_its_own_draw(delayed: int, aborted: int, first: int, second: int) -> None:
    """Delay and abort are decided apart, each with its own fraction of a million."""
    injected = decide(Fault(delayed, 1.5, aborted, 418), first, second) or Injection(0.0, 0)
    assert injected.delay == (1.5 if first % 1_000_000 < delayed else 0.0)
    assert injected.status == (418 if second % 1_000_000 < aborted else 0)


def test_a_fault_that_never_happens_is_nothing() -> None:
    """A percentage of 0 touches no request."""
    assert decide(Fault(0, 1.0, 0, 500), 0, 0) is None


@pytest.mark.parametrize(
    ("delay", "abort", "injected"),
    [
        (None, "503", Injection(0.0, 503)),
        (None, "99", None),
        (None, "200", Injection(0.0, 200)),
        (None, "199", None),
        (None, "599", Injection(0.0, 599)),
        (None, "600", None),
        (None, "abc", None),
        ("300", None, Injection(0.3, 0)),
        ("300", "418", Injection(0.3, 418)),
        ("0", None, None),
        ("-3", None, None),
        ("300x", None, None),
    ],
)
def test_headers_ask_for_faults_as_measured(delay: str | None, abort: str | None, injected: Injection | None) -> None:
    """Every header measured on Envoy has the same effect."""
    asked = [("x-envoy-fault-delay-request", delay), ("x-envoy-fault-abort-request", abort)]
    fault = from_headers(head_of(*[(name, value) for name, value in asked if value is not None]))
    assert fault is not None
    assert decide(fault, 0, 0) == injected


def test_without_such_headers_there_is_no_fault() -> None:
    """A percentage alone asks for nothing."""
    assert from_headers(head_of(("x-envoy-fault-abort-request-percentage", "10"))) is None


def test_a_repeated_header_is_no_number() -> None:
    """Two delays are joined by a comma, which is no number."""
    fault = from_headers(head_of(("x-envoy-fault-delay-request", "1"), ("x-envoy-fault-delay-request", "300")))
    assert fault is not None
    assert not fault.delay


@pytest.mark.parametrize(("text", "millionths"), [("0", 0), ("10", 100_000), ("1000", 1_000_000), ("abc", 1_000_000)])
def test_a_header_may_lower_the_percentage(text: str, millionths: int) -> None:
    """A percentage is capped at 100 and ignored when it is no number."""
    fault = from_headers(
        head_of(("x-envoy-fault-abort-request", "503"), ("x-envoy-fault-abort-request-percentage", text))
    )
    assert fault is not None
    assert fault.abort_millionths == millionths
