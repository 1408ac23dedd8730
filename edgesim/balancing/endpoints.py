"""The endpoints of a cluster, cut into subsets (Envoy's subset load balancer).

A set is immutable: when endpoints come or go a new one is made and swapped in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd

from edgesim.model import Cluster, Endpoint, FallbackPolicy, Subset, SubsetConfig

_LONGEST_SCHEDULE = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class EndpointSet:
    """All endpoints, and those of each subset that has any; each tuple is a round robin's schedule.

    `fallback` is what a request gets whose subset is empty, or which asks for none.
    """

    every: tuple[Endpoint, ...]
    subsets: dict[Subset, tuple[Endpoint, ...]]
    fallback: tuple[Endpoint, ...]


def endpoint_set(cluster: Cluster, endpoints: Sequence[Endpoint]) -> EndpointSet:
    """Cut endpoints into the subsets a cluster's configuration asks for."""
    every = schedule(endpoints)
    config = cluster.subsets
    if config is None:
        return EndpointSet(every, {}, every)
    subsets = {subset: schedule(found) for subset, found in _by_subset(config, endpoints).items()}
    return EndpointSet(every, subsets, _fallback(config, every, endpoints))


def _by_subset(config: SubsetConfig, endpoints: Iterable[Endpoint]) -> dict[Subset, list[Endpoint]]:
    found: dict[Subset, list[Endpoint]] = {}
    wanted = {tuple(sorted(selector.keys)) for selector in config.selectors}
    for endpoint in endpoints:
        metadata = dict(endpoint.metadata)
        for keys in wanted:
            if all(key in metadata for key in keys):
                found.setdefault(tuple((key, metadata[key]) for key in keys), []).append(endpoint)
    return found


def _fallback(config: SubsetConfig, every: tuple[Endpoint, ...], endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    if config.fallback is FallbackPolicy.ANY_ENDPOINT:
        return every
    if config.fallback is FallbackPolicy.NO_FALLBACK:
        return ()
    wanted = set(config.default_subset)
    return schedule([endpoint for endpoint in endpoints if wanted <= set(endpoint.metadata)])


def candidates(endpoints: EndpointSet, subset: Subset) -> tuple[Endpoint, ...]:
    """Return the schedule for a subset, falling back as the cluster says."""
    return endpoints.subsets.get(subset, endpoints.fallback)


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
