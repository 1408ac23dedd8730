"""Endpoints that nobody names any more and that stay all the same, while they pass their active health checks.

As in Envoy: where endpoints are checked, the checks are believed more than whoever lists them (DNS, or the endpoints of a
Service), until a check fails or `ignore_health_on_host_removal` says otherwise. A cluster that is configured otherwise is
another cluster, and begins with those that are listed.
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#on-eventually-consistent-service-discovery
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from edgesim.balancing import Address, address_of
from edgesim.model import Cluster, ClusterType, Endpoint, Model, Update, endpoints_of
from edgesim.policies.health_checks import check_of
from edgesim.telemetry.states import Host, Scope, State

_LISTED = frozenset((ClusterType.STRICT_DNS, ClusterType.EDS))
"""Clusters whose endpoints come and go while they are the same clusters."""
Leaving = Mapping[str, tuple[Endpoint, ...]]
"""By cluster, the endpoints that stay although they are listed no more."""


def leaving(
    now: Update, before: Update, given: tuple[Model, Model], passing: Mapping[str, Mapping[Address, bool]]
) -> Leaving:
    """Return who stays of the endpoints that were served before, beside those that are listed now.

    `given` are the models now and before as they were configured: with names in place of their addresses. `passing` is
    what health checks say.
    """
    checked = [each for each in now.model.clusters if _waits(each)]
    if not checked:
        return {}
    served = {each.name: each for each in before.model.clusters}
    same = _same(*given, {each.name for each in checked})
    found = {
        each.name: tuple(
            _gone(
                endpoints_of(served[each.name], before.assignments),
                endpoints_of(each, now.assignments),
                passing.get(each.name, {}),
            )
        )
        for each in checked
        if each.name in same and each.name in served
    }
    return {name: endpoints for name, endpoints in found.items() if endpoints}


def _waits(cluster: Cluster) -> bool:
    return cluster.type in _LISTED and not cluster.ignore_health_on_host_removal and check_of(cluster) is not None


def _same(now: Model, before: Model, names: set[str]) -> set[str]:
    """Return the clusters of these names that are configured as they were, wherever it is written."""
    known = {each.name: each for each in before.clusters if each.name in names}
    return {each.name for each in now.clusters if each.name in known and _alike(each, known[each.name])}


def _alike(one: Cluster, other: Cluster) -> bool:
    return one is other or replace(one, origin=()) == replace(other, origin=())


def _gone(before: Iterable[Endpoint], now: Iterable[Endpoint], passing: Mapping[Address, bool]) -> Iterable[Endpoint]:
    listed = {address_of(each) for each in now}
    return (each for each in before if address_of(each) not in listed and passing.get(address_of(each)))


def with_leaving(update: Update, stay: Leaving) -> Update:
    """Return an update in which they stay."""
    if not stay:
        return update
    clusters, assignments = [], dict(update.assignments)
    for each in update.model.clusters:
        more = stay.get(each.name, ())
        if more and each.type is ClusterType.EDS:
            assignments[each.name] = (*assignments.get(each.name, ()), *more)
        clusters.append(
            replace(each, endpoints=(*each.endpoints, *more)) if more and each.type is not ClusterType.EDS else each
        )
    return replace(update, model=replace(update.model, clusters=tuple(clusters)), assignments=assignments)


def states_of(stay: Leaving) -> dict[Scope, State]:
    """Return what is told of those that stay."""
    told = {name: {f"{each.address}:{each.port}": Host(leaving=True) for each in stay[name]} for name in stay}
    return {("cluster", name): State({}, hosts) for name, hosts in told.items()}
