"""The parent's side of the workers: start them, keep them, hand them updates, add up their counts, drain them."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import sys
import time
from collections.abc import Sequence

from edgesim.model import Update
from edgesim.proxy import channel
from edgesim.proxy.deltas import NOTHING, delta
from edgesim.proxy.ports import PortInUseError, bound, port_of, reserve
from edgesim.proxy.settings import DEFAULT, WorkerSettings, encode
from edgesim.proxy.slot import Child, PushError, Slot
from edgesim.telemetry import spawn
from edgesim.telemetry.tally import Tally

_ASK_EVERY = 1.0
"""Seconds between questions for counts, so that little is lost when a worker dies."""
_ASK_SHARE = 50
"""Asking may take one part in so many of the time."""


class Supervisor:
    """The workers of one listener.

    Updates are numbered anew here: going back to one is an update as well.
    """

    def __init__(
        self, host: str, port: int, workers: int, seed: str, tls_port: int = 0, given: WorkerSettings = DEFAULT
    ) -> None:
        """Reserve the port; raises as `reserve`. The TLS port is taken when a virtual host first asks for TLS."""
        self._held = reserve(host, port)
        self._held_tls: socket.socket | None = None
        self._wanted_tls_port = tls_port
        self.host = host
        self.port: int = port_of(self._held)
        self._seed = seed
        self._settings = encode(given)
        self._slots = [Slot(index, self._start_one, self._everything) for index in range(workers)]
        self._tasks: list[asyncio.Task[None]] = []
        self._latest = NOTHING
        self._number = 0
        self._pushing = asyncio.Lock()
        self._counting = asyncio.Lock()

    @property
    def tls_port(self) -> int:
        """The port of the TLS listener, 0 while there is none."""
        return port_of(self._held_tls)

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that run."""
        return [slot.child.process.pid for slot in self._slots if slot.child is not None]

    async def start(self) -> None:
        """Start the workers; they listen once they have an update."""
        self._tasks = [spawn(slot.keep(), f"worker {slot.index}") for slot in self._slots]
        self._tasks.append(spawn(self._keep_asking(), "count"))

    async def _start_one(self, index: int) -> Child:
        slot = self._slots[index]
        if slot.listener is None:
            slot.listener = bound(self.host, self.port)
        ours, theirs = socket.socketpair()
        passed = (theirs.fileno(), slot.listener.fileno())
        command = (
            sys.executable,
            "-m",
            "edgesim.proxy.worker",
            "--channel",
            str(passed[0]),
            "--listener",
            str(passed[1]),
        )
        address = ("--host", self.host, "--port", str(self.port), "--seed", f"{self._seed}:{index}")
        told = ("--settings", self._settings)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, *address, *told, pass_fds=passed, stdin=asyncio.subprocess.DEVNULL
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return Child(process, *await asyncio.open_connection(sock=ours))

    def _everything(self) -> channel.Message | None:
        """What a new worker is told: the way from nothing to what the others serve, or are about to."""
        return delta(NOTHING, self._latest, self._tls_port_of(self._latest)) if self._latest.version else None

    def _tls_port_of(self, update: Update) -> int:
        return self.tls_port if _wants_tls(update) else 0

    # -- updates -------------------------------------------------------------------------------

    async def push(self, update: Update) -> None:
        """Hand an update to every worker; return when all serve it.

        A worker that dies meanwhile is replaced. Raises PushError when one cannot serve the update, or the
        TLS port is taken; then all serve again what they served before.
        """
        async with self._pushing:
            before = self._latest
            self._hold_tls_port(update)
            try:
                await self._reach(update, self._slots)
            except PushError:
                await self._go_back(before)
                raise
            finally:
                self._release_tls_port()

    async def _reach(self, update: Update, awaited: Sequence[Slot]) -> None:
        """Let all serve an update. Raises PushError, once each that is awaited has served or failed."""
        self._number += 1
        numbered = dataclasses.replace(update, version=self._number)
        changes = delta(self._latest, numbered, self._tls_port_of(numbered))
        self._latest = numbered
        for slot in self._slots:
            slot.send(changes)
        waits = (slot.reached(numbered.version) for slot in awaited)
        for outcome in await asyncio.gather(*waits, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _go_back(self, before: Update) -> None:
        """Let all serve the update before the one that failed; a worker that cannot even that is replaced."""
        try:
            await self._reach(before, [slot for slot in self._slots if not slot.is_gone])
        except PushError:
            for slot in self._slots:
                if slot.child is not None and slot.child.served < self._number:
                    slot.kill()

    def _hold_tls_port(self, update: Update) -> None:
        if self._held_tls is not None or not _wants_tls(update):
            return
        culprit = next(host.name for host in update.model.virtual_hosts if host.tls is not None)
        address = f"{self.host}:{self._wanted_tls_port}"
        try:
            self._held_tls = reserve(self.host, self._wanted_tls_port)
        except PortInUseError:
            raise PushError(f"{address}, the TLS listener's, is in use; --tls-port N takes another", culprit) from None
        except OSError as refused:
            reason = f"cannot listen on {address} for TLS: {(refused.strerror or str(refused)).lower()}"
            raise PushError(reason, culprit) from None

    def _release_tls_port(self) -> None:
        if self._held_tls is not None and not _wants_tls(self._latest):
            self._held_tls.close()
            self._held_tls = None

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
            return summed

    async def _keep_asking(self) -> None:
        while True:
            begun = time.monotonic()
            async with self._counting:
                await asyncio.gather(*(slot.ask() for slot in self._slots))
            taken = time.monotonic() - begun
            await asyncio.sleep(max(_ASK_EVERY, taken * _ASK_SHARE))

    # -- the rest ------------------------------------------------------------------------------

    def reopen_logs(self) -> None:
        """Let the workers open their log files anew: somebody moved them away."""
        for slot in self._slots:
            slot.send(channel.Reopen())

    async def close(self, grace: float) -> None:
        """Drain the workers: what runs may finish within `grace` seconds."""
        for asking in self._tasks[len(self._slots) :]:
            asking.cancel()
        await asyncio.gather(*(slot.close(grace) for slot in self._slots))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._held.close()
        if self._held_tls is not None:
            self._held_tls.close()


def _wants_tls(update: Update) -> bool:
    return any(host.tls is not None for host in update.model.virtual_hosts)
