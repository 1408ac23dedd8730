"""A verification: both engines are started, asked the same, and compared."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from edgesim.model import Assignments, Model
from edgesim.verify.asking import ask
from edgesim.verify.choices import Pair, same_choice
from edgesim.verify.claims import Late, taken_late, without_claims
from edgesim.verify.comparing import Difference, Seen, differing, seen
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
    late: Late

    async def ask(self, asked: Asked) -> Pair:
        """Ask edgesim, then Envoy."""
        own = await self.ask_own(asked)
        return own, seen(asked, await ask(self.other[asked.listener], asked))

    async def ask_own(self, asked: Asked) -> Seen:
        """Ask edgesim."""
        self.pinned.value = asked.draw
        return seen(asked, await ask(self.own[asked.listener], asked))


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
        sides = _Sides(
            own, other, pinned, {each.name: len(each.endpoints) for each in model.clusters}, taken_late(model)
        )
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
    parts, (own, other) = await _unlike(lambda: sides.ask(asked), sides)
    return Difference(asked, parts, own, other, await _by_claims(sides, asked)) if parts else None


async def _by_claims(sides: _Sides, asked: Asked) -> bool:
    """Tell whether a difference is of headers of claims: gone without them, which move nothing in edgesim."""
    plain = without_claims(asked, sides.late)
    if plain is None:
        return False

    async def ask_own() -> Pair:
        return await sides.ask_own(asked), await sides.ask_own(plain)

    return not any([(await _unlike(each, sides))[0] for each in (lambda: sides.ask(plain), ask_own)])


async def _unlike(ask: Callable[[], Awaitable[Pair]], sides: _Sides) -> tuple[tuple[str, ...], Pair]:
    """Return which parts of two answers are unlike, and the answers."""
    own, other = pair = await ask()
    parts = differing(own, other)
    if not parts and own.metadata != other.metadata:
        alike = await same_choice(ask, pair, sides.endpoints[own.destination])
        parts = () if alike else ("endpoint",)
    return parts, pair
