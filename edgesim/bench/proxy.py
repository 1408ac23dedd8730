"""The proxy beside its peers: one worker each on a core of its own, loaded in turn by `edgesim load`'s engine.

All peers run, and are loaded one after the other, round after round, so that what the machine does meanwhile hits all
of them alike; ratios are taken within a round. The client's own limits come with every measurement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from edgesim.bench.machine import PROXY_CORE, core_times, cpu_seconds
from edgesim.bench.peers import PEERS, Peer, check
from edgesim.bench.processes import Unavailable
from edgesim.bench.results import Better, Series
from edgesim.bench.scenario import Backends, Scenario
from edgesim.load import driver
from edgesim.load.results import LoadResult
from edgesim.load.scenario import By, Closed, Destination, Order, RequestClass, Target, Variables
from edgesim.load.scenario import Scenario as Load
from edgesim.telemetry import slots

WARM_UP = 1.0
"""Seconds of load that are not counted, for each peer before the first round."""
DISTURBED = 0.1
"""The share of its core that other programs may have before it is worth a word."""
_FULL = 0.9
"""The share of its core from which a proxy, and not what loads it, was the limit."""
_WHO = Destination(By.BODY, r"version:(\S+)")


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement: requests a second, milliseconds, what failed, and who was busy.

    `microseconds` is the proxy's own processor time for a request, 0 where the system does not say; `busy` the share of the
    time its core was at work. `limits` are the client's, in sentences.
    """

    rate: float
    p50: float
    p99: float
    failed: int
    microseconds: float
    busy: float | None
    limits: tuple[str, ...] = ()


@dataclass(slots=True)
class Row:
    """A peer, and its rounds."""

    peer: Peer
    rounds: list[Round] = field(default_factory=list)

    def held_back(self) -> bool:
        """Tell whether something else than the proxy was the limit in most rounds."""
        free = [one for one in self.rounds if one.busy is not None and one.busy < _FULL]
        return 2 * len(free) > len(self.rounds)

    def disturbed(self) -> float:
        """Return the share of its core that other programs used, in the middle round; 0 where the system does not say."""
        others = [one.busy - one.microseconds * one.rate / 1e6 for one in self.rounds if one.busy is not None]
        return max(0.0, median(others)) if others and all(one.microseconds for one in self.rounds) else 0.0


def start(
    names: Sequence[str], scenario: Scenario, backends: Backends, folder: Path, stack: ExitStack
) -> Iterator[Peer | tuple[str, Unavailable]]:
    """Start peers one after the other; yield each, or its name and why it is not there."""
    for name in names:
        try:
            peer = stack.enter_context(PEERS[name](scenario, backends, folder))
            check(peer, scenario)
        except Unavailable as reason:
            yield name, reason
        else:
            yield peer


def load_of(scenario: Scenario, seconds: float, seed: int) -> Load:
    """Return what is sent: a closed loop, which asks for all that a proxy can do. The port is that of nobody yet."""
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in scenario.headers))
    rows = tuple((path,) for path in scenario.paths) if scenario.distinct else ()
    return Load(
        target_of(0),
        (RequestClass("GET", path="${path}" if rows else "/", headers=headers),),
        Closed(scenario.connections, seconds),
        Variables(("path",), rows, Order.RANDOM) if rows else Variables(),
        destination=_WHO,
        connections=scenario.connections,
        seed=seed,
    )


def target_of(port: int) -> Target:
    """Return a place on this machine."""
    return Target("http", "127.0.0.1", port, f"127.0.0.1:{port}")


def measure(rows: Sequence[Row], load: Load, rounds: int, seconds: float) -> Iterator[int]:
    """Load all in turn, adding a measurement to each in each round; yield how many rounds are done."""
    for row in rows:
        once(row.peer, replace(load, mode=_for(load, WARM_UP)))
    yield 0
    load = replace(load, mode=_for(load, seconds))
    for number in range(rounds):
        # Every other round runs backwards, so that nobody always follows the same neighbour.
        found = [(row, once(row.peer, load)) for row in (rows if number % 2 == 0 else list(reversed(rows)))]
        for row, one in found:
            row.rounds.append(one)
        yield number + 1


def _for(load: Load, seconds: float) -> Closed:
    return Closed(load.connections, seconds)


def once(peer: Peer, load: Load, run: Callable[[Load], LoadResult] | None = None) -> Round:
    """Load one of them once."""
    core, used = core_times(PROXY_CORE), sum(cpu_seconds(peer.pid)) if peer.pid else 0.0
    result = (run or _run)(replace(load, target=target_of(peer.port)))
    after, spent = core_times(PROXY_CORE), (sum(cpu_seconds(peer.pid)) if peer.pid else 0.0) - used
    busy = (after[0] - core[0]) / max(after[1] - core[1], 1) if core and after else None
    answered = [cell for cell in result.cells if 200 <= cell.status < 400]
    good = sum(cell.count for cell in answered)
    latency = slots.total(cell.latency for cell in answered)
    p50, p99 = slots.percentiles(latency, [50, 99])
    failed = sum(cell.count for cell in result.cells) - good
    each = spent / good * 1e6 if good else 0.0
    return Round(good / result.seconds, p50 / 1e3, p99 / 1e3, failed, each, busy, result.client.limits)


def _run(load: Load) -> LoadResult:
    return asyncio.run(driver.run(load))


def series_of(scenario: str, rows: Sequence[Row]) -> Iterator[Series]:
    """Yield what is kept of each peer, and the ratio of the first to each of the others."""
    for row in rows:
        name = f"{scenario}, {row.peer.name}"
        yield Series(f"{name}: rate", "requests/s", Better.HIGHER, tuple(one.rate for one in row.rounds))
        yield Series(f"{name}: p50", "ms", Better.LOWER, tuple(one.p50 for one in row.rounds))
        yield Series(f"{name}: p99", "ms", Better.LOWER, tuple(one.p99 for one in row.rounds))
        if all(one.microseconds for one in row.rounds):
            cost = tuple(one.microseconds for one in row.rounds)
            yield Series(f"{name}: processor time", "us/request", Better.LOWER, cost)
    for other in rows[1:]:
        ratios = tuple(one.rate / two.rate for one, two in zip(rows[0].rounds, other.rounds, strict=True) if two.rate)
        yield Series(f"{scenario}, {rows[0].peer.name} to {other.peer.name}: rate", "ratio", Better.HIGHER, ratios)
