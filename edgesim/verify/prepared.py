"""A copy of a configuration in which two engines must answer alike.

Chance and time are taken out of it, and every endpoint is a recorder that tells what reached it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from edgesim.model import (
    DEFAULT_BALANCER,
    DEFAULT_CONNECTION,
    Assignments,
    Cluster,
    ClusterType,
    Endpoint,
    HeaderMutations,
    Listener,
    LoadBalancer,
    Model,
    Policies,
    Route,
    Subset,
    VirtualHost,
    is_served,
)
from edgesim.model.clusters import endpoints_of
from edgesim.model.policies import Fault
from edgesim.model.routes import ForwardAction
from edgesim.verify.lasting import lasting_headers

_ALL = 1_000_000
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Whom a recorder stands for: the endpoints of a cluster that have the same metadata."""

    cluster: str
    metadata: Subset


@dataclass(frozen=True, slots=True)
class Prepared:
    """The copy, and what is not compared because chance, time, health or a certificate decides it."""

    model: Model
    left_out: tuple[str, ...]


def places(model: Model, assignments: Assignments) -> dict[Place, Endpoint]:
    """Return the recorders that are needed, each with the first endpoint it stands for."""
    found: dict[Place, Endpoint] = {}
    for cluster in model.clusters:
        ends = endpoints_of(cluster, assignments)
        first = min((each.priority for each in ends), default=0)
        for end in ends:
            if end.priority == first:
                found.setdefault(Place(cluster.name, end.metadata), end)
    return found


def prepared(
    model: Model, recorders: Mapping[Place, Endpoint], ports: Mapping[Place, int], listening: Mapping[str, int]
) -> Prepared:
    """Return the copy, its recorders and listeners (those with TLS without it) at these ports."""
    clusters = tuple(_recorded(each, recorders, ports) for each in model.clusters)
    hosts = tuple(_certain_host(each) for each in model.virtual_hosts)
    listeners = tuple(_plain(each, model, listening[each.name]) for each in served(model))
    return Prepared(Model(hosts, clusters, listeners), tuple(_left_out(model)))


def served(model: Model) -> list[Listener]:
    """Return the listeners that serve anything."""
    return [each for each in model.listeners if any(is_served(host, each) for host in model.virtual_hosts)]


def _recorded(cluster: Cluster, recorders: Mapping[Place, Endpoint], ports: Mapping[Place, int]) -> Cluster:
    if cluster.type is ClusterType.DIRECT_RESPONSE:
        return cluster
    ends = tuple(
        Endpoint(_LOOPBACK, ports[place], metadata=end.metadata, hostname=end.hostname)
        for place, end in recorders.items()
        if place.cluster == cluster.name
    )
    return Cluster(
        cluster.name,
        ClusterType.STATIC,
        ends,
        subsets=cluster.subsets,
        breakers=cluster.breakers,
        balancer=_plain_balancer(cluster),
        origin=cluster.origin,
    )


def _plain(listener: Listener, model: Model, port: int) -> Listener:
    names = frozenset(host.name for host in model.virtual_hosts if is_served(host, listener))
    return replace(listener, tls=False, port=port, address=_LOOPBACK, virtual_hosts=names)


def _certain_host(host: VirtualHost) -> VirtualHost:
    routes = tuple(map(_certain_route, host.routes))
    headers, policies = lasting_headers(host.headers), certain(host.policies)
    return replace(host, tls=None, policies=policies, headers=headers, routes=routes)


def _certain_route(route: Route) -> Route:
    action = route.action
    if isinstance(action, ForwardAction):
        arms = tuple(
            replace(arm, policies=certain(arm.policies), headers=lasting_headers(arm.headers))
            for arm in action.weighted
        )
        action = replace(action, weighted=arms)
    return replace(route, action=action, policies=certain(route.policies), headers=lasting_headers(route.headers))


def certain(policies: Policies) -> Policies:
    """Return policies without what happens by chance, or depends on when a request comes."""
    if policies.fault is not None and not _is_certain(policies.fault):
        policies = replace(policies, fault=None)
    if policies.csrf is not None and 0 < policies.csrf.enforced_millionths < _ALL:
        policies = replace(policies, csrf=None)
    return replace(policies, local_rate_limit=None, mirror=None, sticky_weights=False, on_empty=None)


def _is_certain(fault: Fault) -> bool:
    return not fault.delay_millionths and fault.abort_millionths in {0, _ALL}


def _left_out(model: Model) -> Iterable[str]:
    """Yield what the copy has not, in words for people."""
    levels = [each for host in model.virtual_hosts for each in _levels(host)]
    changed = [(before, certain(before)) for before in levels]
    for name, text in _NAMES.items():
        if any(getattr(before, name) != getattr(after, name) for before, after in changed):
            yield text
    if any(each != lasting_headers(each) for host in model.virtual_hosts for each in _headers(host)):
        yield "times, durations, ids and ports in the values of headers"
    if any(host.tls is not None for host in model.virtual_hosts):
        yield "TLS handshakes: listeners with TLS are asked without"
    for text, has in _OF_CLUSTERS.items():
        if any(map(has, model.clusters)):
            yield text


_NAMES = {
    "fault": "faults that delay, or come by chance",
    "csrf": "CSRF rules that are enforced by chance",
    "local_rate_limit": "local rate limits",
    "mirror": "shadows",
    "sticky_weights": "splits that stick to a hash",
    "on_empty": "what onEmpty asks for, which Envoy has not",
}

_OF_CLUSTERS: Mapping[str, Callable[[Cluster], bool]] = {
    "TLS towards upstreams: recorders are asked without": lambda each: each.tls is not None,
    "active health checks: every recorder is healthy": lambda each: bool(each.health_checks),
    "HTTP/2 towards upstreams: recorders are asked by HTTP/1.1": lambda each: each.http2,
    "outlier detection": lambda each: each.outlier is not None,
    "connection settings of upstreams": lambda each: each.connection != DEFAULT_CONNECTION,
    "names of hosts: they are not resolved": lambda each: each.type is ClusterType.STRICT_DNS,
    "failover: endpoints of lower priorities": lambda each: any(end.priority for end in each.endpoints),
    "weights of endpoints and localities": lambda each: any(
        (end.weight, end.locality_weight) != (1, 0) for end in each.endpoints
    ),
    "options of balancers: their kinds are kept": lambda each: each.balancer != _plain_balancer(each),
}
"""What `_recorded` takes from a cluster, in words for people, and how one is known that had it."""


def _plain_balancer(cluster: Cluster) -> LoadBalancer:
    """Return a balancer of the same kind, whose options are Envoy's defaults."""
    return replace(DEFAULT_BALANCER, kind=cluster.balancer.kind)


def _levels(host: VirtualHost) -> Iterable[Policies]:
    yield host.policies
    for route in host.routes:
        yield route.policies
        if isinstance(route.action, ForwardAction):
            yield from (arm.policies for arm in route.action.weighted)


def _headers(host: VirtualHost) -> Iterable[HeaderMutations]:
    yield host.headers
    for route in host.routes:
        yield route.headers
        if isinstance(route.action, ForwardAction):
            yield from (arm.headers for arm in route.action.weighted)
