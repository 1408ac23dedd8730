"""How an Upstream wants its endpoints picked, and what comes after them."""

from __future__ import annotations

import pytest

from edgesim.model import (
    BalancerKind,
    CircuitBreakers,
    Cluster,
    ClusterType,
    ConnectionSettings,
    Endpoint,
    LoadBalancer,
    Locality,
    SlowStart,
    TcpKeepalive,
)
from edgesim.model.policies import OnEmpty
from tests.dialects.scenes import SERVICE, TO_ECHO, UPSTREAM, Outcome, route, run, upstream

NAMED = UPSTREAM.replace("127.0.0.1", "echo.example")


def cluster(more: str, text: str = UPSTREAM) -> Cluster:
    outcome = run(f"{text}  {more}\n")
    assert outcome.problems == []
    return outcome.clusters[0]


def balanced(text: str) -> Outcome:
    return run(f"{UPSTREAM}  loadBalancerConfig: {{{text}}}\n")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", LoadBalancer()),
        ("roundRobin: {}", LoadBalancer()),
        ("leastRequest: {}", LoadBalancer(BalancerKind.LEAST_REQUEST)),
        ("leastRequest: {choiceCount: 5}", LoadBalancer(BalancerKind.LEAST_REQUEST, choice_count=5)),
        ("random: {}", LoadBalancer(BalancerKind.RANDOM)),
        ("ringHash: {}", LoadBalancer(BalancerKind.RING_HASH)),
        (
            "ringHash: {ringHashConfig: {minimumRingSize: 5, maximumRingSize: 9}}",
            LoadBalancer(BalancerKind.RING_HASH, minimum_ring_size=5, maximum_ring_size=9),
        ),
        ("maglev: {}", LoadBalancer(BalancerKind.MAGLEV)),
        ("healthyPanicThreshold: 0", LoadBalancer(panic_threshold=0.0)),
        ("closeConnectionsOnHostSetChange: true", LoadBalancer(close_connections_on_host_set_change=True)),
        ("localityWeightedLbConfig: {}", LoadBalancer(locality_weighted=True)),
        ("roundRobin: {slowStartConfig: {slowStartWindow: 30s}}", LoadBalancer(slow_start=SlowStart(30.0))),
        ("roundRobin: {slowStartConfig: {slowStartWindow: 0s, aggression: 2}}", LoadBalancer()),
        (
            "leastRequest: {slowStartConfig: {slowStartWindow: 1m, aggression: 2, minWeightPercent: 5}}",
            LoadBalancer(BalancerKind.LEAST_REQUEST, slow_start=SlowStart(60.0, 2.0, 5.0)),
        ),
    ],
)
def test_balancers_are_read(text: str, wanted: LoadBalancer) -> None:
    """Every kind with its settings; without one it is a round robin."""
    outcome = balanced(text)
    assert outcome.problems == []
    assert outcome.clusters[0].balancer == wanted


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("leastRequest: {choiceCount: 1}", "ES0317"),
        ("ringHash: {ringHashConfig: {minimumRingSize: 8388609}}", "ES0317"),
        ("ringHash: {ringHashConfig: {maximumRingSize: -1}}", "ES0317"),
        ("ringHash: {ringHashConfig: {minimumRingSize: 10, maximumRingSize: 9}}", "ES0317"),
        ("healthyPanicThreshold: 100.5", "ES0317"),
        ("healthyPanicThreshold: -1", "ES0317"),
        ("healthyPanicThreshold: .nan", "ES0104"),
        ("roundRobin: {slowStartConfig: {slowStartWindow: 1s, minWeightPercent: 101}}", "ES0317"),
        ("roundRobin: {slowStartConfig: {slowStartWindow: -1s}}", "ES0319"),
        ("maglev: {}, useHostnameForHashing: true", "ES0323"),
        ("random: {}, maglev: {}", "ES0108"),
        ("random: {seed: 1}", "ES0103"),
    ],
)
def test_balancers_envoy_refuses(text: str, code: str) -> None:
    """An impossible balancer leaves the upstream without a cluster."""
    outcome = balanced(text)
    assert outcome.codes == [code]
    assert outcome.clusters == ()


@pytest.mark.parametrize("aggression", ["0", "-1", "-0.5"])
def test_an_impossible_aggression_is_noted(aggression: str) -> None:
    """Envoy takes 1 instead, and so does edgesim."""
    outcome = balanced(f"roundRobin: {{slowStartConfig: {{slowStartWindow: 1s, aggression: {aggression}}}}}")
    assert outcome.codes == ["ES0604"]
    assert outcome.clusters[0].balancer.slow_start == SlowStart(1.0)


@pytest.mark.parametrize(
    ("config", "owner"), [("{}", "roundRobin"), ("{aggression: 2, minWeightPercent: 5}", "leastRequest")]
)
def test_a_slow_start_without_a_window_is_noted(config: str, owner: str) -> None:
    """Envoy takes it and does nothing: the note says what is missing, and the cluster stays."""
    outcome = balanced(f"{owner}: {{slowStartConfig: {config}}}")
    assert outcome.codes == ["ES0604"]
    assert outcome.only().field == f"spec.loadBalancerConfig.{owner}.slowStartConfig"
    assert "slowStartWindow" in outcome.only().hint
    assert outcome.clusters[0].balancer.slow_start is None


def test_names_can_be_hashed() -> None:
    """Only where there are some: Envoy refuses it elsewhere, whatever the balancer."""
    assert cluster("loadBalancerConfig: {useHostnameForHashing: true}", NAMED).balancer.use_hostname_for_hashing
    kube = "kube: {serviceName: echo, serviceNamespace: default, servicePort: 80}\n"
    problem = run(upstream(kube + "loadBalancerConfig: {useHostnameForHashing: true}\n"), SERVICE).only()
    assert problem.message.endswith("'envoy.cluster.eds'")


FAILOVER = (
    "failover: {policy: {overprovisioningFactor: 120}, prioritizedLocalities: ["
    "{localityEndpoints: [{locality: {region: eu, zone: a, subZone: x}, loadBalancingWeight: 2, "
    "lbEndpoints: [{address: 10.0.0.1, port: 80, loadBalancingWeight: 3}]}, {lbEndpoints: [{address: 10.0.0.2, port: 81}]}]},"
    "{localityEndpoints: [{lbEndpoints: [{address: 10.0.0.3, port: 80}]}]}]}"
)
AFTER = (
    Endpoint("10.0.0.1", 80, (), 3, "10.0.0.1", priority=1, locality=Locality("eu", "a", "x"), locality_weight=2),
    Endpoint("10.0.0.2", 81, hostname="10.0.0.2", priority=1),
    Endpoint("10.0.0.3", 80, hostname="10.0.0.3", priority=2),
)


def test_failover_adds_priorities() -> None:
    """The upstream's own endpoints stay first; a kube upstream's come as an assignment."""
    found = cluster(FAILOVER)
    assert found.endpoints == (Endpoint("127.0.0.1", 5678, hostname="127.0.0.1"), *AFTER)
    assert (found.type, found.overprovisioning_factor) == (ClusterType.STATIC, 120)
    kube = upstream("kube: {serviceName: echo, serviceNamespace: default, servicePort: 80}\n" + FAILOVER + "\n")
    (found,) = run(kube, SERVICE).clusters
    assert (found.type, found.endpoints) == (ClusterType.EDS, AFTER)


def test_a_name_to_fail_over_to_makes_the_cluster_dns() -> None:
    """All endpoints of a static upstream are of one type."""
    assert cluster(FAILOVER.replace("10.0.0.3", "b.example")).type is ClusterType.STRICT_DNS


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("10.0.0.1", "''", "ES0302"),
        ("port: 81", "port: 0", "ES0303"),
        ("port: 81", "port: 65536", "ES0303"),
        ("loadBalancingWeight: 3", "loadBalancingWeight: 0", "ES0309"),
        ("loadBalancingWeight: 2", "loadBalancingWeight: 0", "ES0309"),
        ("Factor: 120", "Factor: 0", "ES0320"),
    ],
)
def test_failover_envoy_refuses(old: str, new: str, code: str) -> None:
    """Its endpoints are held to the rules of the upstream's own."""
    outcome = run(f"{UPSTREAM}  {FAILOVER.replace(old, new)}\n")
    assert outcome.codes == [code]
    assert outcome.clusters == ()


def test_connections_are_read() -> None:
    """Limits, keep-alive, idle time and circuit breakers; keep-alive is in whole seconds."""
    found = cluster(
        "connectionConfig: {connectTimeout: 1s, maxRequestsPerConnection: 7, tcpKeepalive: {keepaliveProbes: 3, "
        "keepaliveTime: 60500ms, keepaliveInterval: 5s}, commonHttpProtocolOptions: {idleTimeout: 0s}, "
        "perConnectionBufferLimitBytes: 32768}"
    )
    assert found.connection == ConnectionSettings(1.0, 7, TcpKeepalive(3, 60, 5), 0.0, 32768)
    assert cluster("connectionConfig: {tcpKeepalive: {}, commonHttpProtocolOptions: {}}").connection == (
        ConnectionSettings(tcp_keepalive=TcpKeepalive())
    )
    limits = "circuitBreakers: {maxConnections: 1, maxPendingRequests: 2, maxRequests: 0, maxRetries: 4}"
    assert cluster(limits).breakers == CircuitBreakers(1, 2, 0, 4)


def test_breakers_of_settings_hold_for_kube_destinations_too() -> None:
    """A Service that a route names is an upstream as well, and has no breakers of its own."""
    settings = (
        "apiVersion: gloo.solo.io/v1\nkind: Settings\nmetadata: {name: default, namespace: gloo-system}\n"
        "spec: {gloo: {circuitBreakers: {maxConnections: 9}}}\n"
    )
    to = "routeAction: {single: {kube: {ref: {name: echo, namespace: default}, port: 80}}}\n"
    (found,) = run(settings, SERVICE, route("matchers: [{prefix: /}]\n" + to)).clusters
    assert found.breakers == CircuitBreakers(max_connections=9)


@pytest.mark.parametrize(
    "text",
    [
        "connectionConfig: {commonHttpProtocolOptions: {idleTimeout: -1s}}",
        "connectionConfig: {tcpKeepalive: {keepaliveTime: -1s}}",
        "connectionConfig: {tcpKeepalive: {keepaliveInterval: -1s}}",
    ],
)
def test_negative_times_are_refused(text: str) -> None:
    """No time of a connection is below 0."""
    assert run(f"{UPSTREAM}  {text}\n").codes == ["ES0319"]


def test_names_are_resolved_as_asked_for() -> None:
    """By default every five seconds; the ttl of the answer counts where it is asked for."""
    found = cluster("respectDnsTtl: true", NAMED)
    assert (found.dns_refresh_rate, found.respect_dns_ttl, found.ignore_health_on_host_removal) == (5.0, True, False)
    assert cluster("dnsRefreshRate: 1ms1us", NAMED).dns_refresh_rate == pytest.approx(0.001001)
    assert cluster("ignoreHealthOnHostRemoval: true").ignore_health_on_host_removal


@pytest.mark.parametrize("rate", ["0s", "999us", "-5s"])
def test_too_short_a_refresh_rate_is_ignored(rate: str) -> None:
    """With a warning; the cluster stays, and resolves as if nothing were said."""
    outcome = run(f"{NAMED}  dnsRefreshRate: {rate}\n")
    assert outcome.codes == ["ES0321"]
    assert outcome.clusters[0].dns_refresh_rate == 5.0


@pytest.mark.parametrize("rate", ["1ms", "1000us", "0.001s"])
def test_envoys_own_limit_of_a_refresh_rate_is_an_error(rate: str) -> None:
    """Gloo passes a millisecond on, and Envoy refuses it: the upstream has no cluster."""
    outcome = run(f"{NAMED}  dnsRefreshRate: {rate}\n")
    assert outcome.codes == ["ES0326"]
    assert outcome.clusters == ()


def test_only_names_are_resolved_again() -> None:
    """A refresh rate of addresses is an error that names the type."""
    outcome = run(f"{UPSTREAM}  dnsRefreshRate: 5s\n")
    assert outcome.codes == ["ES0322"]
    assert outcome.only().message.endswith("found STATIC")


SPLIT = (
    "routeAction: {multi: {destinations: [{destination: {upstream: {name: echo}}, weight: 1}, "
    "{destination: {upstream: {name: echo}}, weight: 1}]}}\n"
)


def on_empty(value: str, action: str = SPLIT) -> Outcome:
    text = f"matchers: [{{prefix: /}}]\noptions: {{envoyMetadata: {{edgesim.io: {{onEmpty: {value}}}}}}}\n{action}"
    return run(route(text), UPSTREAM)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("fail", OnEmpty.FAIL), ("redistribute", OnEmpty.REDISTRIBUTE), ("fallback", OnEmpty.FALLBACK), ("null", None)],
)
def test_what_happens_where_nobody_answers_is_asked_for_in_metadata(value: str, wanted: OnEmpty | None) -> None:
    """One of three words; null says nothing."""
    outcome = on_empty(value)
    assert outcome.problems == []
    assert outcome.routes[0].policies.on_empty is wanted


@pytest.mark.parametrize(("value", "hint"), [("falback", "did you mean `fallback`?"), ("[fail]", ""), ("true", "")])
def test_other_words_are_refused(value: str, hint: str) -> None:
    """A misspelt one is guessed."""
    problem = on_empty(value).only()
    assert (problem.code, problem.hint) == ("ES0104", hint)


@pytest.mark.parametrize(
    ("value", "action"),
    [("redistribute", TO_ECHO), ("fallback", "directResponseAction: {status: 200}\n")],
)
def test_where_it_does_nothing_is_noted(value: str, action: str) -> None:
    """There are no other arms on a route that splits nothing, and no endpoints where nothing is forwarded."""
    assert on_empty(value, action).codes == ["ES0604"]
