from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event

from edgesim.load import locust_users
from edgesim.load.locust_users import Load, Response, error_kind, parts_of, users_of
from edgesim.load.messages import Order
from edgesim.load.scenario import (
    By,
    Closed,
    Destination,
    Open,
    RequestClass,
    Scenario,
    Sessions,
    Stage,
    Think,
    Variables,
)
from edgesim.load.shares import share
from edgesim.telemetry import slots
from tests.load.driving import TARGET

OPEN = Scenario(
    TARGET, (RequestClass("get", path="/a"),), Open((Stage(0.2, 50, 50),)), destination=Destination(By.BODY, r"(v\d)")
)


@dataclass
class Said:
    status_code: int = 200
    headers: dict[str, str] | None = None
    content: bytes | None = b"v1"
    error: Exception | None = None


@dataclass
class Sent:
    """What was sent, and what is answered."""

    answer: Callable[[int], Response] = lambda _: Said()
    requests: list[tuple[str, str, str, dict[str, str], bytes]] = field(default_factory=list)

    def __call__(self, name: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
        self.requests.append((name, method, path, headers, body))
        return self.answer(len(self.requests))


def drive(scenario: Scenario, sent: Sent, index: int = 0, workers: int = 1) -> Load:
    """Be the only user of a process."""
    load = Load(Order(scenario, index, workers))
    load.begin()
    load.live(0, sent, Event().wait)
    return load


def test_an_open_loop_keeps_its_schedule() -> None:
    """Every time of it is asked for, and counted in our slots by class, status and destination."""
    sent = Sent()
    load = drive(OPEN, sent)
    beat = load.tell()
    assert (beat.measured.asked, beat.measured.sent, beat.measured.unsent) == (10, 10, 0)
    (cell,) = beat.cells
    assert (cell.request, cell.status, cell.destination, cell.received) == ("get", 200, "v1", 20)
    assert slots.count(cell.latency) == slots.count(cell.service) == 10
    assert sent.requests[0] == ("get", "GET", "/a", {"Accept-Encoding": "identity", "Host": "test.example"}, b"")


def test_processes_share_the_schedule() -> None:
    """And the rows of variables."""
    rows = replace(
        OPEN, requests=(RequestClass("a", path="/${n}"),), variables=Variables(("n",), (("0",), ("1",), ("2",)))
    )
    first, second = Sent(), Sent()
    drive(rows, first, 0, 2)
    drive(rows, second, 1, 2)
    assert [each[2] for each in first.requests] == ["/0", "/2", "/1", "/0", "/2"]
    assert [each[2] for each in second.requests] == ["/1", "/0", "/2", "/1", "/0"]


def test_what_is_late_is_counted_from_its_time() -> None:
    """A server that pauses makes the next requests late; those whose patience ended are never sent."""
    scenario = replace(OPEN, mode=Open((), times=(0.0, 0.01, 0.02)), timeout=5.0)

    def pause(_: int) -> Response:
        Event().wait(0.05)
        return Said()

    beat = drive(scenario, Sent(pause)).tell()
    assert (beat.measured.sent, beat.measured.late) == (3, 2)
    (cell,) = beat.cells
    assert max(cell.latency) > max(cell.service)
    impatient = drive(replace(scenario, timeout=0.02), Sent(pause)).tell()
    assert (impatient.measured.asked, impatient.measured.sent, impatient.measured.unsent) == (3, 1, 2)


def test_a_replay_sends_its_own_requests() -> None:
    """In its order."""
    mode = Open((), times=(0.0, 0.0, 0.01), requests=(1, 0, 1))
    sent = Sent()
    drive(replace(OPEN, requests=(RequestClass("a", path="/a"), RequestClass("b", path="/b")), mode=mode), sent)
    assert [each[2] for each in sent.requests] == ["/b", "/a", "/b"]


def test_a_closed_loop_ends_with_its_time_or_count() -> None:
    """Each user sends when it has its answer, after a pause for thought."""
    scenario = replace(OPEN, mode=Closed(1, 5.0), count=4, sessions=Sessions(think=Think(0.001, 0.002)))
    load = drive(scenario, Sent())
    beat = load.tell()
    assert beat.measured.sent == 4
    assert not beat.cells[0].service
    assert drive(replace(OPEN, mode=Closed(1, 0.05)), Sent(), 0, 1).tell().measured.sent > 0


def test_who_is_told_to_stop_sends_nothing_more() -> None:
    """Also while waiting for a time far away."""
    load = Load(Order(replace(OPEN, mode=Open((), times=(100.0,))), 0, 1))
    load.begin()
    stop = Event()
    stop.set()
    load.live(0, Sent(), stop.wait)
    assert load.tell().measured.asked == 0


def test_users_keep_their_cookies() -> None:
    """And their answers are told by destination at the end."""
    sent = Sent(lambda _: Said(headers={"Set-Cookie": "s=1; Path=/"}))
    load = drive(replace(OPEN, mode=Closed(1, 5.0), count=3, sessions=Sessions(1)), sent)
    assert [each[3].get("Cookie") for each in sent.requests] == [None, "s=1", "s=1"]
    assert [(each.answers, each.users) for each in load.end().sessions] == [({"v1": 3}, 1)]


def test_requests_without_an_answer_are_errors() -> None:
    """Of the kinds that our own clients tell."""
    load = drive(replace(OPEN, mode=Closed(1, 5.0), count=1), Sent(lambda _: Said(0, None, None, TimeoutError())))
    (cell,) = load.tell().cells
    assert (cell.status, cell.error, cell.destination) == (0, "timeout", "")
    kinds = [error_kind(each) for each in (ConnectionRefusedError(), ConnectionResetError(), None)]
    assert kinds == ["connect", "reset", "reset"]


def test_a_request_is_taken_apart() -> None:
    """The length is the client's own to tell."""
    data = b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    assert parts_of(data) == ("POST", "/a?b", {"Accept-Encoding": "identity", "Host": "x"}, b"hi")


def test_users_of_locust_are_connections() -> None:
    """Or users where a closed loop has some; no process is without one."""
    assert users_of(OPEN, 2) == 256
    assert users_of(replace(OPEN, mode=Closed(3, 1)), 2) == 3
    assert users_of(replace(OPEN, mode=Closed(3, 1), sessions=Sessions(9)), 2) == 9
    assert users_of(replace(OPEN, mode=Closed(1, 1)), 4) == 4
    assert [share(5, index, 3) for index in range(3)] == [2, 2, 1]


def test_seconds_are_told_apart() -> None:
    """Each beat has the next number, and begins anew."""
    load = drive(OPEN, Sent())
    assert [load.tell().second, load.tell().second] == [0, 1]
    assert load.tell().measured.asked == 0
    assert locust_users.Load(Order(replace(OPEN, count=3), 1, 2))._budget == 1
