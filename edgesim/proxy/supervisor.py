"""The parent's side of the workers: start them, keep them, hand them updates, add up their counts, drain them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import NamedTuple

from edgesim.balancing import Address, address_of
from edgesim.model import Model, Update, UpdateRefusedError, endpoints_of
from edgesim.proxy import channel
from edgesim.proxy.breaking import Breaking
from edgesim.proxy.deltas import NOTHING, delta
from edgesim.proxy.dns import Names, Told
from edgesim.proxy.health_checks import HealthChecks
from edgesim.proxy.leaving import Leaving, leaving, states_of, with_leaving
from edgesim.proxy.ports import Addresses, Held, Place
from edgesim.proxy.resolving import Lookup, ask_servers
from edgesim.proxy.settings import DEFAULT, WorkerSettings, encode
from edgesim.proxy.slot import Child, Slot
from edgesim.telemetry import spawn
from edgesim.telemetry.tally import Tally

_FIRST_CHECKS = 1.0
"""Seconds an update waits for the first health checks of new clusters."""
_ASK_EVERY = 1.0
"""Seconds between questions for counts, so that little is lost when a worker dies."""


class Bound(NamedTuple):
    """A listener and the port it takes connections on."""

    name: str
    tls: bool
    host: str
    port: int


class Supervisor:
    """The workers, and the ports they share.

    Updates are numbered anew here: going back to one is an update as well.
    """

    def __init__(
        self,
        host: str,
        port: int,
        workers: int,
        seed: str,
        tls_port: int = 0,
        given: WorkerSettings = DEFAULT,
        *,
        as_written: bool = False,
        servers: Lookup = ask_servers,
    ) -> None:
        """Hold the port that stands in for 8080 (`ports.Addresses` tells what else is bound where); raises as `reserve`.

        The other ports are taken when a listener first asks for them. `servers` are asked for names whose ttl matters.
        """
        self._held = Held(Addresses(host, port, tls_port, as_written))
        self.host = host
        self.port = self._held.port(self._held.first)
        self._seed = seed
        self._settings = encode(given)
        self._checks = HealthChecks(partial(Random(f"{seed}:checks").getrandbits, 64), self._tell_health)
        self.breaking = Breaking(self._tell_broken)
        self._names = Names(self._renew, ask_with_ttl=servers)
        self._leaving: Leaving = {}
        starts = [partial(self._start_one, index) for index in range(workers)]
        self._slots = [Slot(index, start, self._greet, self._checks.used) for index, start in enumerate(starts)]
        self._tasks: list[asyncio.Task[None]] = []
        self._latest = NOTHING
        self._given = NOTHING
        """The latest as it was pushed, with names where the workers got addresses."""
        self._places: dict[str, Place] = {}
        self._number = 0
        self._hint = channel.Hint(closes=False)
        self._listens = True
        self._pushing = asyncio.Lock()
        self._counting = asyncio.Lock()
        self._answered: Mapping[tuple[str, str], Mapping[int, int]] = {}
        """What endpoints answered before counters began anew."""

    @property
    def bound(self) -> tuple[Bound, ...]:
        """Where the listeners take connections now, in the model's order."""
        named = {listener.name: listener for listener in self._latest.model.listeners}
        places = ((named[name], place) for name, place in self._places.items())
        return tuple(Bound(each.name, each.tls, place[0], self._held.port(place)) for each, place in places)

    @property
    def tls_port(self) -> int:
        """The port of the first TLS listener, 0 while there is none."""
        return next((each.port for each in self.bound if each.tls), 0)

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that run."""
        return [slot.child.process.pid for slot in self._slots if slot.child is not None]

    async def start(self) -> None:
        """Start the workers; they listen once they have an update."""
        self._tasks = [spawn(slot.keep(), f"worker {slot.index}") for slot in self._slots]
        self._tasks.append(spawn(self._keep_asking(), "count"))

    async def _start_one(self, index: int) -> Child:
        ours, theirs = socket.socketpair()
        our_end, their_end = socket.socketpair()
        our_end.setblocking(False)
        passed = (theirs.fileno(), their_end.fileno())
        command = (
            sys.executable,
            "-m",
            "edgesim.proxy.worker_process",
            "--channel",
            str(passed[0]),
            "--sockets",
            str(passed[1]),
        )
        told = ("--seed", f"{self._seed}:{index}", "--settings", self._settings)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, *told, pass_fds=passed, stdin=asyncio.subprocess.DEVNULL
            )
        except OSError:
            ours.close()
            our_end.close()
            raise
        finally:
            theirs.close()
            their_end.close()
        return Child(process, *await asyncio.open_connection(sock=ours), our_end)

    async def _greet(self, slot: Slot, child: Child) -> None:
        """Tell a new worker the way from nothing to what the others serve, or are about to.

        That may be a lot, and meanwhile there may be updates: it is one of the workers when it was told all of them.
        """
        told = NOTHING
        child.send(self._hint)
        self._tell_found(child)  # ahead, so that nobody is taken to be ill who is not
        while told is not self._latest:
            latest, places = self._latest, self._places
            frames = await _unhurried(channel.frames(delta(told, latest, places)))
            if places.items() <= self._places.items():  # the sockets of others may be gone by now
                slot.hand_over(child, frames, places.values(), self._held.bound)
                told = latest
        child.send(self._hint)
        self._tell_found(child)
        slot.child = child

    def _tell_found(self, child: Child) -> None:
        for name, passing in self._checks.passing.items():
            child.send(channel.Health(name, {**passing}))
        child.send(channel.Break(self.breaking.broken))

    def _tell_broken(self) -> None:
        self._checks.breakages = self.breaking.broken
        for slot in self._slots:
            slot.send(channel.Break(self.breaking.broken))

    def _tell_health(self, cluster: str, passing: dict[Address, bool | None]) -> None:
        for slot in self._slots:
            slot.send(channel.Health(cluster, passing))
        if any(passing.get(address_of(each)) is False for each in self._leaving.get(cluster, ())):
            _ = spawn(self._renew(), "let endpoints leave")

    # -- updates -------------------------------------------------------------------------------

    async def push(self, update: Update) -> None:
        """Hand an update to every worker; return when all serve it.

        A worker that dies meanwhile is replaced. Raises UpdateRefusedError when one cannot serve the update, or the
        port of a listener is taken; then all serve again what they served before.
        """
        async with self._pushing:
            before, given, stayed, known = self._latest, self._given, self._leaving, self._names.known
            try:
                places = self._hold(update.model)
                resolved = await self._names.resolved(update.model)
                self._given = update
                update = self._with_leaving(dataclasses.replace(update, model=resolved), given.model)
                await self._check(update)
                try:
                    await self._reach(update, places, self._slots)
                except UpdateRefusedError:
                    await self._go_back(before)
                    self._given, self._leaving = given, stayed
                    await self._names.resolved(given.model, known)
                    await self._check(before)
                    raise
            finally:
                self._let_go()

    def _hold(self, model: Model) -> dict[str, Place]:
        return self._held.hold(model) if self._listens else {}

    async def _check(self, update: Update) -> None:
        """Check the endpoints of an update; those of new clusters for the first time before it is served."""
        checked = [each for each in update.model.clusters if each.health_checks]
        new = self._checks.follow((each, endpoints_of(each, update.assignments)) for each in checked)
        await self._checks.known(new, _FIRST_CHECKS)

    def _with_leaving(self, update: Update, before: Model) -> Update:
        """Return an update with the endpoints that stay; `before` is the model before it, with names."""
        self._leaving = leaving(update, self._latest, (self._given.model, before), self._checks.passing)
        return with_leaving(update, self._leaving)

    async def _renew(self) -> None:
        """Hand all workers the endpoints there are now: names may have other addresses, and who stayed may leave."""
        async with self._pushing:
            given = self._given
            update = dataclasses.replace(given, model=self._names.applied(given.model))
            update = self._with_leaving(update, given.model)
            await self._check(update)
            with contextlib.suppress(
                UpdateRefusedError
            ):  # a worker that cannot be reached gets them with the next update
                await self._reach(update, self._places, self._slots)

    def _let_go(self) -> None:
        """Close the sockets of listeners that are gone."""
        kept = set(self._places.values())
        self._held.keep(kept)
        for slot in self._slots:
            slot.close_listeners(kept)

    async def _reach(self, update: Update, places: dict[str, Place], awaited: Sequence[Slot]) -> None:
        """Let all serve an update. Raises UpdateRefusedError, once each that is awaited has served or failed."""
        self._number += 1
        numbered = dataclasses.replace(update, version=self._number)
        frames = await _unhurried(channel.frames(delta(self._latest, numbered, places)))
        # From here on workers that start are told this update; those that run are in the same moment.
        self._latest, self._places = numbered, places
        for slot in self._slots:
            if slot.child is not None:
                slot.hand_over(slot.child, frames, places.values(), self._held.bound)
        waits = (slot.reached(numbered.version) for slot in awaited)
        for outcome in await asyncio.gather(*waits, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _go_back(self, before: Update) -> None:
        """Let all serve the update before the one that failed; a worker that cannot even that is replaced."""
        places = self._hold(before.model)
        try:
            await self._reach(before, places, [slot for slot in self._slots if not slot.is_gone])
        except UpdateRefusedError:
            for slot in self._slots:
                if slot.child is not None and slot.child.served < self._number:
                    slot.kill()

    # -- counts --------------------------------------------------------------------------------

    async def stats(self, *, reset: bool = False) -> Tally:
        """Return what all workers counted, those that died as far as known; with `reset` begin at zero behind it."""
        async with self._counting:
            await asyncio.gather(*(slot.ask(reset=reset) for slot in self._slots))
            summed = Tally()
            for slot in self._slots:
                summed.add(slot.past)
                summed.add(slot.tally)
                if reset:
                    slot.forget()
            summed.add(Tally(states=self._checks.states()))
            summed.add(Tally(states=self._names.states()))
            summed.add(Tally(states=states_of(self._leaving)))
            summed.forgotten = self._answered
            if reset:
                self._answered = summed.answers_by_place()
                self._checks.forget()
                self._names.forget()
            return summed

    async def _keep_asking(self) -> None:
        while True:
            async with self._counting:
                await asyncio.gather(*(slot.ask(patient=True) for slot in self._slots))
            await asyncio.sleep(_ASK_EVERY)

    # -- the rest ------------------------------------------------------------------------------

    @property
    def latest(self) -> Update:
        """What the workers serve, or are about to, with the addresses of names."""
        return self._latest

    def tell_of_names(self, told: Told) -> None:
        """Tell somebody of names that cannot be resolved, when that begins, and when it ends."""
        self._names.tell(told)

    @property
    def unresolved(self) -> tuple[str, ...]:
        """What there is to say of names that cannot be resolved."""
        return self._names.in_words()

    def hint(self, *, closes: bool) -> None:
        """Let answers say `connection: close`, or no more."""
        self._hint = channel.Hint(closes)
        for slot in self._slots:
            slot.send(self._hint)

    async def stop_listening(self) -> None:
        """Take no connections any more, for good; those there are go on."""
        async with self._pushing:
            self._listens = False
            try:
                await self._reach(self._latest, {}, self._slots)
            finally:
                self._let_go()

    def reopen_logs(self) -> None:
        """Let the workers open their log files anew: somebody moved them away."""
        for slot in self._slots:
            slot.send(channel.Reopen())

    async def close(self, grace: float) -> None:
        """Drain the workers: what runs may finish within `grace` seconds."""
        self._names.close()
        self._checks.close()
        for asking in self._tasks[len(self._slots) :]:
            asking.cancel()
        await asyncio.gather(*(slot.close(grace) for slot in self._slots))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._held.close()


async def _unhurried(frames: Iterable[bytes]) -> list[bytes]:
    """Make frames while the parent does the other things it has to do."""
    made: list[bytes] = []
    for each in frames:
        made.append(each)
        await asyncio.sleep(0)
    return made
