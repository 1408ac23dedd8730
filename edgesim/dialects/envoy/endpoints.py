"""Endpoints as Envoy's ClusterLoadAssignment: by priority, then by locality."""

from __future__ import annotations

from collections.abc import Iterable

from edgesim.dialects.envoy.form import Json, Part, address, used
from edgesim.model import Cluster, Endpoint, Locality

_DEFAULT_FACTOR = 140
SERVER_NAME = "sni"
"""The key in an endpoint's metadata by which the socket with its server name is found."""


def load_assignment(cluster: Cluster, endpoints: Iterable[Endpoint]) -> Part:
    """Return a ClusterLoadAssignment."""
    groups: dict[tuple[int, Locality], list[Endpoint]] = {}
    for endpoint in endpoints:
        groups.setdefault((endpoint.priority, endpoint.locality), []).append(endpoint)
    return Part(
        {
            "cluster_name": cluster.name,
            "endpoints": [_locality(cluster, *key, group) for key, group in sorted(groups.items(), key=_order)],
            **used(policy=_policy(cluster)),
        },
        cluster.origin,
    )


def _order(group: tuple[tuple[int, Locality], list[Endpoint]]) -> tuple[int, str, str, str]:
    priority, locality = group[0]
    return priority, locality.region, locality.zone, locality.sub_zone


def _policy(cluster: Cluster) -> Json:
    factor = cluster.overprovisioning_factor
    return {} if factor == _DEFAULT_FACTOR else {"overprovisioning_factor": factor}


def _locality(cluster: Cluster, priority: int, locality: Locality, group: list[Endpoint]) -> Json:
    place = used(region=locality.region, zone=locality.zone, sub_zone=locality.sub_zone)
    weight = max(each.locality_weight for each in group)
    return {
        **used(locality=place, priority=priority, load_balancing_weight=weight),
        "lb_endpoints": [_endpoint(each, cluster) for each in group],
    }


def _endpoint(endpoint: Endpoint, cluster: Cluster) -> Json:
    server_name = endpoint.sni if cluster.tls is not None else ""
    hashed = endpoint.hostname if cluster.balancer.use_hostname_for_hashing else ""
    metadata = used(
        **{
            "envoy.lb": {**dict(endpoint.metadata), **used(hash_key=hashed)},
            "envoy.transport_socket_match": used(**{SERVER_NAME: server_name}),
        }
    )
    return {
        "endpoint": {"address": address(endpoint.address, endpoint.port), **used(hostname=endpoint.hostname)},
        **({} if endpoint.weight == 1 else {"load_balancing_weight": endpoint.weight}),
        **({"metadata": {"filter_metadata": metadata}} if metadata else {}),
    }
