"""The open loop: requests are sent at their times; those that find no connection wait in line, with their time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from random import Random

from edgesim.load.answers import Learn
from edgesim.load.connecting import ConnectError, Connector
from edgesim.load.connection import Connection, Prepared
from edgesim.load.pacing import Alarm, alarm
from edgesim.load.recording import Recorder
from edgesim.load.requests import Mix
from edgesim.load.scenario import Scenario
from edgesim.load.span import Span
from edgesim.load.users import Users
from edgesim.telemetry.slots import slot_of
from edgesim.telemetry.sources import nanoseconds
from edgesim.telemetry.tasks import spawn

_NEVER = 1 << 62
_FINEST = 100_000
"""Nanoseconds at least between two alarms: what is due within is sent together, unless answers come meanwhile."""
_AT_FIRST = 16
"""Connections opened before the run at most: the first requests should not have to wait for one."""
_WITHOUT_FILES = 0.1
"""Seconds before another try where the client itself lacks files or ports."""


class OpenLoop:
    """The schedule of a client process, and its connections."""

    def __init__(
        self, scenario: Scenario, connector: Connector, recorder: Recorder, learn: Learn, random: Random, limit: int
    ) -> None:
        """Prepare; at most `limit` connections at a time."""
        self.recorder = recorder
        self.learn = learn
        self.connections: set[Connection] = set()
        self.done = asyncio.Event()
        self.users = Users(scenario.sessions.users, scenario.sessions.requests, random)
        self._scenario = scenario
        self._connector = connector
        self._mix = Mix(scenario, random)
        self._limit = limit
        self._opening = 0
        self._idle: list[Connection] = []
        self._line: deque[tuple[int, Prepared]] = deque()
        self._late = round(scenario.late * 1e9)
        self._patience = round(scenario.timeout * 1e9)
        self._times: Iterator[int] = iter(())
        self._requests: Iterator[int] = iter(())
        self._upcoming = _NEVER
        self._alarm: Alarm | None = None
        self._set_to = _NEVER
        self._span = Span(0, 0, 0, 0)

    async def prepare(self) -> None:
        """Open the first connections, unless each request is to have its own."""
        if self._scenario.per_connection == 0:
            opening = min(self._limit, _AT_FIRST)
            self._opening += opening
            await asyncio.gather(*(self._open() for _ in range(opening)))

    def begin(self, span: Span, times: Iterator[int], requests: Iterator[int]) -> None:
        """Send at these times, counted from the start of the span: these classes of requests, or drawn ones."""
        self._span = span
        self._times = times
        self._requests = requests
        self._alarm = alarm(self._woken)
        self.done.clear()
        self._advance()
        self._set()

    def _advance(self) -> None:
        following = next(self._times, -1)
        self._upcoming = self._span.start + following if following >= 0 else _NEVER

    def _set(self) -> None:
        if self._upcoming == _NEVER:
            self._end()
        elif self._alarm is not None:
            self._set_to = max(self._upcoming, nanoseconds() + _FINEST)
            self._alarm.set(self._set_to)

    def _woken(self) -> None:
        slot = slot_of(max(0, nanoseconds() - self._set_to) // 1000)
        pacing = self.recorder.pacing
        pacing[slot] = pacing.get(slot, 0) + 1
        self._send_due(nanoseconds())
        self._set()

    def _send_due(self, now: int) -> None:
        while self._upcoming <= now:
            self._fire(self._upcoming)
            self._advance()

    def _fire(self, intended: int) -> None:
        measured = self._span.measured <= intended < self._span.unmeasured
        (self.recorder.measured if measured else self.recorder.other).asked += 1
        index = next(self._requests, -1)
        request = self._mix.next(measured=measured) if index < 0 else self._mix.at(index, measured=measured)
        if self._line:  # others are before it
            self._wait(intended, request)
            return
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                self._send(connection, request, intended)
                return
        self._wait(intended, request)

    def _wait(self, intended: int, request: Prepared) -> None:
        self._line.append((intended, request))
        self.recorder.waiting = max(self.recorder.waiting, len(self._line))
        self._open_more()

    def _send(self, connection: Connection, request: Prepared, intended: int) -> None:
        data = request.data if request.made is None else request.made()
        if self.users.users:
            connection.user = self.users.any()
            data = connection.user.with_cookies(data)
        connection.send(request, data, intended)
        counts = self.recorder.measured if request.measured else self.recorder.other
        counts.sent += 1
        if connection.at - intended > self._late:
            counts.late += 1

    def free(self, connection: Connection) -> None:
        """Send who waits longest, or keep the connection."""
        line = self._line
        while line:
            intended, request = line.popleft()
            if nanoseconds() - intended <= self._patience:
                self._send(connection, request, intended)
                break
            self._give_up(request)
        else:
            self._idle.append(connection)
            if self._upcoming <= nanoseconds():
                self._send_due(nanoseconds())
        if self._upcoming == _NEVER:
            self._end()

    def _give_up(self, request: Prepared) -> None:
        (self.recorder.measured if request.measured else self.recorder.other).unsent += 1

    def gone(self, connection: Connection) -> None:
        """Open another connection if somebody waits."""
        self.connections.discard(connection)
        self._open_more()
        self._end()

    def _open_more(self) -> None:
        room = self._limit - len(self.connections) - self._opening
        for _ in range(min(room, len(self._line) - self._opening)):
            self._opening += 1
            _ = spawn(self._open(), "connect")

    async def _open(self) -> None:
        try:
            connection = await self._connector.open(self)
        except ConnectError as wrong:
            await self._without(wrong)
            return
        self._opening -= 1
        self.connections.add(connection)
        self.free(connection)

    async def _without(self, wrong: ConnectError) -> None:
        """Count a connection that could not be opened: the request that waits longest fails with it."""
        if wrong.short:
            self.recorder.lacks(wrong.kind)
            await asyncio.sleep(_WITHOUT_FILES)
            self._expire_line()
        elif self._line:
            intended, request = self._line.popleft()
            self._count_failed(request, intended, wrong.kind)
        self._opening -= 1
        self._open_more()
        self._end()

    def _count_failed(self, request: Prepared, intended: int, kind: str) -> None:
        (self.recorder.measured if request.measured else self.recorder.other).sent += 1
        tally = self.recorder.tally(request.name, 0, "", kind, measured=request.measured)
        slot = slot_of((nanoseconds() - intended) // 1000)
        tally.latency[slot] = tally.latency.get(slot, 0) + 1

    def sweep(self, _now: int) -> None:
        """Give up those who have waited too long."""
        self._expire_line()
        self._end()

    def _expire_line(self) -> None:
        oldest = nanoseconds() - self._patience
        while self._line and self._line[0][0] < oldest:
            self._give_up(self._line.popleft()[1])

    def _end(self) -> None:
        if self._upcoming != _NEVER or self._line or self._opening:
            return
        if not any(each.busy for each in self.connections):
            self.done.set()

    def stop(self) -> None:
        """Ask for nothing more; who waits is given up."""
        self._upcoming = _NEVER
        self._times = iter(())
        while self._line:
            self._give_up(self._line.popleft()[1])
        self._end()

    def close(self) -> None:
        """Give the alarm back."""
        if self._alarm is not None:
            self._alarm.close()
