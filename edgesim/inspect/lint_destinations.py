"""Destinations nobody answers at, subsets without a pod, upstreams without a route."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgesim.balancing import endpoint_set
from edgesim.dialects import Resource
from edgesim.inspect.atoms import written_routes
from edgesim.inspect.findings import Finding, below, step_at, value_at
from edgesim.model import (
    Assignments,
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    FallbackPolicy,
    ForwardAction,
    Model,
    OriginStep,
    Problem,
    ResourceKey,
    Route,
    Subset,
    SubsetConfig,
)

NO_POD, NO_SUBSET, UNUSED, NO_FALLBACK = "ES0655", "ES0656", "ES0658", "ES0661"
_TOLD = frozenset(("ES0304", "ES0603"))
"""Problems of an upstream that say already why it has no pod."""
_REFERENCES = frozenset(("upstream", "upstreamRef"))
_FALLBACKS = {
    FallbackPolicy.ANY_ENDPOINT: "the fallback policy ANY_ENDPOINT sends its requests to any pod",
    FallbackPolicy.DEFAULT_SUBSET: "the fallback policy sends its requests to the default subset",
}
_NOBODY = "its requests are answered 503"


@dataclass(frozen=True, slots=True)
class _Sent:
    """A destination that gets requests, and where it is written."""

    to: Destination
    step: OriginStep


def silent_destinations(
    model: Model, assignments: Assignments, resources: Mapping[ResourceKey, Resource], problems: Iterable[Problem]
) -> Iterator[Finding]:
    """Find destinations without a ready pod, once for each resource that names them."""
    clusters = {each.name: each for each in model.clusters if each.type is ClusterType.EDS}
    told = {problem.resource for problem in problems if problem.code in _TOLD}
    seen: set[tuple[ResourceKey, Destination]] = set()
    for sent in _sent(model, resources):
        cluster, key = clusters.get(sent.to.cluster), (sent.step.resource, sent.to)
        if cluster is None or key in seen:
            continue
        seen.add(key)
        endpoints = assignments.get(cluster.name, ())
        if endpoints:
            yield from _subset(sent, cluster, endpoints)
        elif not any(step.resource in told for step in cluster.origin):
            yield _no_pod(sent, cluster, resources)


def _sent(model: Model, resources: Mapping[ResourceKey, Resource]) -> Iterator[_Sent]:
    for host in model.virtual_hosts:
        for _order, route in written_routes(host):
            if isinstance(route.action, ForwardAction):
                yield from _sent_by(route, route.action, resources)


def _sent_by(route: Route, action: ForwardAction, resources: Mapping[ResourceKey, Resource]) -> Iterator[_Sent]:
    own = route.origin[-1]
    if action.destination is not None:
        yield _Sent(action.destination, below(own, "routeAction", "single"))
    if not action.weighted:
        return
    resource = resources.get(own.resource)
    given = None if resource is None else value_at(resource.manifest, (*own.path, "routeAction"))
    grouped = isinstance(given, dict) and "upstreamGroup" in given
    for index, arm in enumerate(action.weighted):
        path = ("upstreamGroup",) if grouped else ("multi", "destinations", index, "destination")
        if arm.weight:
            yield _Sent(arm.destination, below(own, "routeAction", *path))


def _no_pod(sent: _Sent, cluster: Cluster, resources: Mapping[ResourceKey, Resource]) -> Finding:
    text = f"no pod is ready behind {_name(cluster)}: its requests are answered 503 (no healthy upstream)"
    ref = cluster.service
    service = None if ref is None else resources.get(ResourceKey("Service", ref.namespace, ref.name))
    if ref is None or service is None:
        return Finding(NO_POD, sent.step, text)
    selector = value_at(service.manifest, ("spec", "selector")) or {}
    wanted = tuple(sorted((*selector.items(), *ref.selector)))
    return Finding(NO_POD, sent.step, text, f"Service {ref.namespace}/{ref.name} wants pods with {_labels(wanted)}")


def _subset(sent: _Sent, cluster: Cluster, endpoints: tuple[Endpoint, ...]) -> Iterator[Finding]:
    subset, config = sent.to.subset, cluster.subsets
    if config is None or any(set(subset) <= set(each.metadata) for each in endpoints if subset):
        return
    nobody = not endpoint_set(cluster, endpoints).fallback
    if subset:
        keys = [key for key, _value in subset]
        told = f"there are pods with {'; '.join(_values(keys, endpoints))}"
        then = _NOBODY if nobody else _FALLBACKS[config.fallback]
        text = f"no pod of {_name(cluster)} has {_labels(subset)}: {then}"
        yield Finding(NO_SUBSET, below(sent.step, "subset"), text, told)
    elif nobody:
        yield _no_fallback(sent, cluster, config, endpoints)


def _no_fallback(sent: _Sent, cluster: Cluster, config: SubsetConfig, endpoints: tuple[Endpoint, ...]) -> Finding:
    """Tell of a destination without a subset: what it falls back to is all it has."""
    policy = config.fallback.name
    if config.fallback is FallbackPolicy.DEFAULT_SUBSET:
        policy += f", and no pod has {_labels(config.default_subset)}"
    text = f"no subset is asked for, and the fallback policy of {_name(cluster)} is {policy}: {_NOBODY}"
    keys = config.selectors[0].keys if config.selectors else ()
    hint = f"name a `subset`: there are pods with {'; '.join(_values(keys, endpoints))}" if keys else ""
    return Finding(NO_FALLBACK, sent.step, text, hint)


def _values(keys: Sequence[str], endpoints: Iterable[Endpoint]) -> list[str]:
    there = {tuple((key, dict(each.metadata).get(key, "")) for key in keys) for each in endpoints}
    return [_labels(each) for each in sorted(there)]


def _name(cluster: Cluster) -> str:
    return str(cluster.origin[-1].resource) if cluster.origin else cluster.name


def _labels(labels: Subset) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels) or "no label"


def unused_upstreams(model: Model, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Find Upstreams nothing names. A `clusterHeader` may name any, and then there is none."""
    for host in model.virtual_hosts:
        if any(isinstance(route.action, ForwardAction) and route.action.cluster_header for route in host.routes):
            return
    listed = list(resources)
    named = {name for resource in listed for name in _named(resource.manifest.get("spec"), resource.namespace)}
    for resource in listed:
        if resource.kind.kind == "Upstream" and (resource.namespace, resource.name) not in named:
            text = f"nothing names the upstream {resource.namespace}.{resource.name}: it gets no request"
            yield Finding(UNUSED, step_at(resource, "metadata", "name"), text)


def _named(value: Any, namespace: str) -> Iterator[tuple[str, str]]:
    """Yield whatever may be the name of an upstream, by the key it stands under."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, list):
            left += each
        elif isinstance(each, dict):
            for key, inner in each.items():
                if key in _REFERENCES and isinstance(inner, dict) and "name" in inner:
                    yield inner.get("namespace") or namespace, inner["name"]
                else:
                    left.append(inner)
