"""edgesim and Envoy side by side for as long as it takes: each new configuration is loaded hot, and both are asked the same.

Comparing is `edgesim.verify`'s; here are the engines that stay, and connections that do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import cast

from edgesim.cli.offline import Loaded, load
from edgesim.envoy.engine import EnvoyEngine, EnvoySettings
from edgesim.http1.replies import BODILESS
from edgesim.model import Assignments, Model, Severity, Update
from edgesim.proxy.deltas import NOTHING, delta
from edgesim.proxy.ports import Addresses
from edgesim.proxy.worker import Worker
from edgesim.telemetry import spawn
from edgesim.telemetry.sources import monotonic
from edgesim.verify import Asked, Difference
from edgesim.verify.asking import DRAW_HEADER, Answer, read, written
from edgesim.verify.choices import same_choice
from edgesim.verify.comparing import Seen, differing, seen
from edgesim.verify.engines import Pinned, PinnedWorker, free_ports
from edgesim.verify.prepared import Place, places, prepared, served
from edgesim.verify.recorders import Recorders
from edgesim.verify.requests import requests
from tests.differential.random_configs import FAILING, manifests

_SECONDS = 30.0
_SWEEP = 0.025
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of one case: how many requests were asked, which answers differ, and the statuses there were."""

    asked: int
    differences: tuple[Difference, ...]
    statuses: Mapping[int, int]


@dataclass(slots=True)
class Line:
    """A connection to one engine that stays open while the engine lets it."""

    port: int
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, asked: Asked) -> Answer:
        """Ask on the connection there is, or on a new one; status 0 where nothing comes."""
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._ask(asked)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            self.close()
            return Answer(0)

    async def _ask(self, asked: Asked) -> Answer:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        writer.write(written(asked))
        answer = await read(reader, asked.method)
        if ("connection", "close") in answer.headers or answer.status in BODILESS:  # Envoy may send a body behind those
            self.close()
        return answer

    def close(self) -> None:
        """Let the next request have a new connection."""
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


def _status(place: Place) -> int:
    """Return what a recorder answers."""
    return 503 if FAILING in place.cluster else 200


@dataclass(slots=True)
class Sides:
    """Both engines, what they serve, and the recorders behind them."""

    worker: Worker
    pinned: Pinned
    """What edgesim's weighted choices are."""
    envoy: EnvoyEngine
    recorders: Recorders = field(default_factory=lambda: Recorders(_status))
    ports: dict[str, int] = field(default_factory=dict)
    """Where listeners are, by name: the same in all cases, so that they stay."""
    own: dict[str, asyncio.Server] = field(default_factory=dict)
    update: Update = NOTHING

    async def push(self, model: Model, assignments: Assignments | None = None) -> None:
        """Load a model into both, hot. Raises UpdateRefusedError."""
        update = Update(self.update.version + 1, model, assignments or {})
        self.worker.swap(self.worker.compiler.snapshot(delta(self.update, update)))
        self.update = update
        loop = asyncio.get_running_loop()
        for name in self.worker.listeners.keys() - self.own.keys():
            self.own[name] = await loop.create_server(lambda of=name: self._accept(of), "127.0.0.1", 0)  # type: ignore[misc]
        await self.envoy.push(update)

    def _accept(self, name: str) -> asyncio.Protocol:
        return self.worker.accept(self.worker.listeners[name])

    def lines(self) -> tuple[dict[str, Line], dict[str, Line]]:
        """Return a line to each listener of edgesim, and of Envoy."""
        own = {name: Line(server.sockets[0].getsockname()[1]) for name, server in self.own.items()}
        return own, {bound.name: Line(bound.port) for bound in self.envoy.bound}


@asynccontextmanager
async def both(command: str, random: Random | None = None) -> AsyncIterator[Sides]:
    """Run both engines, which serve nothing yet; edgesim's balancers draw of `random`."""
    pinned = Pinned()
    worker = PinnedWorker(pinned, random or Random(1))
    settings = EnvoySettings(command, draw_header=DRAW_HEADER)
    sides = Sides(worker, pinned, EnvoyEngine(Addresses("127.0.0.1", 0), settings, monotonic))
    sweeping = spawn(_sweep(worker), "sweep")
    try:
        await sides.envoy.start()
        yield sides
    finally:
        sweeping.cancel()
        for server in sides.own.values():
            server.close()
        worker.abort()
        await sides.envoy.close(0.0)
        await sides.recorders.close()


async def _sweep(worker: Worker) -> None:
    while True:
        await asyncio.sleep(_SWEEP)
        worker.sweep()


# -- cases -----------------------------------------------------------------------------------------------------


def configuration(seed: int, folder: Path) -> Loaded:
    """Return the configuration of a seed, which is also in `seed-N.yaml`: the first of its random ones that is valid."""
    random, file = Random(seed), folder / f"seed-{seed}.yaml"
    for _ in range(_ATTEMPTS):
        file.write_text(manifests(random))
        loaded = load([file])
        if not any(each.severity is Severity.ERROR for each in loaded.problems):
            return loaded
    raise AssertionError(f"no configuration of seed {seed} is valid")


async def compared(sides: Sides, seed: int, most: int, folder: Path) -> Compared:
    """Load the configuration of a seed into both, and ask both so many requests."""
    loaded = configuration(seed, folder)
    return await ask_all(
        sides, loaded.translation.model, loaded.assignments(), lambda copy: requests(copy, most, Random(seed))
    )


async def ask_all(
    sides: Sides, model: Model, assignments: Assignments, asked: Callable[[Model], Sequence[Asked]]
) -> Compared:
    """Load a model into both, as a copy whose endpoints record, and ask both what `asked` makes of the copy."""
    wanted = places(model, assignments)
    for place in wanted.keys() - sides.recorders.ports.keys():
        await sides.recorders.start(place)
    for listener in served(model):
        sides.ports.setdefault(listener.name, free_ports(1)[0])
    copy = prepared(model, wanted, sides.recorders.ports, sides.ports).model
    await sides.push(copy)
    return await _asked(sides, asked(copy))


async def _asked(sides: Sides, asked: Sequence[Asked]) -> Compared:
    own, other = sides.lines()
    found: list[Difference] = []
    statuses: dict[int, int] = {}
    with contextlib.ExitStack() as stack:
        for line in (*own.values(), *other.values()):
            stack.callback(line.close)
        for each in asked:
            one, two = await _pair(sides, each, own[each.listener], other[each.listener])
            statuses[two.status] = statuses.get(two.status, 0) + 1
            parts = differing(one, two)
            if not parts and one.metadata != two.metadata:
                parts = await _endpoints(sides, each, own[each.listener], other[each.listener], (one, two))
            if parts:
                found.append(Difference(each, parts, one, two))
    return Compared(len(asked), tuple(found), statuses)


async def _pair(sides: Sides, asked: Asked, own: Line, other: Line) -> tuple[Seen, Seen]:
    sides.pinned.value = asked.draw
    one, two = await asyncio.gather(own.ask(asked), other.ask(asked))
    return _timeless(seen(asked, one)), _timeless(seen(asked, two))


def _timeless(each: Seen) -> Seen:
    """Leave out how much time is left for a request, where that is one that was sent again."""
    if FAILING not in each.destination:
        return each
    parts = dict(each.parts)
    forwarded = cast("tuple[tuple[str, str], ...]", parts["forwarded headers"])
    parts["forwarded headers"] = tuple(pair for pair in forwarded if pair[0] != "x-envoy-expected-rq-timeout-ms")
    return replace(each, parts=tuple(parts.items()))


async def _endpoints(sides: Sides, asked: Asked, own: Line, other: Line, first: tuple[Seen, Seen]) -> tuple[str, ...]:
    """Return what differs where endpoints did: nothing, when each engine goes where the other went, too."""
    clusters = {each.name: len(each.endpoints) for each in sides.update.model.clusters}

    async def again() -> tuple[Seen, Seen]:
        """Ask over other connections: hash cookies are made of the two ends of one."""
        own.close()
        other.close()
        return await _pair(sides, asked, own, other)

    return () if await same_choice(again, first, clusters[first[0].destination]) else ("endpoint",)
