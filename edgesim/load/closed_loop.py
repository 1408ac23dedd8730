"""The closed loop: so many users, each of whom sends when the last answer is there."""

from __future__ import annotations

import asyncio
from random import Random

from edgesim.load.answers import Learn
from edgesim.load.connecting import ConnectError, Connector
from edgesim.load.connection import Connection
from edgesim.load.pacing import Alarm, alarm
from edgesim.load.recording import Recorder
from edgesim.load.requests import Mix
from edgesim.load.scenario import Scenario
from edgesim.load.span import Span
from edgesim.load.users import User, Users
from edgesim.telemetry.slots import slot_of
from edgesim.telemetry.sources import nanoseconds
from edgesim.telemetry.tasks import spawn

_BEFORE_ANOTHER_TRY = 0.1
"""Seconds after a connection that failed: a server that is down is not to be beaten."""

_LOOK = 10_000_000
"""Nanoseconds between looks at how late the client wakes."""


class ClosedLoop:
    """The loops of a client process."""

    def __init__(
        self, scenario: Scenario, connector: Connector, recorder: Recorder, learn: Learn, random: Random, loops: int
    ) -> None:
        """Prepare so many loops; each is a user where the scenario has users."""
        self.recorder = recorder
        self.learn = learn
        self.connections: set[Connection] = set()
        self.done = asyncio.Event()
        self.users = Users(loops if scenario.sessions.users else 0, scenario.sessions.requests, random)
        self._scenario = scenario
        self._connector = connector
        self._mix = Mix(scenario, random)
        self._random = random
        self._think = scenario.sessions.think
        self._free = [*range(loops)]
        self._loops = loops
        self._of: dict[Connection, int] = {}
        self._running = True
        self._begun = False
        self._span = Span(0, 0, 0, 0)
        self._budget = -1
        self._alarm: Alarm | None = None
        self._set_to = 0

    async def prepare(self) -> None:
        """Open the connections, unless each request is to have its own."""
        if self._scenario.per_connection == 0:
            await asyncio.gather(*(self._opened(index) for index in range(self._loops)))

    def begin(self, span: Span, budget: int) -> None:
        """Send from the start of the span to its end; at most `budget` requests, unless that is negative."""
        self._span = span
        self._budget = budget
        self._begun = True
        self._alarm = alarm(self._woken)
        self._set()
        for connection in list(self._of):
            self._send(connection)
        for index in self._free:
            _ = spawn(self._open(index), "connect")
        self._free = []
        if not self._loops:  # there are more client processes than loops
            self.done.set()

    async def _opened(self, index: int) -> None:
        try:
            connection = await self._connector.open(self)
        except ConnectError:
            return
        self._free.remove(index)
        self.connections.add(connection)
        self._of[connection] = index

    async def _open(self, index: int) -> None:
        while self._wanted():
            try:
                connection = await self._connector.open(self)
            except ConnectError as wrong:
                self._failed(wrong)
                await asyncio.sleep(_BEFORE_ANOTHER_TRY)
                continue
            self.connections.add(connection)
            self._of[connection] = index
            self._send(connection)
            return
        self._ended()

    def _set(self) -> None:
        if self._alarm is not None:
            self._set_to = nanoseconds() + _LOOK
            self._alarm.set(self._set_to)

    def _woken(self) -> None:
        """Note how late the client itself wakes: nothing else here shows that others have its core."""
        slot = slot_of((nanoseconds() - self._set_to) // 1000)
        pacing = self.recorder.pacing
        pacing[slot] = pacing.get(slot, 0) + 1
        self._set()

    def close(self) -> None:
        """Give the alarm back."""
        if self._alarm is not None:
            self._alarm.close()

    def _failed(self, wrong: ConnectError) -> None:
        if wrong.short:
            self.recorder.lacks(wrong.kind)
            return
        measured = self._span.measures(nanoseconds())
        counts = self.recorder.measured if measured else self.recorder.other
        counts.asked += 1
        counts.sent += 1
        self._budget -= self._budget > 0
        tally = self.recorder.tally(self._mix.next(measured=measured).name, 0, "", wrong.kind, measured=measured)
        tally.latency[0] = tally.latency.get(0, 0) + 1

    def _wanted(self) -> bool:
        return self._running and self._budget != 0 and nanoseconds() < self._span.end

    def free(self, connection: Connection) -> None:
        """Send the next request, after a pause for thought."""
        if self._think.high:
            pause = self._random.uniform(self._think.low, self._think.high)
            asyncio.get_running_loop().call_later(pause, self._send, connection)
        else:
            self._send(connection)

    def _send(self, connection: Connection) -> None:
        if connection.closed:
            return
        now = nanoseconds()
        if not self._running or self._budget == 0 or now >= self._span.end:
            connection.close()
            return
        self._budget -= self._budget > 0
        span = self._span
        measured = span.measured <= now < span.unmeasured
        counts = self.recorder.measured if measured else self.recorder.other
        counts.asked += 1
        counts.sent += 1
        request = self._mix.next(measured=measured)
        data = request.data if request.made is None else request.made()
        user = self._user(connection)
        connection.send(request, data if user is None else user.with_cookies(data), 0)

    def _user(self, connection: Connection) -> User | None:
        if self.users.users:
            connection.user = self.users.of(self._of[connection])
        return connection.user

    def gone(self, connection: Connection) -> None:
        """Go on with a new connection."""
        self.connections.discard(connection)
        index = self._of.pop(connection, None)
        if index is None:
            return
        if not self._begun:
            self._free.append(index)
        else:
            _ = spawn(self._open(index), "connect")

    def _ended(self) -> None:
        self._loops -= 1
        if not self._loops:
            self.done.set()

    def sweep(self, now: int) -> None:
        """End at the end of the span, also where everybody is in thought."""
        if self._running and now >= self._span.end:
            self.stop()

    def stop(self) -> None:
        """Send nothing more; what is under way may still be answered."""
        self._running = False
        for connection in [each for each in self.connections if not each.busy]:
            connection.close()
