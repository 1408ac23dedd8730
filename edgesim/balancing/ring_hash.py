"""Envoy's ketama ring: an endpoint stands at the hashes of its key with a number behind it.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#ring-hash
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import ceil

from xxhash import xxh64_intdigest


def ring(keys: Sequence[str], weights: Sequence[float], minimum: int, maximum: int) -> tuple[array[int], array[int]]:
    """Return where places are on the ring, in ascending order, and whose they are.

    The lightest endpoint gets a whole number of places, so that there are `minimum` of them at least; a ring that would
    be larger than `maximum` is cut down to it. Places are dealt by running sums, as Envoy deals them.
    """
    lightest = min(weights)
    scale = min(ceil(lightest * minimum) / lightest, float(maximum))
    places: list[tuple[int, int]] = []
    target = 0.0
    for at, (key, weight) in enumerate(zip(keys, weights, strict=True)):
        target += scale * weight
        dealt = max(ceil(target) - len(places), 0)
        places += [(xxh64_intdigest(f"{key}_{number}".encode()), at) for number in range(dealt)]
    places.sort()
    return array("Q", [place for place, _ in places]), array("I", [at for _, at in places])
