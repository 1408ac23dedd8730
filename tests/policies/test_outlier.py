"""Outlier detection: thresholds, terms of ejections and their limits, each at the answer or look that makes the difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import OutlierDetection
from edgesim.policies.outlier import Detector, Monitor

ALL = OutlierDetection(max_ejection_percent=100)
"""Everybody may be out at once."""


def detector(config: OutlierDetection = ALL, hosts: int = 5, draw: Callable[[], int] = lambda: 0) -> Detector[int]:
    made: Detector[int] = Detector(config, draw)
    made.follow(range(hosts))
    return made


def answers(made: Detector[int], host: int, *statuses: int, now: float = 0.0) -> list[bool]:
    return [made.answered(made.monitors[host], status, now) for status in statuses]


def out(made: Detector[int]) -> list[int]:
    return [host for host, monitor in made.monitors.items() if monitor.ejected_at is not None]


def test_five_errors_in_a_row_eject() -> None:
    """The fifth 5xx ejects; any other answer begins the count anew, also a 4xx."""
    made = detector()
    assert answers(made, 0, 500, 503, 599, 501, 404, 500, 500, 500, 500, 500) == [False] * 9 + [True]
    assert out(made) == [0]


def test_gateway_failures_are_counted_apart_and_not_enforced_by_default() -> None:
    """502, 503 and 504 count, a 500 between them begins their count anew; by default they only count among all errors."""
    only = replace(ALL, consecutive_5xx=0, consecutive_gateway_failure=3)
    assert answers(detector(only), 0, 502, 503, 504) == [False] * 3
    enforced = detector(replace(only, enforcing_consecutive_gateway_failure=100))
    assert answers(enforced, 0, 502, 503, 500, 502, 503, 504) == [False] * 5 + [True]


def test_a_threshold_ejects_by_chance_where_it_is_not_always_enforced() -> None:
    """With 30 per cent a draw of 29 ejects and one of 30 does not; then the count begins anew."""
    config = replace(ALL, consecutive_5xx=2, enforcing_consecutive_5xx=30)
    assert answers(detector(config, draw=lambda: 29), 0, 500, 500) == [False, True]
    drawn = iter([30, 29])
    assert answers(detector(config, draw=lambda: next(drawn)), 0, 500, 500, 500, 500) == [False, False, False, True]


def test_no_more_are_ejected_than_the_share_allows() -> None:
    """The share counts the one at hand (as Envoy 1.40): at 10 per cent nobody of nine, one of ten, is ejected."""
    config = OutlierDetection(consecutive_5xx=1)
    nine, ten = detector(config, hosts=9), detector(config, hosts=10)
    for host in range(9):
        answers(nine, host, 500)
        answers(ten, host, 500)
    assert (out(nine), nine.counted.overflows) == ([], 9)
    assert (out(ten), ten.counted.overflows) == ([0], 8)


def test_an_ejection_ends_at_the_first_look_after_its_time() -> None:
    """It lasts the base time for each ejection so far; in between nothing lets the host back in."""
    made = detector(replace(ALL, consecutive_5xx=1))
    answers(made, 0, 500, now=1.0)
    assert [made.look(now) for now in (10.0, 20.0, 30.9, 31.0)] == [False, False, False, True]
    answers(made, 0, 500, now=32.0)
    assert [made.look(now) for now in (62.0, 91.9, 92.0)] == [False, False, True]


def test_a_host_that_behaves_is_ejected_for_less_the_next_time() -> None:
    """Each look an interval or more after it came back takes one base time off the next ejection."""
    made = detector(replace(ALL, consecutive_5xx=1))
    monitor = made.monitors[0]
    answers(made, 0, 500)
    made.look(30.0)
    assert monitor.backoff == 1
    made.look(39.0)
    assert monitor.backoff == 1
    made.look(40.0)
    assert (monitor.backoff, monitor.ejections) == (0, 1)


def test_no_ejection_is_longer_than_the_longest() -> None:
    """After 300 s, or the base time where that is longer, a host is let back in, however often it was out."""
    made = detector(replace(ALL, consecutive_5xx=1, base_ejection_time=100.0))
    now = 0.0
    for _ in range(6):
        answers(made, 0, 500, now=now)
        now += made.term(made.monitors[0])
        assert made.look(now)
    assert now == 100 + 200 + 300 * 4
    long = detector(replace(ALL, consecutive_5xx=1, base_ejection_time=400.0))
    answers(long, 0, 500)
    assert long.term(long.monitors[0]) == 400


def test_who_comes_back_begins_with_a_clean_slate() -> None:
    """Failures in a row before and during the ejection do not count after it."""
    made = detector(replace(ALL, consecutive_5xx=2))
    answers(made, 0, 500, 500, 500)
    made.look(30.0)
    assert answers(made, 0, 500, 500, now=31.0) == [False, True]


def test_a_passed_health_check_ends_an_ejection() -> None:
    """At once, and only where there is one."""
    made = detector(replace(ALL, consecutive_5xx=1))
    assert not made.passed_check(made.monitors[0], 0.0)
    answers(made, 0, 500)
    assert made.passed_check(made.monitors[0], 1.0)
    assert (out(made), made.ejected) == ([], 0)


def test_failures_on_this_side_count_as_errors_unless_told_apart() -> None:
    """Without the split a lost connection is a 503, with it only such failures in a row count, which a connection ends."""
    joined = detector(replace(ALL, consecutive_5xx=2))
    assert not joined.failed(joined.monitors[0], 503, 0.0)
    assert answers(joined, 0, 500) == [True]
    split = detector(
        replace(ALL, consecutive_5xx=2, consecutive_local_origin_failure=2, split_external_local_origin_errors=True)
    )
    monitor = split.monitors[0]
    assert not split.failed(monitor, 503, 0.0)
    split.reached(monitor)
    assert answers(split, 0, 500) == [False]
    assert [split.failed(monitor, 503, 0.0) for _ in range(2)] == [False, True]


def rate(made: Detector[int], host: int, good: int, bad: int) -> None:
    answers(made, host, *([500] * bad), *([200] * good))


def test_a_success_rate_far_below_the_others_ejects_at_the_look() -> None:
    """Rates of 50 and four times 100 per cent make a threshold of 52 (Envoy's own example): the first is out."""
    made = detector(replace(ALL, consecutive_5xx=0))
    for host in range(5):
        rate(made, host, good=50 if host == 0 else 100, bad=50 if host == 0 else 0)
    assert made.look(10.0)
    assert out(made) == [0]


def test_success_rates_need_enough_hosts_with_enough_requests() -> None:
    """Four hosts are too few, and so are 99 requests at one of five; the interval before does not count any more."""
    few = detector(replace(ALL, consecutive_5xx=0), hosts=4)
    quiet = detector(replace(ALL, consecutive_5xx=0))
    for host in range(4):
        rate(few, host, good=100 * (host > 0), bad=100 * (host == 0))
        rate(quiet, host, good=100 * (host > 0), bad=100 * (host == 0))
    rate(quiet, 4, good=99, bad=0)
    assert not few.look(10.0)
    assert not quiet.look(10.0)
    rate(quiet, 4, good=100, bad=0)
    assert not quiet.look(20.0)


def test_hosts_that_go_take_their_ejection_along() -> None:
    """The share of those that are out is that of hosts that are there; who stays keeps what is known of it."""
    made = detector(OutlierDetection(consecutive_5xx=1, max_ejection_percent=20))
    answers(made, 0, 500)
    kept = made.monitors[1]
    made.follow([1, 2, 3, 4, 5])
    assert (made.ejected, made.monitors[1]) == (0, kept)
    assert answers(made, 1, 500) == [True]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([200, 404, 500, 503]), st.booleans()), max_size=200),
    st.integers(0, 100),
)
def test_what_is_out_is_counted_right_whatever_happens(steps: list[tuple[int, int, bool]], percent: int) -> None:
    """The number of hosts that are out is that of monitors that say so, and never above the share."""
    made = detector(OutlierDetection(consecutive_5xx=2, max_ejection_percent=percent, base_ejection_time=3.0))
    for now, (host, status, look) in enumerate(steps):
        answers(made, host, status, now=float(now))
        if look:
            made.look(float(now))
        assert made.ejected == len(out(made)) <= 5 * percent / 100


def test_a_monitor_begins_without_anything() -> None:
    """A new host was never out."""
    monitor = Monitor()
    assert (monitor.ejected_at, monitor.backoff, monitor.ejections) == (None, 0, 0)


def test_causes_are_counted() -> None:
    """A threshold that is met is counted under its cause, and apart from that whether anybody was ejected for it."""
    found = detector(replace(ALL, enforcing_consecutive_gateway_failure=0, max_ejection_percent=20))
    for host in (0, 1):
        for _ in range(5):
            found.answered(found.monitors[host], 503, 0.0)
    of = ("consecutive_5xx", "consecutive_gateway_failure", "success_rate")
    assert [found.counted.detected[cause] for cause in of] == [2, 2, 0]
    assert [found.counted.enforced[cause] for cause in of] == [1, 0, 0]
    assert found.counted.overflows == 2


def test_a_connection_counts_only_where_failures_are_told_apart() -> None:
    """Without the split a connection ends no row of failures."""
    made = detector(replace(ALL, consecutive_5xx=2))
    monitor = made.monitors[0]
    assert not made.failed(monitor, 503, 0.0)
    made.reached(monitor)
    assert (monitor.local.total, made.failed(monitor, 503, 0.0)) == (0, True)
