"""A verification: both engines are started, asked the same, and compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from edgesim.model import Assignments, Model
from edgesim.verify.asking import ask
from edgesim.verify.choices import Pair, same_choice
from edgesim.verify.comparing import Difference, differing, seen
from edgesim.verify.engines import Pinned, envoy, free_ports, own_engine
from edgesim.verify.handshakes import Handshake, handshakes
from edgesim.verify.known import Explained, sorted_out
from edgesim.verify.prepared import places, prepared, served
from edgesim.verify.recorders import Recorders
from edgesim.verify.requests import Asked, requests

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it; `left_out` is what is not compared, `explained` the differences that are on purpose.

    Where it was `interrupted`, `requests` is how many were asked until then. `handshakes` are those of listeners with TLS.
    """

    requests: int
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...]
    explained: tuple[Explained, ...] = ()
    interrupted: bool = False
    handshakes: Mapping[str, Handshake] = field(default_factory=dict)


@dataclass(slots=True)
class _Compared:
    """How many requests were asked of both engines so far, and which of them are not answered alike."""

    requests: int = 0
    found: list[Difference] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Where each engine listens, by listeners' names, and how many endpoints each cluster has."""

    own: Mapping[str, int]
    other: Mapping[str, int]
    pinned: Pinned
    endpoints: Mapping[str, int]

    async def ask(self, asked: Asked) -> Pair:
        """Ask edgesim, then Envoy."""
        self.pinned.value = asked.draw
        own = seen(asked, await ask(self.own[asked.listener], asked))
        return own, seen(asked, await ask(self.other[asked.listener], asked))


async def verify(
    model: Model, assignments: Assignments, command: str, most: int, random: Random, progress: Progress
) -> Verified:
    """Ask both engines so many requests at most. Raises UpdateRefusedError where Envoy refuses the model.

    A first cancellation while it asks ends the asking only: Ctrl-C, as `asyncio.run` hands it on.
    """
    recorders, wanted = Recorders(), places(model, assignments)
    listening = served(model)
    try:
        for place in wanted:
            await recorders.start(place)
        ports = dict(zip((each.name for each in listening), free_ports(len(listening)), strict=True))
        copy = prepared(model, wanted, recorders.ports, ports)
        asked = requests(copy.model, most, random)
        compared = await _compared(copy.model, asked, command, progress)
    finally:
        await recorders.close()
    differences, explained = sorted_out(compared.found)
    interrupted = compared.requests < len(asked)
    return Verified(compared.requests, differences, copy.left_out, explained, interrupted, handshakes(model))


async def _compared(model: Model, asked: list[Asked], command: str, progress: Progress) -> _Compared:
    pinned, compared = Pinned(), _Compared()
    async with own_engine(model, pinned) as own, envoy(model, command) as other:
        sides = _Sides(own, other, pinned, {each.name: len(each.endpoints) for each in model.clusters})
        try:
            await _compare(sides, asked, compared, progress)
        except asyncio.CancelledError:
            if not compared.requests:
                raise
            _uncancel()
    return compared


async def _compare(sides: _Sides, asked: Sequence[Asked], compared: _Compared, progress: Progress) -> None:
    for number, each in enumerate(asked):
        progress(number, len(asked))
        difference = await _difference(sides, each)
        compared.requests = number + 1
        if difference is not None:
            compared.found.append(difference)


def _uncancel() -> None:
    """Go on after a cancellation, so that timeouts of what is still to do know theirs."""
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()


async def _difference(sides: _Sides, asked: Asked) -> Difference | None:
    own, other = await sides.ask(asked)
    parts = differing(own, other)
    if not parts and own.metadata != other.metadata:
        count = sides.endpoints[own.destination]
        parts = () if await same_choice(lambda: sides.ask(asked), (own, other), count) else ("endpoint",)
    return Difference(asked, parts, own, other) if parts else None
