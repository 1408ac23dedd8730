"""The order in which weighted endpoints take their turns: a round made beforehand, or by earliest deadline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heapreplace
from math import gcd
from typing import TypeVar

from edgesim.model import Endpoint

T = TypeVar("T")
_LONGEST_SCHEDULE = 10_000


def schedule(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Return one round of a weighted round robin; without differing weights, the endpoints in order.

    An endpoint of weight n has n turns, in the middle of n equal parts of the round: a heavy one's turns are spread
    out. Of two whose turn it is at the same time, the first given comes first.
    """
    weights = _reduced([max(endpoint.weight, 1) for endpoint in endpoints])
    if len(set(weights)) <= 1:
        return tuple(endpoints)
    turns = sorted(((turn + 0.5) / weight, at) for at, weight in enumerate(weights) for turn in range(weight))
    return tuple(endpoints[at] for _, at in turns)


def _reduced(weights: list[int]) -> list[int]:
    """Divide by what they share; weights too fine for a schedule of bounded length are made coarser, to 1 at least."""
    shared = gcd(*weights)
    reduced = [weight // shared for weight in weights]
    excess = -(-sum(reduced) // _LONGEST_SCHEDULE)
    return [max(1, weight // excess) for weight in reduced]


def earliest_deadline_first(
    entries: Sequence[T], weight: Callable[[T], float], phase: Callable[[], float]
) -> Callable[[], T]:
    """Return what tells whose turn it is, by weights that change (Envoy's EdfScheduler).

    A weight counts from the entry's next turn on: it waits for 1 divided by it. `phase` draws (0 to 1) how much of its
    first wait an entry has behind it.
    """
    queue = [((1 - phase()) / weight(entry), at, entry) for at, entry in enumerate(entries)]
    heapify(queue)

    def take() -> T:
        deadline, at, entry = queue[0]
        heapreplace(queue, (deadline + 1 / weight(entry), at, entry))
        return entry

    return take
