"""Active health checks, run once for all workers: one task for each endpoint that is checked.

They run in the parent, which tells the workers what is new. Each check asks as Envoy's does: over a connection that is
kept (`reuse_connection`) or one of its own, over TLS where the cluster's requests are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from edgesim.balancing import Address, address_of
from edgesim.model import Cluster, Endpoint, HealthCheck, TcpCheck
from edgesim.policies.breakage import Breakage, Ending, ending
from edgesim.policies.health_checks import Course, Outcome, check_of, part_of
from edgesim.proxy.breakages import Breakages, breakage_of
from edgesim.proxy.probes import Prober, prober
from edgesim.telemetry import spawn
from edgesim.telemetry.states import Scope, State

Told = Callable[[str, dict[Address, bool | None]], None]
"""Takes what is new of the endpoints of a cluster: whether they pass, None for those that are checked no more."""


Key = tuple[Address, str]
"""What makes an endpoint another one for its checks: its address, and the server name it is asked for."""


@dataclass(slots=True, eq=False)
class Checked:
    """A cluster whose endpoints are checked."""

    cluster: Cluster
    check: HealthCheck
    tasks: dict[Key, asyncio.Task[None]] = field(default_factory=dict)
    passing: dict[Address, bool] = field(default_factory=dict)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when each endpoint was checked once."""


class HealthChecks:
    """The checks of all clusters that ask for them."""

    def __init__(self, draw: Callable[[], int], told: Told) -> None:
        """Take what draws 64 bits, and who is told what is new."""
        self._draw = draw
        self._told = told
        self._checked: dict[str, Checked] = {}
        self._used: set[str] = set()
        self.breakages: Breakages = {}
        """What is broken on purpose, also for checks."""

    def follow(self, clusters: Iterable[tuple[Cluster, tuple[Endpoint, ...]]]) -> frozenset[str]:
        """Check the endpoints of these clusters from now on, and no others. What is the same goes on as it is.

        Returns the names of clusters that were not checked before.
        """
        found = ((cluster, check_of(cluster), endpoints) for cluster, endpoints in clusters)
        wanted = {cluster.name: (cluster, check, endpoints) for cluster, check, endpoints in found if check is not None}
        new = wanted.keys() - self._checked.keys()
        for name in self._checked.keys() - wanted.keys():
            self._stop(name)
            self._used.discard(name)
        for name, (cluster, check, endpoints) in wanted.items():
            held = self._checked.get(name)
            if held is not None and (held.check, held.cluster.tls) != (check, cluster.tls):
                self._stop(name)
            held = self._checked.setdefault(name, Checked(cluster, check))
            held.cluster = cluster
            self._follow(held, endpoints)
        return frozenset(new)

    def _follow(self, held: Checked, endpoints: tuple[Endpoint, ...]) -> None:
        wanted = {(address_of(each), each.sni): each for each in endpoints}
        addresses = {address for address, _ in wanted}
        for gone in held.tasks.keys() - wanted.keys():
            held.tasks.pop(gone).cancel()
        forgotten = held.passing.keys() - addresses
        for address in forgotten:
            del held.passing[address]
        if forgotten:
            self._told(held.cluster.name, dict.fromkeys(forgotten))
        for new in wanted.keys() - held.tasks.keys():
            held.known.clear()
            held.tasks[new] = spawn(self._keep_checking(held, wanted[new]), f"check {new[0]}")
        self._note_known(held)

    def _stop(self, name: str) -> None:
        held = self._checked.pop(name)
        held.known.set()
        for task in held.tasks.values():
            task.cancel()
        self._told(name, dict.fromkeys(held.passing))

    def used(self, clusters: Iterable[str]) -> None:
        """Note that clusters got a request: from their next check on, their endpoints are checked at full speed."""
        self._used.update(clusters)

    async def known(self, clusters: Iterable[str], longest: float) -> None:
        """Wait until every endpoint of these clusters was checked once, so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest):
                for name in clusters:
                    if name in self._checked:
                        await self._checked[name].known.wait()

    @property
    def passing(self) -> dict[str, dict[Address, bool]]:
        """What is known of the endpoints of each cluster that is checked."""
        return {name: dict(held.passing) for name, held in self._checked.items()}

    def states(self) -> dict[Scope, State]:
        """Return what the checks of each cluster found, by Envoy's names."""
        return {("cluster", name): State(_counted(held)) for name, held in self._checked.items()}

    def forget(self) -> None:
        """Begin to count at zero."""
        for held in self._checked.values():
            held.outcomes.clear()

    def close(self) -> None:
        """Check nothing any more."""
        for name in tuple(self._checked):
            self._stop(name)

    async def _keep_checking(self, held: Checked, endpoint: Endpoint) -> None:
        check, address = held.check, address_of(endpoint)
        course = Course(check)
        try:
            probe = prober(held.cluster, check, endpoint)
        except ValueError:  # a certificate that cannot be used, for which the workers refuse the update
            return
        try:
            if check.initial_jitter:
                await asyncio.sleep(part_of(check.initial_jitter, self._draw))
            while True:
                breakage = breakage_of(self.breakages, held.cluster.name, address)
                outcome = await _ask(probe, check, breakage, self._draw)
                held.outcomes[outcome] += 1
                if course.take(outcome) or (outcome is Outcome.PASSED and held.cluster.outlier is not None):
                    held.passing[address] = course.healthy
                    self._told(held.cluster.name, {address: course.healthy})
                    self._note_known(held)
                await asyncio.sleep(course.pause(self._draw, used=held.cluster.name in self._used))
        finally:
            probe.close()

    def _note_known(self, held: Checked) -> None:
        if held.passing.keys() >= {address for address, _ in held.tasks}:
            held.known.set()


def _counted(held: Checked) -> dict[str, int]:
    found = held.outcomes
    return {
        "health_check.attempt": sum(found.values()),
        "health_check.success": found[Outcome.PASSED],
        "health_check.failure": found[Outcome.REFUSED] + found[Outcome.LOST],
        "health_check.network_failure": found[Outcome.LOST],
        "health_check.healthy": sum(held.passing.values()),
    }


async def _ask(probe: Prober, check: HealthCheck, breakage: Breakage | None, draw: Callable[[], int]) -> Outcome:
    """Make one check, in time."""
    try:
        async with asyncio.timeout(check.timeout):
            if breakage is None or not _meets(check, breakage):
                return await probe.ask()
            return await _ask_broken(probe, check, breakage, draw)
    except TimeoutError:
        return Outcome.LOST


def _meets(check: HealthCheck, breakage: Breakage) -> bool:
    """Tell whether a check can see it: one that only connects sees no more than that nobody listens."""
    return breakage.kill or not isinstance(check.checker, TcpCheck) or bool(check.checker.receive)


async def _ask_broken(probe: Prober, check: HealthCheck, breakage: Breakage, draw: Callable[[], int]) -> Outcome:
    await asyncio.sleep(breakage.latency)
    end = ending(breakage, draw())
    if end is Ending.HANG:
        await asyncio.Event().wait()
    if end is Ending.PASS:
        return await probe.ask()
    return Outcome.REFUSED if end is Ending.ERROR and not isinstance(check.checker, TcpCheck) else Outcome.LOST
