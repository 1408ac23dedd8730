"""What a pod logged: the last lines, kept in memory, for whoever asks or follows.

A request is kept as it is and becomes text only when somebody reads: that costs the pod least.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

MOST_LINES: Final = 1000
_UNITS: Final = ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"))


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line without its end, and when it was written (UTC)."""

    time: datetime
    text: str


class Served(NamedTuple):
    """An answered request: `ended` in unix seconds, `took` in seconds."""

    ended: float
    host: bytes
    peer: str
    method: bytes
    target: bytes
    version: str
    status: int
    size: int
    agent: bytes
    took: float


class Log(Protocol):
    """What of a pod's log others may ask for."""

    def lines(self) -> list[LogLine]:
        """Return the lines that are kept, oldest first."""

    def follow(self) -> AsyncIterator[LogLine]:
        """Give what is written from now on, until the pod ends."""


class PodLog:
    """The last lines of one pod."""

    __slots__ = ("_ended", "_kept", "_wakers", "_wall", "_written")

    def __init__(self, wall: Callable[[], float]) -> None:
        """Take the clock of the lines, in unix seconds."""
        self._wall = wall
        self._kept: deque[Served | LogLine] = deque(maxlen=MOST_LINES)
        self._written = 0
        self._wakers: list[asyncio.Future[None]] = []
        self._ended = False

    def served(self, served: Served) -> None:
        """Take a request that was answered."""
        self._kept.append(served)
        self._written += 1
        if self._wakers:
            self._wake()

    def say(self, text: str) -> None:
        """Write lines as of now."""
        time = datetime.fromtimestamp(self._wall(), UTC)
        for line in text.splitlines():
            self._kept.append(LogLine(time, printable(line)))
            self._written += 1
        self._wake()

    def end(self) -> None:
        """Say that no line comes any more: followers are done."""
        self._ended = True
        self._wake()

    def lines(self) -> list[LogLine]:
        """Return the lines that are kept, oldest first."""
        return [_line(each) for each in self._kept]

    def follow(self) -> AsyncIterator[LogLine]:
        """Give what is written from now on, until the pod ends; who reads too slowly misses lines."""
        return self._follow(self._written)

    async def _follow(self, seen: int) -> AsyncIterator[LogLine]:
        while not self._ended or seen < self._written:
            lines, seen = self._after(seen), self._written
            for line in lines:
                yield line
            if seen == self._written and not self._ended:
                waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._wakers.append(waker)
                await waker

    def _after(self, seen: int) -> list[LogLine]:
        new = min(self._written - seen, len(self._kept))
        return [_line(self._kept[index]) for index in range(len(self._kept) - new, len(self._kept))]

    def _wake(self) -> None:
        wakers, self._wakers = self._wakers, []
        for each in wakers:
            if not each.done():
                each.set_result(None)


def _line(kept: Served | LogLine) -> LogLine:
    if isinstance(kept, LogLine):
        return kept
    time = datetime.fromtimestamp(kept.ended, UTC)
    return LogLine(time, request_line(kept, time))


def request_line(served: Served, time: datetime) -> str:
    """Write a request as http-echo does, with its query: date, host, peer, request line, status, bytes, agent, duration."""
    host, method, target, agent = (
        printable(each.decode("latin-1")) for each in (served.host, served.method, served.target, served.agent)
    )
    date = time.strftime("%Y/%m/%d %H:%M:%S")
    request = f'"{method} {target} HTTP/{served.version}"'
    return f'{date} {host} {served.peer} {request} {served.status} {served.size} "{agent}" {go_duration(served.took)}'


def go_duration(seconds: float) -> str:
    """Write a short duration as Go does: `12.3µs`, `4.56ms`, `1.2s`."""
    for below, factor, unit in _UNITS:
        if seconds < below:
            return f"{seconds * factor:.6g}{unit}"
    return f"{seconds:.6g}s"


def printable(text: str) -> str:
    """Escape what would break a line or a terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\t" else ascii(each)[1:-1] for each in text)
