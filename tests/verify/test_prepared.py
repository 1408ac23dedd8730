"""The copy that both engines serve, and what it says it has not."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from edgesim.model import (
    NO_BREAKERS,
    BalancerKind,
    Cluster,
    ClusterType,
    ConnectionSettings,
    Endpoint,
    HealthCheck,
    LoadBalancer,
    Model,
    OutlierDetection,
    TcpCheck,
    UpstreamTls,
)
from edgesim.verify.prepared import Prepared, places, prepared

END = Endpoint("192.0.2.1", 80)
PLAIN = Cluster("a", ClusterType.STATIC, (END,))
CHECK = HealthCheck(1.0, 1.0, 2, 2, TcpCheck())


def copied(cluster: Cluster) -> Prepared:
    model = Model((), (cluster,))
    recorders = places(model, {})
    return prepared(model, recorders, dict.fromkeys(recorders, 7), {})


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        (replace(PLAIN, tls=UpstreamTls()), "TLS towards upstreams: recorders are asked without"),
        (replace(PLAIN, health_checks=(CHECK,)), "active health checks: every recorder is healthy"),
        (replace(PLAIN, outlier=OutlierDetection()), "outlier detection"),
        (replace(PLAIN, connection=ConnectionSettings(idle_timeout=1)), "connection settings of upstreams"),
        (replace(PLAIN, type=ClusterType.STRICT_DNS), "names of hosts: they are not resolved"),
        (replace(PLAIN, endpoints=(END, replace(END, priority=1))), "failover: endpoints of lower priorities"),
        (replace(PLAIN, endpoints=(END, replace(END, weight=2))), "weights of endpoints and localities"),
        (
            replace(PLAIN, balancer=LoadBalancer(BalancerKind.MAGLEV, panic_threshold=0)),
            "options of balancers: their kinds are kept",
        ),
    ],
)
def test_what_a_cluster_loses_is_told(cluster: Cluster, told: str) -> None:
    """Each part of a cluster that the copy has not is named, and nothing else."""
    assert copied(cluster).left_out == (told,)


def test_what_the_copy_keeps_is_not_told() -> None:
    """Nothing is said of a cluster whose copy differs in its endpoints alone; its balancer and breakers are its own."""
    given = replace(PLAIN, balancer=LoadBalancer(BalancerKind.MAGLEV), breakers=replace(NO_BREAKERS, max_requests=1))
    found = copied(given)
    [kept] = found.model.clusters
    assert found.left_out == ()
    assert [each.name for each in fields(Cluster) if getattr(kept, each.name) != getattr(given, each.name)] == [
        "endpoints"
    ]
