"""What pods log."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from edgesim.backends.file_log import FileLog
from edgesim.backends.objects import spell
from edgesim.backends.pod_log import MOST_LINES, LogLine, PodLog, Served, go_duration, printable, request_line
from edgesim.telemetry.sources import today
from edgesim.telemetry.tasks import spawn
from tests.control.scenes import until

SERVED = Served(1_800_000_000.5, b"echo", "127.0.0.1:9", b"GET", b"/a?b=c", "1.1", 200, 11, b"curl/8", 0.0000125)


def test_a_request_is_a_line_as_http_echo_writes_it() -> None:
    """Date, host, peer, request line with the query, status, bytes, user agent and duration."""
    log = PodLog(lambda: 0.0)
    log.served(SERVED)
    (line,) = log.lines()
    assert line.text == '2027/01/15 08:00:00 echo 127.0.0.1:9 "GET /a?b=c HTTP/1.1" 200 11 "curl/8" 12.5µs'
    assert line.time.timestamp() == SERVED.ended


def test_nothing_a_client_sends_breaks_a_line() -> None:
    """Control characters of a request are written out."""
    line = request_line(SERVED._replace(agent=b"a\x1b[31m\nb", target=b"/\xff"), today())
    assert "\\x1b[31m\\nb" in line
    assert line.isprintable()
    assert printable("plain") == "plain"


def test_only_the_last_lines_are_kept() -> None:
    """A pod keeps a thousand lines, whatever it serves."""
    log = PodLog(lambda: 0.0)
    for number in range(MOST_LINES + 5):
        log.say(str(number))
    lines = log.lines()
    assert (len(lines), lines[0].text) == (MOST_LINES, "5")


@pytest.mark.parametrize(("seconds", "text"), [(0.0000125, "12.5µs"), (0.0045, "4.5ms"), (1.25, "1.25s")])
def test_durations(seconds: float, text: str) -> None:
    """A duration has the unit Go gives it."""
    assert go_duration(seconds) == text


async def _followed(log: PodLog | FileLog, found: list[LogLine]) -> None:
    async for line in log.follow():
        found.append(line)  # noqa: PERF401 - what is found so far is looked at meanwhile


async def test_followers_get_what_comes_until_the_end() -> None:
    """Who follows gets each line from then on, once, and is done when the pod is."""
    log, found = PodLog(lambda: 0.0), list[LogLine]()
    log.say("before")
    task = spawn(_followed(log, found), "follow")
    await asyncio.sleep(0)
    for text in ("one\ntwo", "three"):
        log.say(text)
        await until(lambda text=text: bool(found) and found[-1].text == text.split("\n")[-1])  # type: ignore[misc]
    log.end()
    await asyncio.wait_for(task, 30)
    assert [line.text for line in found] == ["one", "two", "three"]


async def test_a_slow_follower_misses_lines_and_goes_on() -> None:
    """Lines that are kept no more when somebody comes to read are left out; the newest are there."""
    log, found = PodLog(lambda: 0.0), list[LogLine]()
    task = spawn(_followed(log, found), "follow")
    await asyncio.sleep(0)
    for number in range(MOST_LINES + 50):
        log.say(str(number))
    log.end()
    await asyncio.wait_for(task, 30)
    assert [line.text for line in found] == [str(number) for number in range(50, MOST_LINES + 50)]


async def test_a_file_as_a_log(tmp_path: Path) -> None:
    """The proxy's access log is read from its end, with the time each line tells; a new file is read from its beginning."""
    path, names = tmp_path / "access.log", itertools.count()
    log, found = FileLog(str(path), today), list[LogLine]()
    assert log.lines() == []
    path.write_text("[2026-01-02T03:04:05.678Z] first\nsecond\n")
    first, second = log.lines()
    assert (first.text, first.time.second, first.time.microsecond) == ("[2026-01-02T03:04:05.678Z] first", 5, 678_000)
    assert second.text == "second"
    task = spawn(_followed(log, found), "follow")
    await asyncio.sleep(0)
    with path.open("a") as file:
        file.write("third\nfou")
    await until(lambda: [line.text for line in found] == ["third"])
    path.write_text(f"{spell(next(names), 3)}\n")
    await until(lambda: [line.text for line in found] == ["third", "bbb"])
    log.end()
    await asyncio.wait_for(task, 30)
