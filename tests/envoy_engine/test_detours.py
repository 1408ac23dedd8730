"""What Envoy is told while endpoints are broken."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects.envoy import Resources, snapshot
from edgesim.envoy.detours import HOST, detoured
from edgesim.envoy.relays import ways
from edgesim.model import (
    BalancerKind,
    Cluster,
    ClusterType,
    Endpoint,
    HealthCheck,
    LoadBalancer,
    Locality,
    Model,
    TcpCheck,
    Update,
    UpstreamTls,
)
from edgesim.policies.breakage import Breakage

HANG = Breakage(hang=True)
CHECK = HealthCheck(1.0, 1.0, 1, 1, TcpCheck())
ENDS = tuple(
    Endpoint(f"10.0.0.{number}", 80, (("version", "v1"),), number, priority=number % 2, locality=Locality(zone="z"))
    for number in range(1, 5)
)


def made(cluster: Cluster) -> Resources:
    """Return the resources of one cluster."""
    model = Model(clusters=(cluster,))
    return snapshot(model, {cluster.name: ENDS}, lambda kind, name: {"of": f"{kind}/{name}"})


def hosts(found: Resources) -> list[dict[str, Any]]:
    """Return the endpoints of the cluster, in order."""
    [cluster] = found.clusters.values()
    assignment = next(iter(found.endpoints.values()), None) or cluster["load_assignment"]
    return [each for locality in assignment["endpoints"] for each in locality["lb_endpoints"]]


def addresses(found: Resources) -> list[tuple[str, int]]:
    """Return where the endpoints are, sorted."""
    places = [each["endpoint"]["address"]["socket_address"] for each in hosts(found)]
    return sorted((each["address"], each["port_value"]) for each in places)


@given(st.sets(st.sampled_from(ENDS)), st.sampled_from([ClusterType.EDS, ClusterType.STATIC]))
def test_addresses_alone_change(gone: set[Endpoint], kind: ClusterType) -> None:
    """Of those that have a relay the address is another, and nothing else changes; what was given stays as it was."""
    cluster = Cluster("c", kind, () if kind is ClusterType.EDS else ENDS)
    before = made(cluster)
    kept = deepcopy(before)
    after = detoured(before, {("c", f"{each.address}:80"): 9000 + each.weight for each in gone})
    assert before == kept
    assert addresses(after) == sorted(
        (HOST, 9000 + each.weight) if each in gone else (each.address, 80) for each in ENDS
    )
    for old, new in zip(hosts(kept), hosts(after), strict=True):
        assert {**old, "endpoint": 0} == {**new, "endpoint": 0}
    for resources in (kept, after):
        for each in hosts(resources):
            each["endpoint"] = 0
    assert after == kept


@pytest.mark.parametrize("kind", [BalancerKind.RING_HASH, BalancerKind.MAGLEV])
def test_hashes_stay(kind: BalancerKind) -> None:
    """A relay is hashed as what it stands for: by its address, or by what the cluster says."""
    cluster = replace(Cluster("c", ClusterType.EDS), balancer=LoadBalancer(kind))
    [found] = [each for each in hosts(detoured(made(cluster), {("c", "10.0.0.1:80"): 1})) if _at(each) == HOST]
    assert found["metadata"]["filter_metadata"]["envoy.lb"] == {"version": "v1", "hash_key": "10.0.0.1:80"}
    named = replace(
        Cluster("c", ClusterType.STATIC, (Endpoint("10.0.0.1", 80, hostname="a.example"),)),
        balancer=LoadBalancer(kind, use_hostname_for_hashing=True),
    )
    [found] = hosts(detoured(made(named), {("c", "10.0.0.1:80"): 1}))
    assert found["metadata"]["filter_metadata"]["envoy.lb"] == {"hash_key": "a.example"}


def test_relays_are_reached_without_tls() -> None:
    """In a cluster with TLS relays have a socket of their own, and others theirs."""
    cluster = Cluster("c", ClusterType.STATIC, (replace(ENDS[0], sni="a"), ENDS[1]), tls=UpstreamTls())
    after = detoured(made(cluster), {("c", "10.0.0.1:80"): 1})
    names = [each["name"] for each in after.clusters["c"]["transport_socket_matches"]]
    assert names == ["relay", "a"]
    marked = {_at(each): each.get("metadata", {}).get("filter_metadata", {}) for each in hosts(after)}
    assert marked[HOST]["envoy.transport_socket_match"] == {"relay": "yes"}
    assert "envoy.transport_socket_match" not in marked["10.0.0.2"]


def test_names_and_checks() -> None:
    """The host name of one that is found by DNS stays; a cluster with checks lets go at once of whom relays stand for."""
    cluster = Cluster("c", ClusterType.STRICT_DNS, (Endpoint("a.example", 80),), health_checks=(CHECK,))
    before = made(cluster)
    after = detoured(before, {("c", "a.example:80"): 1})
    assert hosts(after)[0]["endpoint"]["hostname"] == "a.example"
    assert after.clusters["c"]["ignore_health_on_host_removal"] is True
    assert "ignore_health_on_host_removal" not in before.clusters["c"]


def test_whoever_is_broken_has_a_way() -> None:
    """A cluster's name stands for its endpoints, an address for itself in each cluster; another's are none."""
    served = Model(clusters=tuple(Cluster(name, ClusterType.EDS) for name in ("a", "b")))
    update = Update(1, served, {"a": ENDS[:2], "b": ENDS[1:3]})
    assert not ways(update, {})
    assert ways(update, {"a": HANG}).keys() == {("a", "10.0.0.1:80"), ("a", "10.0.0.2:80")}
    assert ways(update, {"10.0.0.2:80": HANG}).keys() == {("a", "10.0.0.2:80"), ("b", "10.0.0.2:80")}
    assert not ways(update, {"c": HANG, "10.0.0.9:80": HANG})


def _at(host: dict[str, Any]) -> str:
    return str(host["endpoint"]["address"]["socket_address"]["address"])
