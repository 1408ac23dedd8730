"""Maglev's lookup table as Envoy fills it (Eisenbud et al., "Maglev: a fast and reliable software network load balancer").

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#maglev
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from xxhash import xxh64_intdigest

TABLE_SIZE = 65537
"""Places of a table: a prime, Envoy's default."""


def fill(keys: Sequence[str], weights: Sequence[float], size: int = TABLE_SIZE) -> array[int]:
    """Return who has each place. `size` is a prime.

    Endpoints take turns in the order of their keys, lighter ones in fewer rounds; at its turn one takes the next free
    place of its own permutation of all places.
    """
    order = sorted(range(len(keys)), key=keys.__getitem__)
    places = [xxh64_intdigest(keys[at].encode()) % size for at in order]
    skips = [xxh64_intdigest(keys[at].encode(), 1) % (size - 1) + 1 for at in order]
    owners, taken = array("I", bytes(4 * size)), bytearray(size)
    for turn in islice(_turns([weights[at] for at in order]), size):
        place, skip = places[turn], skips[turn]
        while taken[place]:
            place = (place + skip) % size
        taken[place], owners[place] = 1, order[turn]
        places[turn] = (place + skip) % size
    return owners


def _turns(weights: Sequence[float]) -> Iterator[int]:
    """Return whose turn it is, without end: the heaviest in each round, the others as often as they weigh."""
    if min(weights) == max(weights):
        return cycle(range(len(weights)))
    return _weighted_turns(weights, max(weights))


def _weighted_turns(weights: Sequence[float], heaviest: float) -> Iterator[int]:
    targets, number = [0.0] * len(weights), 0
    while True:
        number += 1
        for turn, weight in enumerate(weights):
            if number * weight >= targets[turn]:
                targets[turn] += heaviest
                yield turn
