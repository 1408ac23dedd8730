"""The token bucket."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.model.policies import LocalRateLimit
from edgesim.policies.local_rate_limit import Bucket, admits, compile_limit


def test_a_full_bucket_takes_a_burst_and_then_its_rate() -> None:
    """Three at once, then two a second as the tokens flow in, not in steps."""
    limit = compile_limit(LocalRateLimit(3, 2, 1.0))
    bucket = Bucket(limit, 100.0)
    assert [admits(limit, bucket, 100.0) for _ in range(4)] == [True, True, True, False]
    assert not admits(limit, bucket, 100.4)
    assert admits(limit, bucket, 100.5)
    assert [admits(limit, bucket, 200.0) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """Time never runs backwards into more tokens."""
    limit = compile_limit(LocalRateLimit(1))
    bucket = Bucket(limit, 100.0)
    assert admits(limit, bucket, 100.0)
    assert not admits(limit, bucket, 90.0)


@given(st.integers(1, 50), st.integers(1, 50), st.lists(st.floats(0, 5, allow_nan=False), max_size=80))
def test_no_window_admits_more_than_the_bucket_and_what_flows_in(most: int, fill: int, pauses: list[float]) -> None:
    """Over any run of requests at most `most + elapsed * rate` are admitted."""
    limit = compile_limit(LocalRateLimit(most, fill, 1.0))
    bucket, now, admitted = Bucket(limit, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        admitted += admits(limit, bucket, now)
    assert admitted <= most + now * fill + 1e-6
