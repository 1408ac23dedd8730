from __future__ import annotations

from dataclasses import replace
from random import Random

from edgesim.load.scenario import Sessions, Think
from edgesim.telemetry import slots
from tests.load.driving import closed, counts, done, drive, only
from tests.load.servers import Asked, ok, serving


async def test_each_connection_waits_for_its_answer() -> None:
    """Two connections and answers after 20 ms: never more than two at a time, each sent when the last was there."""
    async with serving(lambda _: (ok(), 0.02)) as server:
        result = await drive(closed(server.port, loops=2, seconds=0.3))
    assert result.asked == result.sent == done(result) == len(server.asked)
    assert 2 <= done(result) <= 2 * 15
    assert {each.connection for each in server.asked} == {0, 1}
    assert slots.percentiles(only(result).latency, [1])[0] >= 20_000
    assert only(result).latency == only(result).service


async def test_a_count_is_kept() -> None:
    """No more requests than asked for, whatever time there is."""
    async with serving() as server:
        result = await drive(replace(closed(server.port, loops=3, seconds=60), count=20))
    assert done(result) == len(server.asked) == 20


async def test_users_think() -> None:
    """A pause of 50 ms between answer and request leaves room for few requests."""
    async with serving() as server:
        think = Sessions(think=Think(0.05, 0.05))
        result = await drive(replace(closed(server.port, loops=2, seconds=0.3), sessions=think))
    assert 2 <= done(result) <= 2 * 7


async def test_users_in_thought_are_not_waited_for() -> None:
    """At the end of the time nobody waits for one who would send only later."""
    async with serving() as server:
        think = Sessions(think=Think(60, 60))
        result = await drive(replace(closed(server.port, loops=2, seconds=0.1), sessions=think))
    assert done(result) == 2


async def test_each_user_is_a_loop() -> None:
    """With users there are as many loops as users, and each keeps its cookie."""

    def answer(asked: Asked) -> bytes:
        return ok(b"", *([] if "cookie" in asked.fields else [f"Set-Cookie: user={asked.connection}"]))

    async with serving(answer) as server:
        scenario = replace(closed(server.port, loops=9, seconds=60), sessions=Sessions(users=3), count=30)
        result = await drive(scenario)
    assert done(result) == 30
    assert len({each.connection for each in server.asked}) == 3
    assert all(each.fields.get("cookie") == f"user={each.connection}" for each in server.asked if each.number)


async def test_a_new_connection_for_each_request() -> None:
    """Connections are opened as fast as they are used up."""
    async with serving() as server:
        result = await drive(replace(closed(server.port, loops=2, seconds=60), per_connection=1, count=10))
    assert len({each.connection for each in server.asked}) == done(result) == 10


async def test_connections_that_break_are_replaced() -> None:
    """A server that hangs up at every third request is a reset each time, and the loop goes on."""
    async with serving(lambda asked: None if asked.number == 2 else ok()) as server:
        result = await drive(replace(closed(server.port, loops=1, seconds=60), count=9))
    assert counts(result) == {(200, ""): 6, (0, "reset"): 3}


async def test_a_server_that_is_down_is_not_beaten() -> None:
    """A loop that finds nobody waits a moment before it tries again."""
    async with serving() as server:
        port = server.port
    result = await drive(closed(port, loops=1, seconds=0.25))
    assert set(counts(result)) == {(0, "connect")}
    assert result.sent <= 3


async def test_a_timeout_ends_a_wait() -> None:
    """Who waits too long gives up, and goes on with another connection."""
    async with serving(lambda asked: (ok(), 60.0 if asked.connection == 0 else 0.0)) as server:
        scenario = replace(closed(server.port, loops=1, seconds=60), count=3, timeout=0.2)
        result = await drive(scenario)
    assert counts(result) == {(0, "timeout"): 1, (200, ""): 2}


async def test_a_run_is_stopped() -> None:
    """When it is told to stop it ends, and reports."""
    async with serving() as server:
        result = await drive(closed(server.port, loops=2, seconds=60), stop_after=0.1)
    assert 0 < result.sent == done(result)


async def test_a_process_without_a_loop_is_done() -> None:
    """Where there are more client processes than connections, some have nothing to do."""
    async with serving() as server:
        result = await drive(closed(server.port, loops=0, seconds=60))
    assert result.asked == 0


WHIMS = (
    ok(),
    ok(b"x" * 100_000),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + ok(status="500 No"),
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\ntoo short",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n9\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    b"\x00\xff\r\n\r\n",
    ok() + ok(),
    None,
)


async def test_whatever_a_server_does_each_request_is_counted_once() -> None:
    """Whole, cut, garbled, too many or no answers: what is sent is answered or an error, and the load goes on."""
    whims = Random(7)
    async with serving(lambda _: whims.choice(WHIMS)) as server:
        result = await drive(replace(closed(server.port, loops=4, seconds=60), count=400, timeout=2.0))
    found = counts(result)
    assert sum(found.values()) == result.sent == 400
    assert set(found) == {(200, ""), (204, ""), (500, ""), (0, "protocol"), (0, "reset")}
