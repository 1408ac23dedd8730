"""What Envoy is told while endpoints are broken: a relay's address in place of each of theirs, and all else as it was.

To Envoy another address is another endpoint. So that the same requests still reach it, it is hashed as the one it stands
for (`hash_key` of the metadata `envoy.lb`, which Envoy's ring hash and Maglev take before the address); and so that the
one it stands for goes at once, a cluster with health checks does not wait for it to fail them.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Final

from edgesim.dialects.envoy import Json, Part, Resources

Place = tuple[str, str]
"""An endpoint in a cluster: the cluster's name, and `address:port`."""
HOST: Final = "127.0.0.1"
_HASHING: Final = frozenset(("RING_HASH", "MAGLEV"))
_PLAIN: Final = "envoy.transport_sockets.raw_buffer"
_MARK: Final = {"relay": "yes"}
_SOCKET: Final = {
    "name": "relay",
    "match": _MARK,
    "transport_socket": {
        "name": _PLAIN,
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"},
    },
}


def detoured(resources: Resources, detours: Mapping[Place, int]) -> Resources:
    """Return resources in which endpoints are reached by way of these ports of the loopback."""
    clusters, endpoints = dict(resources.clusters), dict(resources.endpoints)
    for name in dict.fromkeys(cluster for cluster, _ in detours):
        cluster = clusters[name] = _copy(clusters[name])
        if name in endpoints:
            endpoints[name] = _copy(endpoints[name])
        assignment = endpoints[name] if name in endpoints else cluster["load_assignment"]
        ports = {address: port for (each, address), port in detours.items() if each == name}
        for endpoint in _endpoints(assignment):
            _detour(endpoint, cluster, ports)
        _adapt(cluster)
    return replace(resources, clusters=clusters, endpoints=endpoints)


def _copy(part: Part) -> Part:
    return Part(deepcopy(dict(part)), part.origin)


def _endpoints(assignment: Json) -> list[Json]:
    return [each for locality in assignment["endpoints"] for each in locality["lb_endpoints"]]


def _detour(endpoint: Json, cluster: Json, ports: Mapping[str, int]) -> None:
    at = endpoint["endpoint"]["address"]["socket_address"]
    address = f"{at['address']}:{at['port_value']}"
    if address not in ports:
        return
    if cluster["type"] == "STRICT_DNS":
        endpoint["endpoint"].setdefault("hostname", at["address"])  # what Envoy takes where there is none
    at["address"], at["port_value"] = HOST, ports[address]
    if cluster.get("lb_policy") in _HASHING:
        _metadata(endpoint, "envoy.lb").setdefault("hash_key", address)
    if "transport_socket" in cluster:
        endpoint["metadata"] = endpoint.get("metadata", {"filter_metadata": {}})
        endpoint["metadata"]["filter_metadata"]["envoy.transport_socket_match"] = _MARK


def _metadata(endpoint: Json, name: str) -> Json:
    """Return the metadata of a name, made where there is none."""
    found: Json = endpoint.setdefault("metadata", {}).setdefault("filter_metadata", {}).setdefault(name, {})
    return found


def _adapt(cluster: Json) -> None:
    """Let a cluster reach relays without TLS, which they speak themselves, and let go at once of whom they stand for."""
    if "transport_socket" in cluster:
        cluster["transport_socket_matches"] = [_SOCKET, *cluster.get("transport_socket_matches", ())]
    if cluster.get("health_checks"):
        cluster["ignore_health_on_host_removal"] = True
