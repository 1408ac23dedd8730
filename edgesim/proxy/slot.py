"""The place of one worker: whoever dies in it is replaced, and told all that the others were told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Collection, Container, Iterable
from dataclasses import dataclass, field

from edgesim.model import UpdateRefusedError
from edgesim.model.update import CANNOT_RUN
from edgesim.proxy import channel
from edgesim.proxy.ports import Place
from edgesim.telemetry.sources import monotonic
from edgesim.telemetry.states import Scope, State
from edgesim.telemetry.tally import Named, Tally

MOST_DEATHS = 3
"""So often in a row a worker may die: then an update that waits for it is given up, and clients wait no more."""
PATIENCE = 60.0
"""Seconds a worker may say nothing while an update waits for it; then it is killed."""
LEAVING = 2.0
"""Seconds beyond the grace time before a worker that does not leave is killed."""
_STEADY = 10.0
"""Seconds of service after which the deaths before are forgotten."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_ANSWER = 5.0
"""Seconds a worker has to say what it counted, before what it said last must do."""

_log = logging.getLogger("edgesim")


@dataclass(eq=False)
class Child:
    """A worker's process and its end of the channel."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sockets: socket.socket
    """Where listening sockets are handed over."""
    served: int = -1
    handed: set[Place] = field(default_factory=set)
    """The places of the sockets it has got."""
    named: Named = field(default_factory=Named)
    """By what it counts."""

    def send(self, message: channel.Message) -> None:
        """Send a message; one that is gone does not get it."""
        channel.write(self.writer, message)


class Slot:
    """Keeps one worker running."""

    def __init__(
        self,
        index: int,
        start: Callable[[], Awaitable[Child]],
        greet: Callable[[Slot, Child], Awaitable[None]],
        on_used: Callable[[Iterable[str]], None],
    ) -> None:
        """Take how a worker is started (raises OSError), and what tells a new one all it must know.

        The latter makes it the present one as soon as it has been told: from then on it gets what all get. `on_used` is
        told of clusters whose endpoints are checked and which got their first request.
        """
        self.index = index
        self.child: Child | None = None
        self.listening: dict[Place, socket.socket] = {}
        """The worker's listening sockets, held here as well: clients wait in them while a worker is replaced."""
        self.tally = Tally()
        """What the present worker counted, as far as it said."""
        self.past = Tally()
        """What those before it counted."""
        self.seen: dict[Scope, State] = {}
        """What comes ahead of an answer."""
        self._start = start
        self._greet = greet
        self._on_used = on_used
        self._failure: channel.Failed | None = None
        self._deaths = self._deaths_in_a_row = 0
        self._last_words = ""
        self._has_served = self._is_awaited = False
        self.is_gone = False
        """No worker stays alive here, as far as the last update showed."""
        self._changed = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closing = False
        self._asked = 0
        self._overdue = 0
        """The last question with a reset that was not answered in time: until it is, all that comes was forgotten."""
        self._answers: dict[int, asyncio.Future[None]] = {}

    async def keep(self) -> None:
        """Run workers, one after the other, until told to close."""
        while True:
            begun = monotonic()
            words = await self._run_one()
            served = self.child is not None and self.child.served >= 0
            self.child = None
            self._changed.set()
            if self._closing:
                return
            if served and monotonic() - begun >= _STEADY:
                self._deaths_in_a_row = 0
            self._deaths += 1
            self._deaths_in_a_row += 1
            self._last_words = words
            self._has_served |= served
            if self._has_served:  # who waits for the first update is told by it
                _log.warning("worker %d %s; another takes its place", self.index, words)
            if self._deaths_in_a_row >= MOST_DEATHS:
                self.close_listeners()  # nobody may be there for long: let clients go to the other workers
            await self._pause()

    async def _run_one(self) -> str:
        """Run one worker to its end, and return how it ended."""
        try:
            child = await self._start()
        except OSError as refused:
            return f"cannot be started: {refused.strerror or refused}"
        await self._greet(self, child)
        if self._closing:
            child.writer.close()
        while (message := await channel.read(child.reader)) is not None:
            self._take(child, message)
        code = await child.process.wait()
        child.writer.close()
        child.sockets.close()
        self._bury()
        return f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with code {code}"

    def _take(self, child: Child, message: channel.Message) -> None:
        if isinstance(message, channel.Served):
            child.served = message.version
            self.is_gone = False
        elif isinstance(message, channel.Failed):
            self._failure = message
        elif isinstance(message, channel.Grown):
            self._grow(child, message)
            return
        elif isinstance(message, channel.Seen):
            self.seen.update(message.states)
            return
        elif isinstance(message, channel.Counted):
            self._count(message)
            return
        elif isinstance(message, channel.Used):
            self._on_used(message.clusters)
            return
        self._changed.set()

    def _grow(self, child: Child, message: channel.Grown) -> None:
        # What was forgotten and comes now is dropped, but for the names of what is counted.
        (Tally() if self._overdue else self.tally).take(message.growth, child.named)

    def _count(self, message: channel.Counted) -> None:
        answered = self._answers.pop(message.number, None)
        if self._overdue:
            if message.number == self._overdue:
                self._overdue = 0
            return
        self.tally.totals = message.totals
        if self.seen:
            self.tally.states, self.seen = self.seen, {}
        if answered is not None and not answered.done():
            answered.set_result(None)

    def _bury(self) -> None:
        self.past.add(self.tally.gone())
        self.tally = Tally()
        self._overdue = 0
        for waiting in self._answers.values():
            waiting.cancel()
        self._answers.clear()

    async def _pause(self) -> None:
        """Wait longer with each death in a row, but not while an update waits."""
        if self._deaths_in_a_row > 1:
            longest = _FIRST_PAUSE if self._is_awaited else _LONGEST_PAUSE
            pause = min(longest, _FIRST_PAUSE * 2 ** min(self._deaths_in_a_row - 2, 10))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)
        self._hurry.clear()

    def close_listeners(self, kept: Container[Place] = ()) -> None:
        """Let go of the listening sockets but those kept; the worker's own copies are its own to close."""
        for place in [place for place in self.listening if place not in kept]:
            self.listening.pop(place).close()

    def hand_over(
        self, child: Child, frames: Iterable[bytes], places: Collection[Place], bound: Callable[[Place], socket.socket]
    ) -> None:
        """Send a worker an update, ahead of it the listening sockets that it has not got."""
        new = tuple(place for place in places if place not in child.handed)
        try:
            for place in new:
                if place not in self.listening:
                    self.listening[place] = bound(place)
            channel.hand_over(child.sockets, [self.listening[place] for place in new])
        except BrokenPipeError:
            return  # it is dead, and will be replaced
        except OSError as refused:
            _log.warning("worker %d cannot be given its sockets: %s", self.index, refused.strerror or refused)
            with contextlib.suppress(ProcessLookupError):
                child.process.kill()
            return
        child.handed = set(places)
        if new:
            child.send(channel.Handed(new))
        child.writer.writelines(frames)

    def send(self, message: channel.Message) -> None:
        """Send a message to the present worker, if there is one."""
        if self.child is not None:
            self.child.send(message)

    def kill(self) -> None:
        """Kill the present worker; another takes its place."""
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                self.child.process.kill()

    async def reached(self, version: int) -> None:
        """Wait until the present worker serves a version.

        Raises UpdateRefusedError when it says that it cannot, and when one after the other dies.
        """
        self._hurry.set()
        self._is_awaited = True
        try:
            await self._reach(version)
        finally:
            self._is_awaited = False

    async def _reach(self, version: int) -> None:
        before = self._deaths
        while self.child is None or self.child.served < version:
            if self._failure is not None and self._failure.version >= version:
                raise UpdateRefusedError(self._failure.reason, self._failure.culprit)
            if self._deaths - before >= MOST_DEATHS:
                self.is_gone = True
                why = f"worker {self.index} {self._last_words}, {MOST_DEATHS} times in a row"
                raise UpdateRefusedError(why, code=CANNOT_RUN)
            if self._closing:
                raise UpdateRefusedError("the workers are told to end", code=CANNOT_RUN)
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        waiting = self.child
        try:
            await asyncio.wait_for(self._changed.wait(), PATIENCE)
        except TimeoutError:
            if waiting is self.child:
                self.kill()

    async def ask(self, *, reset: bool = False, patient: bool = False) -> None:
        """Let the present worker say what it counted; what it said last must do when it does not answer."""
        if self.child is not None:
            asked = self._asked = self._asked + 1
            answered = self._answers[asked] = asyncio.get_running_loop().create_future()
            self.child.send(channel.Ask(asked, reset, patient))
            await asyncio.wait([answered], timeout=_ANSWER)
            if self._answers.pop(asked, None) is not None and reset:
                self._overdue = asked

    def forget(self) -> None:
        """Forget what was counted."""
        self.tally, self.past = Tally(), Tally()

    async def close(self, grace: float) -> None:
        """Let the worker drain within `grace` seconds, and wait for its end."""
        self._closing = True
        self._hurry.set()
        self.close_listeners()
        child = self.child
        if child is None:
            return
        child.send(channel.Drain(grace))
        try:
            await asyncio.wait_for(child.process.wait(), grace + LEAVING)
        except TimeoutError:
            self.kill()
            await child.process.wait()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
