"""The endpoints of a cluster, cut into subsets (Envoy's subset load balancer).

A set is immutable: when endpoints come or go a new one is made and swapped in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edgesim.model import DEFAULT_BALANCER, Cluster, Endpoint, FallbackPolicy, LoadBalancer, Subset, SubsetConfig


@dataclass(frozen=True, slots=True, eq=False)
class EndpointSet:
    """All endpoints, those of each subset that has any, and how the cluster wants them picked.

    `fallback` is what a request gets whose subset is empty, or which asks for none. Of a subset in `single` there is
    one endpoint, which is picked whatever its health, as in Envoy. `cut` tells whether there are subsets at all, `lone`
    whether they fall back to nothing.
    """

    every: tuple[Endpoint, ...]
    subsets: dict[Subset, tuple[Endpoint, ...]]
    fallback: tuple[Endpoint, ...]
    single: frozenset[Subset] = frozenset()
    cut: bool = False
    lone: bool = False
    balancer: LoadBalancer = DEFAULT_BALANCER
    overprovisioning_factor: int = 140


def endpoint_set(cluster: Cluster, endpoints: Sequence[Endpoint]) -> EndpointSet:
    """Cut endpoints into the subsets a cluster's configuration asks for."""
    every, config = tuple(endpoints), cluster.subsets
    if config is None:
        factor = cluster.overprovisioning_factor
        return EndpointSet(every, {}, every, balancer=cluster.balancer, overprovisioning_factor=factor)
    singles = _single_by_keys(config)
    found = _by_subset(singles, every)
    single = frozenset(each for each in found if singles[tuple(key for key, _ in each)])
    subsets = {each: _foremost(own) if each in single else tuple(own) for each, own in found.items()}
    flat = replace(cluster.balancer, locality_weighted=False)  # Envoy's subsets know no weights of localities
    lone = config.fallback is FallbackPolicy.NO_FALLBACK
    fallback = _fallback(config, every)
    return EndpointSet(every, subsets, fallback, single, True, lone, flat, cluster.overprovisioning_factor)


def _single_by_keys(config: SubsetConfig) -> dict[tuple[str, ...], bool]:
    """Return by the keys of each selector whether its subsets have a single endpoint; the first of equal ones counts."""
    found: dict[tuple[str, ...], bool] = {}
    for selector in config.selectors:
        found.setdefault(tuple(sorted(selector.keys)), selector.single_host_per_subset)
    return found


def _by_subset(wanted: Iterable[tuple[str, ...]], endpoints: Iterable[Endpoint]) -> dict[Subset, list[Endpoint]]:
    found: dict[Subset, list[Endpoint]] = {}
    for endpoint in endpoints:
        metadata = dict(endpoint.metadata)
        for keys in wanted:
            if all(key in metadata for key in keys):
                found.setdefault(tuple((key, metadata[key]) for key in keys), []).append(endpoint)
    return found


def _foremost(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """Return the first endpoint of the first priority."""
    return (min(endpoints, key=lambda endpoint: endpoint.priority),)


def _fallback(config: SubsetConfig, every: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    if config.fallback is FallbackPolicy.ANY_ENDPOINT:
        return every
    if config.fallback is FallbackPolicy.NO_FALLBACK:
        return ()
    wanted = set(config.default_subset)
    return tuple(endpoint for endpoint in every if wanted <= set(endpoint.metadata))


def candidates(endpoints: EndpointSet, subset: Subset) -> tuple[Endpoint, ...]:
    """Return the endpoints for a subset, falling back as the cluster says."""
    return endpoints.subsets.get(subset, endpoints.fallback)
