"""Destinations: single, weighted, grouped (reference sections 4.1 to 4.3, and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgesim.dialects.gloo.guesses import Name, dotted
from edgesim.dialects.gloo.headers import mutations_of
from edgesim.dialects.gloo.names import cluster_name, kube_upstream_name
from edgesim.dialects.gloo.policies import arm_policies
from edgesim.dialects.gloo.scope import Reporter, guess
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import gateway
from edgesim.model import FALLBACK_CLUSTER, NO_MUTATIONS, Destination, Subset, WeightedCluster

UNKNOWN_CLUSTER = Destination("")
"""Where a request goes whose upstream group is missing: no cluster has this name."""

FALLBACK = Destination(FALLBACK_CLUSTER)
"""Where a request goes whose route or weighted entry is replaced (section 9.5)."""

_MAX_TOTAL = 2**32 - 1


def subset_of(values: gateway.SubsetValues | None) -> Subset:
    """Sort the labels of a subset; empty means none was asked for."""
    return tuple(sorted((values.values or {}).items())) if values is not None else ()


def read_destination(
    given: gateway.Destination, path: FieldPath, namespace: str, reporter: Reporter, where: str = ""
) -> Destination | None:
    """Read one destination; an upstream without namespace is in `namespace`.

    A missing upstream is a warning, and the destination stays: its requests are answered 503.
    """
    subset = subset_of(given.subset)
    if given.upstream is not None:
        name = (given.upstream.namespace or namespace, given.upstream.name)
        if name in reporter.scope.upstreams:
            _check_subset(reporter.scope.subset_keys(name), subset, path, reporter)
        else:
            text = f"{where}*v1.Upstream {{ {dotted(name)} }} not found"
            reporter.report("ES0214", (*path, "upstream"), text, guess(name, reporter.scope.upstreams))
        return Destination(cluster_name(*name), subset)
    if given.kube is not None:
        return _kube(given.kube, (*path, "kube"), subset, reporter, where)
    if given.consul is not None:
        reporter.report("ES0226", (*path, "consul"), "Consul is not simulated: this route is left out")
    else:
        reporter.report("ES0210", path, "no destination type specified", "name an `upstream`")
    return None


def _kube(
    given: gateway.KubeDestination, path: FieldPath, subset: Subset, reporter: Reporter, where: str
) -> Destination:
    """Read a Service as a destination: an in-memory upstream stands behind it (section 7.2)."""
    ref = given.ref
    service = ("", "") if ref is None else (ref.namespace, ref.name)
    name = kube_upstream_name(*service, given.port)
    if service in reporter.scope.services:
        reporter.scope.kube_destinations.setdefault((*service, given.port), reporter.resource)
        _check_subset(None, subset, path[:-1], reporter)
    else:
        text = f"{where}*v1.Upstream {{ {service[0]}.{name} }} not found"
        reporter.report("ES0214", path, text, guess(service, reporter.scope.services))
    return Destination(cluster_name(service[0], name), subset)


def _check_subset(keys: list[frozenset[str]] | None, subset: Subset, path: FieldPath, reporter: Reporter) -> None:
    """Compare a route's subset with those of the upstream (section 8): by key set, never by value."""
    if not subset:
        return
    at = (*path, "subset")
    if keys is None:
        reporter.report("ES0218", at, "route has a subset config, but the upstream does not")
    elif frozenset(key for key, _value in subset) not in keys:
        known = ", ".join(f"[{', '.join(sorted(each))}]" for each in keys)
        text = "route has a subset config, but none of the subsets in the upstream match it"
        reporter.report("ES0219", at, text, f"the upstream's subset keys are {known}" if known else "")


def read_weighted(
    given: Sequence[gateway.WeightedDestination], path: FieldPath, namespace: str, reporter: Reporter
) -> tuple[WeightedCluster, ...]:
    """Read the arms of a split; a missing weight is 0, and the weights need not add up to 100."""
    if not given:
        text = "must specify at least one weighted destination for multi destination routes"
        reporter.report("ES0212", path, text)
        return ()
    total = sum(item.weight or 0 for item in given)
    if total == 0:
        text = (
            "Incorrect configuration for Weighted Destination for route - Weighted Destinations require a total "
            "weight that is greater than or equal to 1"
        )
        reporter.report("ES0213", path, text)
    elif total > _MAX_TOTAL:
        reporter.report("ES0230", path, f"the weights add up to {total}, more than {_MAX_TOTAL}")
    arms = (_arm(item, (*path, i), namespace, reporter) for i, item in enumerate(given))
    return tuple(arm for arm in arms if arm is not None)


def _arm(
    given: gateway.WeightedDestination, path: FieldPath, namespace: str, reporter: Reporter
) -> WeightedCluster | None:
    """Read one entry of a split; what is wrong inside it concerns it alone."""
    before = len(reporter.broken)
    arm = _sound_arm(given, path, namespace, reporter)
    broken = reporter.broken[before:]
    if not broken:
        return arm
    del reporter.broken[before:]
    if arm is None or any(at[: len(path) + 1] == (*path, "options") for at in broken):
        return WeightedCluster(FALLBACK, given.weight or 0)
    return replace(arm, destination=FALLBACK)


def _sound_arm(
    given: gateway.WeightedDestination, path: FieldPath, namespace: str, reporter: Reporter
) -> WeightedCluster | None:
    if given.destination is None:
        reporter.report("ES0210", path, "no destination type specified", "a weighted destination needs `destination`")
        return None
    where = "invalid destination in weighted destination list: "
    destination = read_destination(given.destination, (*path, "destination"), namespace, reporter, where)
    headers = given.options.header_manipulation if given.options is not None else None
    mutations = mutations_of(headers, (*path, "options"), reporter) if headers is not None else NO_MUTATIONS
    policies = arm_policies(given.options, (*path, "options"), reporter)
    return None if destination is None else WeightedCluster(destination, given.weight or 0, mutations, policies)


def read_group(name: Name, path: FieldPath, reporter: Reporter) -> tuple[WeightedCluster, ...] | None:
    """Read the arms of an UpstreamGroup, whose upstreams are by default in the group's own namespace.

    Whatever is wrong inside the group is the group's own problem and is reported there; here it is
    only a warning if an upstream of it is missing. None means that the group itself is missing.
    """
    group = reporter.scope.group(name)
    if group is None:
        text = f"*v1.UpstreamGroup {{ {dotted(name)} }} not found"
        reporter.report("ES0215", path, text, guess(name, reporter.scope.groups))
        return None
    inside = Reporter(reporter.scope, reporter.scope.groups[name], replacing=reporter.replacing)
    kept = len(reporter.scope.problems)
    arms = read_weighted(group.spec.destinations, ("spec", "destinations"), name[0], inside)
    found = reporter.scope.problems[kept:]
    del reporter.scope.problems[kept:]
    before = len(reporter.broken)
    for each in found:
        hint = f"in UpstreamGroup {dotted(name)}, {each.field}"
        reporter.report(each.code, path, each.message, hint)
    if not inside.broken:  # single entries are replaced already
        del reporter.broken[before:]
    return arms
