"""Pieces whose form is a choice of ours; real Envoy judges the rest (`test_validate`)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from edgesim.dialects.envoy import Json, bootstrap, inexpressible
from edgesim.dialects.envoy.jwt import inline_keys
from edgesim.model import (
    Certificate,
    Cluster,
    ClusterType,
    Destination,
    DownstreamTls,
    Endpoint,
    ForwardAction,
    Listener,
    LoadBalancer,
    Locality,
    Model,
    OnEmpty,
    PathKind,
    PathMatcher,
    Policies,
    Position,
    Route,
    RouteMatch,
    ServiceRef,
    SubsetConfig,
    SubsetSelector,
    UpstreamTls,
    VirtualHost,
)
from edgesim.model.policies import ClaimHeader, Fault, Jwt, JwtProvider
from edgesim.policies.jwt_keys import parse_keys
from tests.dialects.envoy.scenes import ORIGIN, everything
from tests.policies.signing import jwk, pem

CERTIFICATE = Certificate("chain", "key")
PLAIN, TLS = Listener("plain", 8080), Listener("tls", 8443, tls=True)
FOLLOWED = Cluster("followed", ClusterType.EDS, service=ServiceRef("team", "shop", 80, (("a", "b"),)), origin=ORIGIN)
CLAIM = Jwt((JwtProvider("own", claims_to_headers=(ClaimHeader("stage", "x-stage"),)),))


def cluster(given: Cluster, **more: Any) -> Json:
    written = bootstrap(Model(clusters=(given,), listeners=()), **more)
    found: Json = written["static_resources"]["clusters"][0]
    return found


def listener(*hosts: VirtualHost, on: Listener = PLAIN) -> Json:
    found: Json = bootstrap(Model(hosts, (), (on,)))["static_resources"]["listeners"][0]
    return found


def secure(name: str, *sni: str, key: str = "key") -> VirtualHost:
    return VirtualHost(name, (name,), tls=DownstreamTls(Certificate("chain", key), sni))


def route(**policies: Any) -> Route:
    match = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))
    return Route((match,), ForwardAction(Destination("up")), origin=ORIGIN, policies=Policies(**policies))


def codes(*hosts: VirtualHost, clusters: tuple[Cluster, ...] = ()) -> list[str]:
    found = inexpressible(Model(hosts, clusters, (PLAIN,)), None, lambda step: Position(step.file, 1, 1))
    return [each.code for each in found]


def test_an_upstream_of_a_service_is_its_name_until_pods_are_known() -> None:
    """Without pods an EDS cluster resolves the Service's name; with pods it has their addresses, with none no endpoint."""
    named = cluster(FOLLOWED)
    assert named["type"] == "STRICT_DNS"
    assert "shop.team.svc.cluster.local" in json.dumps(named)
    pods = cluster(FOLLOWED, assignments={"followed": (Endpoint("10.0.0.1", 8080, (("v", "2"),)),)})
    assert pods["type"] == "STATIC"
    assert "10.0.0.1" in json.dumps(pods)
    assert cluster(FOLLOWED, assignments={})["load_assignment"]["endpoints"] == []


def test_endpoints_are_together_by_priority_and_locality() -> None:
    """Each priority and locality is a group of its own, in order, with its locality's weight."""
    here = Locality("eu", "a")
    endpoints = (
        Endpoint("10.0.0.1", 1, priority=1),
        Endpoint("10.0.0.2", 1, locality=here, locality_weight=3),
        Endpoint("10.0.0.3", 1),
    )
    groups = cluster(Cluster("c", ClusterType.STATIC, endpoints))["load_assignment"]["endpoints"]
    assert [(each.get("priority", 0), each.get("locality"), each.get("load_balancing_weight")) for each in groups] == [
        (0, None, None),
        (0, {"region": "eu", "zone": "a"}, 3),
        (1, None, None),
    ]


def test_a_host_name_is_hashed_however_it_was_found() -> None:
    """Where host names are hashed, DNS clusters say so as a whole, and endpoints of others one by one: Envoy wants it so."""
    hashing = LoadBalancer(use_hostname_for_hashing=True)
    endpoint = Endpoint("10.0.0.1", 1, hostname="one.test")
    by_dns = cluster(Cluster("c", ClusterType.STRICT_DNS, (endpoint,), balancer=hashing))
    assert by_dns["common_lb_config"] == {"consistent_hashing_lb_config": {"use_hostname_for_hashing": True}}
    static = cluster(Cluster("c", ClusterType.STATIC, (endpoint,), balancer=hashing))
    assert "common_lb_config" not in static
    assert '"envoy.lb": {"hash_key": "one.test"}' in json.dumps(static)


def test_an_endpoint_has_a_socket_for_its_own_server_name() -> None:
    """Endpoints with server names of their own are matched to sockets that send them; the cluster's is for the others."""
    endpoints = (Endpoint("10.0.0.1", 443, sni="one.test"), Endpoint("10.0.0.2", 443))
    written = cluster(Cluster("c", ClusterType.STATIC, endpoints, tls=UpstreamTls("all.test")))
    (match,) = written["transport_socket_matches"]
    assert match["match"] == {"sni": "one.test"}
    assert match["transport_socket"]["typed_config"]["sni"] == "one.test"
    assert written["transport_socket"]["typed_config"]["sni"] == "all.test"


def test_contexts_that_differ_in_their_names_are_one_chain() -> None:
    """Virtual hosts of one certificate share a filter chain for all their names; another certificate is another chain."""
    written = listener(secure("a", "a.test"), secure("b", "b.test"), secure("c", "c.test", key="other"), on=TLS)
    chains = written["filter_chains"]
    assert [each["filter_chain_match"]["server_names"] for each in chains] == [["a.test", "b.test"], ["c.test"]]
    managers = [each["filters"][-1]["typed_config"] for each in chains]
    assert managers[0]["route_config"] is managers[1]["route_config"]


@pytest.mark.parametrize("names", [(), ("*",)])
def test_a_context_for_any_name_matches_any(names: tuple[str, ...]) -> None:
    """A context without names, or for `*`, serves every server name, and so does what is merged with it."""
    written = listener(secure("a", "a.test"), secure("b", *names), on=TLS)
    assert ["filter_chain_match" in each for each in written["filter_chains"]] == [False]


def test_a_tls_listener_without_virtual_hosts_is_not_opened() -> None:
    """Nothing to serve over TLS is no listener; a plain one is there, and answers 404."""
    written = bootstrap(Model((), (), (PLAIN, TLS)))["static_resources"]
    assert [each["name"] for each in written["listeners"]] == ["plain"]


def test_filters_are_there_where_they_are_used() -> None:
    """A whole configuration has no filter that nothing uses."""
    names = [
        each["name"]
        for each in listener(VirtualHost("a", ("*",), (route(fault=Fault(1, 1.0)),)))["filter_chains"][0]["filters"][0][
            "typed_config"
        ]["http_filters"]
    ]
    assert names == ["envoy.filters.http.fault", "envoy.filters.http.router"]


def test_headers_of_claims_are_taken_early_where_every_host_takes_them() -> None:
    """A client's own header of a claim goes before a route is chosen, unless another virtual host takes it as it is."""
    tokens, other = VirtualHost("a", ("a",), policies=Policies(jwt=CLAIM)), VirtualHost("b", ("b",))
    assert '{"remove": "x-stage"}' in json.dumps(listener(tokens))
    assert codes(tokens) == []
    assert '{"remove": "x-stage"}' not in json.dumps(listener(tokens, other))
    assert codes(tokens, other) == ["ES1305"]


def test_what_cannot_be_said_is_listed_once() -> None:
    """Each thing Envoy would not do is a note on its resource, once however often a table is used."""
    claims = (ClaimHeader("stage", "x-stage", append=True),)
    host = VirtualHost(
        "a",
        ("a",),
        (route(on_empty=OnEmpty.FALLBACK, fault=Fault(1, 1.0)),) * 2,
        origin=ORIGIN,
        policies=Policies(jwt=Jwt((JwtProvider("own", claims_to_headers=claims),))),
    )
    assert codes(host, clusters=(FOLLOWED,)) == ["ES1301", "ES1302", "ES1303", "ES1304"]
    assert codes(VirtualHost("a", ("a",), (route(on_empty=OnEmpty.FAIL),))) == []


def test_subsets_of_a_service_are_told_of_once() -> None:
    """Upstreams of one Service that have subsets share a note, on the first of them; another Service has its own."""
    subsets = SubsetConfig((SubsetSelector(("version",)),))
    clusters = [
        Cluster(name, ClusterType.EDS, service=ServiceRef("default", service, 80), subsets=subsets, origin=ORIGIN)
        for name, service in (("a", "echo"), ("b", "other"), ("c", "echo"))
    ]
    found = inexpressible(Model((), tuple(clusters), (PLAIN,)), None, lambda step: Position(step.file, 1, 1))
    assert [(each.code, each.message.partition(" does not")[0]) for each in found] == [
        ("ES1300", "a, c: echo.default.svc.cluster.local"),
        ("ES1300", "b: other.default.svc.cluster.local"),
    ]


def test_pods_leave_nothing_to_be_said_of_services() -> None:
    """With the pods of an EDS cluster its subsets and selector are expressed."""
    found = inexpressible(everything(), {}, lambda step: Position(step.file, 1, 1))
    assert {each.code for each in found} & {"ES1300", "ES1301"} == set()


def test_a_note_names_its_resource() -> None:
    """A note stands at the resource and field that ask for what cannot be done."""
    host = VirtualHost("a", ("a",), (route(on_empty=OnEmpty.REDISTRIBUTE),))
    (found,) = inexpressible(Model((host,), (), (PLAIN,)), None, lambda step: Position(step.file, 7, 3))
    assert found.resource == ORIGIN[-1].resource
    assert (found.field, str(found.position)) == ("spec.virtualHost.routes[0]", "vs.yaml:7:3")


@pytest.mark.parametrize("kid", ["r", "e", "d"])
def test_keys_of_every_form_become_a_jwks(kid: str) -> None:
    """A single JWK and a public key in PEM are written as the JWKS that Envoy wants, and are the same key."""
    single, text_of_key = json.dumps(jwk(kid)), pem(kid)
    for text in (single, text_of_key):
        (key,) = parse_keys(inline_keys(text))
        assert "keys" in json.loads(inline_keys(text))
        assert key.serves == parse_keys(text)[0].serves


def test_a_long_answer_may_be_as_long() -> None:
    """A body longer than Envoy's 4096 bytes is allowed for where it is configured."""
    written = bootstrap(everything())
    assert '"max_direct_response_body_size_bytes": 6000' in json.dumps(written)


def test_addresses_of_gloo_take_ipv4_too() -> None:
    """A listener on `::` is reached by IPv4 as well, as Gloo's are; one on an address is there only."""
    assert listener()["address"]["socket_address"]["ipv4_compat"] is True
    other = listener(on=replace(PLAIN, address="10.0.0.1"))
    assert "ipv4_compat" not in other["address"]["socket_address"]
