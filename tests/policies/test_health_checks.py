"""Active health checks: what outcomes come to, and when the next check is."""

from __future__ import annotations

import pytest

from edgesim.model import Cluster, ClusterType, GrpcCheck, HealthCheck, HttpCheck, TcpCheck
from edgesim.policies.health_checks import Course, Outcome, StatusJudgement, check_of, contains_in_order

P, R, L = Outcome.PASSED, Outcome.REFUSED, Outcome.LOST
CHECK = HealthCheck(
    timeout=1.0,
    interval=10.0,
    unhealthy_threshold=3,
    healthy_threshold=2,
    checker=HttpCheck("/"),
    unhealthy_interval=20.0,
    unhealthy_edge_interval=3.0,
    healthy_edge_interval=2.0,
)


def after(*outcomes: Outcome, check: HealthCheck = CHECK) -> Course:
    course = Course(check)
    for outcome in outcomes:
        course.take(outcome)
    return course


@pytest.mark.parametrize(
    ("outcomes", "healthy"),
    [
        ((), False),
        ((P,), True),
        ((L,), False),
        ((L, P), False),
        ((L, P, P), True),
        ((L, P, L, P), False),
        ((P, L, L), True),
        ((P, L, L, L), False),
        ((P, L, L, P, L, L), True),
        ((P, R), False),
        ((P, R, P), False),
        ((P, R, P, P), True),
    ],
)
def test_thresholds(outcomes: tuple[Outcome, ...], healthy: bool) -> None:
    """The first pass is enough, later ones count; losses count in a row, an answer that refuses is enough."""
    assert after(*outcomes).healthy == healthy


def test_what_is_new_is_told() -> None:
    """The first outcome is, whatever it is, and each change; nothing else."""
    course = Course(CHECK)
    assert [course.take(each) for each in (L, L, P, P, P, L, L, L, L)] == [
        True, False, False, True, False, False, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("outcomes", "pause"),
    [
        ((P,), 10.0),
        ((P, P), 10.0),
        ((P, L), 3.0),
        ((P, L, L), 3.0),
        ((P, L, L, L), 20.0),
        ((P, L, L, L, L), 20.0),
        ((L, P), 2.0),
        ((L, P, P), 10.0),
        ((L,), 20.0),
    ],
)
def test_the_interval_is_that_of_the_state(outcomes: tuple[Outcome, ...], pause: float) -> None:
    """Edge intervals hold while a threshold is being counted to, the others before and after."""
    assert after(*outcomes).pause(lambda: 0, used=True) == pause


def test_intervals_that_are_not_given() -> None:
    """They are the plain interval; the one of an unhealthy endpoint stands in for its edge, too."""
    plain = HealthCheck(1.0, 10.0, 2, 2, TcpCheck())
    assert after(P, L, check=plain).pause(lambda: 0, used=True) == 10.0
    slow = HealthCheck(1.0, 10.0, 2, 2, TcpCheck(), unhealthy_interval=50.0)
    assert after(P, L, check=slow).pause(lambda: 0, used=True) == 50.0


def test_nobody_is_checked_often_who_gets_no_requests() -> None:
    """Until the cluster got its first request the interval is another."""
    assert after(P).pause(lambda: 0, used=False) == 60.0


def test_jitters_are_added() -> None:
    """Half of each with a draw from the middle: of the given time, and of the part of the interval."""
    check = HealthCheck(1.0, 10.0, 2, 2, TcpCheck(), interval_jitter=4.0, interval_jitter_percent=10)
    assert after(P, check=check).pause(lambda: 2**63, used=True) == 12.5


def test_pieces_must_come_in_order() -> None:
    """Anything may be between them; nothing is always there."""
    assert contains_in_order((b"+", b"ok"), b"a + b ok")
    assert not contains_in_order((b"ok", b"+"), b"a + b ok")
    assert not contains_in_order((b"aa", b"a"), b"aa")
    assert contains_in_order((), b"")


def test_a_status_is_judged_once_the_answer_is_whole() -> None:
    """By half-open ranges, whether the head, the body or trailers are the end."""

    def judged(status: bytes, how: str) -> Outcome | None:
        found = StatusJudgement(((200, 300), (404, 405)))
        outcome = found.head([(b":status", status)], ends=how == "head")
        if how == "head":
            return outcome
        assert outcome is None
        assert found.data(b"a", ends=False) is None
        return found.data(b"b", ends=True) if how == "body" else found.trailers([])

    for how in ("head", "body", "trailers"):
        assert [judged(each, how) for each in (b"200", b"299", b"404")] == [P, P, P]
        assert [judged(each, how) for each in (b"199", b"300", b"405")] == [R, R, R]


def test_the_first_check_counts() -> None:
    """Whatever it asks by: Envoy takes one only."""
    http, grpc = HealthCheck(1, 1, 1, 1, HttpCheck("/")), HealthCheck(1, 1, 1, 1, GrpcCheck())
    assert check_of(Cluster("a", ClusterType.STATIC, health_checks=(http, grpc))) is http
    assert check_of(Cluster("a", ClusterType.STATIC, health_checks=(grpc, http))) is grpc
    assert check_of(Cluster("a", ClusterType.STATIC)) is None
