from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.load.results import LoadResult
from edgesim.load.scenario import Arrivals, By, Destination, Open, RequestClass, Sessions, Stage
from edgesim.telemetry import slots
from tests.load.driving import constant, counts, done, drive, only
from tests.load.servers import Asked, ok, serving


def assert_adds_up(result: LoadResult) -> None:
    """Whatever is asked is sent or told to be unsent, and what is sent is answered or an error."""
    assert result.asked == result.sent + result.client.unsent
    assert result.sent == sum(cell.count for cell in result.cells)
    for cell in result.cells:
        assert cell.count == slots.count(cell.latency) == slots.count(cell.service)


async def test_every_request_of_the_schedule_is_sent() -> None:
    """As many as the schedule has, each once; they are counted by what the header says of the destination."""
    async with serving() as server:
        scenario = replace(constant(server.port, 400), destination=Destination(By.HEADER, "x-version"))
        result = await drive(scenario)
    assert_adds_up(result)
    assert result.asked == len(server.asked) == 80
    by = {cell.destination: cell.count for cell in result.cells}
    assert by == {version: sum((each.number % 10 == 9) == (version == "v2") for each in server.asked) for version in by}
    assert sum(each.asked for each in result.timeline) == sum(each.done for each in result.timeline) == 80
    assert sum(result.connects.values()) <= 16 + len({each.connection for each in server.asked})


async def test_latency_counts_from_the_intended_time() -> None:
    """Where one connection serves requests of 20 ms asked for every 5 ms, latency grows and service time does not."""
    async with serving(lambda _: (ok(), 0.02)) as server:
        result = await drive(replace(constant(server.port, 200, 0.2), connections=1))
    assert_adds_up(result)
    cell = only(result)
    assert cell.count == 40
    (median_latency,), (median_service,) = (slots.percentiles(each, [50]) for each in (cell.latency, cell.service))
    # The 20th request is sent 19 x 20 ms after the start, and was due after 19 x 5 ms.
    assert median_latency >= 19 * 15_000 + 20_000
    assert slots.percentiles(cell.service, [1])[0] >= 20_000
    assert median_latency > 2 * median_service
    assert result.client.late > 30
    assert result.client.most_waiting > 20
    assert any("late" in sentence for sentence in result.client.limits)


async def test_requests_that_wait_too_long_are_told_to_be_unsent() -> None:
    """A server that does not answer leaves those it was sent as timeouts, and those behind them unsent."""
    async with serving(lambda _: (ok(), 60.0)) as server:
        result = await drive(replace(constant(server.port, 100, 0.2), connections=2, timeout=0.3))
    assert_adds_up(result)
    assert result.asked == 20
    assert result.client.unsent > 0
    assert counts(result) == {(0, "timeout"): result.sent}
    assert any("never sent" in sentence for sentence in result.client.limits)


async def test_nobody_listens() -> None:
    """Each request fails with its connection."""
    async with serving() as server:
        port = server.port
    result = await drive(constant(port, 50))
    assert_adds_up(result)
    assert counts(result) == {(0, "connect"): 10}


async def test_a_server_that_hangs_up() -> None:
    """A connection closed without an answer is a reset; the load goes on with new ones."""
    async with serving(lambda asked: None if asked.number == 2 else ok()) as server:
        result = await drive(replace(constant(server.port), connections=1))
    assert_adds_up(result)
    assert counts(result) == {(200, ""): 27, (0, "reset"): 13}


async def test_an_answer_that_ends_with_its_connection() -> None:
    """Without a length the close is the answer's end, and the next request has a connection of its own."""
    close = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nversion:v1"
    async with serving(lambda _: close) as server:
        result = await drive(replace(constant(server.port), destination=Destination(By.BODY, r":(\S+)")))
    assert_adds_up(result)
    cell = only(result)
    assert (cell.status, cell.destination, cell.count) == (200, "v1", 40)
    assert cell.received == 40 * len(close)


async def test_what_is_no_http() -> None:
    """An answer that cannot be read is an error of the protocol."""
    async with serving(lambda _: b"SSH-2.0-x\r\n") as server:
        result = await drive(constant(server.port, 100))
    assert counts(result) == {(0, "protocol"): 20}


async def test_an_answer_too_many_closes_the_connection() -> None:
    """The request has its answer, and the next one another connection: nobody takes the surplus for its own."""
    async with serving(lambda _: ok(b"a") + ok(b"b", status="500 No")) as server:
        result = await drive(constant(server.port, 100))
    assert counts(result) == {(200, ""): 20}
    assert len({each.connection for each in server.asked}) == 20


async def test_a_connection_for_each_request() -> None:
    """With one request to a connection there are as many connections as requests, and their times are counted."""
    async with serving() as server:
        result = await drive(replace(constant(server.port), per_connection=1))
    assert_adds_up(result)
    assert len({each.connection for each in server.asked}) == sum(result.connects.values()) == done(result) == 40


async def test_warm_up_and_cool_down_are_left_out() -> None:
    """Their requests are sent and stand in the seconds, and in no other figure."""
    async with serving() as server:
        result = await drive(replace(constant(server.port, 100, 0.4), warm_up=0.1, cool_down=0.2))
    assert_adds_up(result)
    assert len(server.asked) == sum(each.sent for each in result.timeline) == 40
    assert result.asked == 10
    assert abs(result.seconds - 0.1) < 1e-9


async def test_a_weighted_mix_with_bodies_and_methods() -> None:
    """Classes of requests are drawn by weight; method, header and body arrive as they were written."""

    def answer(asked: Asked) -> bytes:
        head = ok(b"12345")
        return head[:-5] if asked.method == "HEAD" else head

    mix = (
        RequestClass("read", weight=3),
        RequestClass("look", "HEAD", "/head"),
        RequestClass("write", "POST", "/w?a=1", (("X-A", "b"),), b"hello"),
    )
    async with serving(answer) as server:
        result = await drive(replace(constant(server.port, 1000), requests=mix, seed=3))
    assert_adds_up(result)
    assert {(each.method, each.path, each.body) for each in server.asked} == {
        ("GET", "/", b""),
        ("HEAD", "/head", b""),
        ("POST", "/w?a=1", b"hello"),
    }
    assert all(each.fields["host"] == "test.example" for each in server.asked)
    by = {cell.request: cell.count for cell in result.cells}
    assert sum(by.values()) == 200
    assert 90 <= by["read"] <= 150  # 120 expected, 5 deviations are 31


async def test_users_keep_their_cookies() -> None:
    """Each user is sent back what was set for it, so that a sticky server sees each at one version; patterns add up."""
    users = iter(range(1000))

    def sticky(asked: Asked) -> bytes:
        cookies = asked.fields.get("cookie", "")
        if "user=" in cookies:
            number = int(cookies.partition("user=")[2])
            return ok(b"", f"x-version: v{number % 2}")
        number = next(users)
        return ok(b"", f"x-version: v{number % 2}", f"Set-Cookie: user={number}; Path=/; HttpOnly")

    async with serving(sticky) as server:
        scenario = replace(
            constant(server.port, 400, 0.3), destination=Destination(By.HEADER, "x-version"), sessions=Sessions(users=5)
        )
        # One connection, so that no request of a user leaves before the answer that sets the cookie.
        result = await drive(replace(scenario, connections=1))
    assert_adds_up(result)
    assert next(users) == 5
    assert sum(each.users for each in result.sessions) == 5
    assert sum(sum(each.answers.values()) * each.users for each in result.sessions) == 120
    assert all(len(each.answers) == 1 for each in result.sessions)


async def test_users_are_replaced() -> None:
    """After their number of requests users leave, and new ones come without cookies."""
    async with serving(lambda _: ok(b"", "Set-Cookie: a=b")) as server:
        sessions = Sessions(users=1, requests=4)
        result = await drive(replace(constant(server.port), sessions=sessions, connections=1))
    assert [each.fields.get("cookie", "") for each in server.asked] == ["", "a=b", "a=b", "a=b"] * 10
    assert sum(each.users for each in result.sessions) == 10


async def test_a_run_is_stopped() -> None:
    """When it is told to stop it sends nothing more, waits for what is under way, and reports."""
    async with serving() as server:
        result = await drive(constant(server.port, 100, 60), stop_after=0.2)
    assert_adds_up(result)
    assert 0 < done(result) < 1000


async def test_poisson_and_a_count() -> None:
    """A count ends the run before its schedule does."""
    async with serving() as server:
        mode = Open((Stage(60, 500, 500),), Arrivals.POISSON)
        result = await drive(replace(constant(server.port), mode=mode, count=30))
    assert_adds_up(result)
    assert done(result) == 30


async def test_a_replay_sends_the_requests_of_the_log() -> None:
    """Each at its time, in the log's order."""
    async with serving() as server:
        requests = (RequestClass("a", path="/a"), RequestClass("b", path="/b"))
        mode = Open((), times=(0.0, 0.01, 0.05, 0.05), requests=(1, 0, 1, 1))
        result = await drive(replace(constant(server.port), requests=requests, mode=mode, connections=1))
    assert_adds_up(result)
    assert [each.path for each in server.asked] == ["/b", "/a", "/b", "/b"]
    assert result.seconds == pytest.approx(0.05)
