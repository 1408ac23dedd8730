"""Endpoints that are listed no more and pass their checks: who of them stays, and that nobody else does."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from edgesim.balancing import Address, address_of
from edgesim.model import (
    Cluster,
    ClusterType,
    Endpoint,
    HealthCheck,
    HttpCheck,
    LoadBalancer,
    Model,
    OriginStep,
    ServiceRef,
    Update,
    endpoints_of,
)
from edgesim.proxy import Supervisor
from edgesim.proxy.leaving import Leaving, leaving, states_of, with_leaving
from edgesim.telemetry.states import Host, State
from tests.proxy.name_server import name_server
from tests.proxy.scenes import GET, Client, Peer, model, to, until, upstream

ONE, TWO, THREE = (Endpoint(f"10.0.0.{number}", 80) for number in (1, 2, 3))
STEP = OriginStep("Upstream", "gloo-system", "pods", "pods.yaml")
CHECK = HealthCheck(1.0, 0.02, 1, 1, HttpCheck("/healthz"), no_traffic_interval=0.02)
WELL = {address_of(each): True for each in (ONE, TWO, THREE)}
PODS = Cluster("pods", ClusterType.EDS, service=ServiceRef("default", "pods", 80), health_checks=(CHECK,))
NAMED = Cluster("pods", ClusterType.STRICT_DNS, (Endpoint("pods.test", 80),), health_checks=(CHECK,))


def update(cluster: Cluster, *listed: Endpoint) -> Update:
    """Return an update with these endpoints."""
    if cluster.type is ClusterType.EDS:
        return Update(1, Model((), (cluster,)), {cluster.name: listed})
    return Update(1, Model((), (replace(cluster, endpoints=listed),)), {})


def stay(
    before: Cluster, now: Cluster, passing: dict[Address, bool] = WELL, listed: tuple[Endpoint, ...] = (ONE,)
) -> Leaving:
    """Return who stays of three endpoints."""
    given = Model((), (now,)), Model((), (before,))
    return leaving(update(now, *listed), update(before, ONE, TWO, THREE), given, {"pods": passing})


@pytest.mark.parametrize("cluster", [PODS, NAMED])
def test_who_passes_stays(cluster: Cluster) -> None:
    """Whatever lists the endpoints; who fails its check, or was never checked, leaves, and so does everybody with time."""
    assert stay(cluster, cluster) == {"pods": (TWO, THREE)}
    assert stay(cluster, cluster, {address_of(TWO): False, address_of(THREE): True}) == {"pods": (THREE,)}
    assert stay(cluster, cluster, {}) == {}
    assert stay(cluster, cluster, listed=(THREE, TWO, ONE)) == {}
    moved = replace(TWO, weight=5)
    assert stay(cluster, cluster, listed=(ONE, moved, THREE)) == {}
    both = with_leaving(update(cluster, ONE), {"pods": (TWO,)})
    assert endpoints_of(both.model.clusters[0], both.assignments) == (ONE, TWO)


@pytest.mark.parametrize(
    "cluster",
    [
        replace(PODS, ignore_health_on_host_removal=True),
        replace(PODS, health_checks=()),
        replace(PODS, type=ClusterType.STATIC, endpoints=(ONE,)),
    ],
    ids=["told so", "unchecked", "static"],
)
def test_whose_endpoints_leave_at_once(cluster: Cluster) -> None:
    """Where it is asked for, where nothing is known of their health, and where another list is another cluster."""
    assert stay(cluster, cluster) == {}


def test_another_cluster_begins_anew() -> None:
    """Only where a cluster is written may change: as in Envoy, any other setting makes another cluster of it."""
    assert stay(PODS, replace(PODS, origin=(STEP,))) == {"pods": (TWO, THREE)}
    assert stay(PODS, replace(PODS, overprovisioning_factor=200)) == {}
    assert stay(NAMED, replace(NAMED, endpoints=(Endpoint("other.test", 80),))) == {}
    assert stay(replace(PODS, name="others"), PODS) == {}


def test_what_is_told_of_who_stays() -> None:
    """It is a flag of the endpoint; it says nothing about its health."""
    told = states_of({"pods": (TWO,)})
    assert told == {("cluster", "pods"): State({}, {"10.0.0.2:80": Host(leaving=True)})}
    assert Host(leaving=True).healthy
    assert Host(leaving=True).plus(Host(connections=1)) == Host(connections=1, leaving=True)


async def test_a_host_that_a_name_lost_is_served_until_a_check_fails() -> None:
    """With a real DNS server: what `ignore_health_on_host_removal` is for; workers and statistics agree."""
    ill = False

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            status = b"503 No" if ill and b"/healthz" in head else b"200 OK"
            peer.send(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status)

    async with name_server() as server, upstream(script) as up:
        named = Cluster(
            "named",
            ClusterType.STRICT_DNS,
            (Endpoint("pods.test", up.port),),
            health_checks=(CHECK,),
            dns_refresh_rate=0.02,
            respect_dns_ttl=True,
            balancer=LoadBalancer(panic_threshold=0.0),
        )
        at_once = replace(named, name="at_once", ignore_health_on_host_removal=True)
        served = model([to("named", "/named"), to("at_once", "/at_once")], [named, at_once])
        supervisor = Supervisor("127.0.0.1", 0, 1, "seed", servers=server.ask)

        async def ask(path: bytes) -> int:
            client = Client(*await asyncio.open_connection("127.0.0.1", supervisor.port))
            try:
                return (await client.ask(GET.replace(b"/", path, 1))).status
            finally:
                client.close()

        server.knows("pods.test", "127.0.0.1", ttl=0)
        await supervisor.start()
        try:
            await supervisor.push(Update(1, served, {}))
            assert (await ask(b"/named"), await ask(b"/at_once")) == (200, 200)
            server.knows("pods.test")
            await until(lambda: not supervisor.latest.model.clusters[1].endpoints, "it stays, although nobody wants it")
            assert (await ask(b"/named"), await ask(b"/at_once")) == (200, 503)
            states = (await supervisor.stats()).states
            assert states["cluster", "named"].hosts[f"127.0.0.1:{up.port}"].leaving
            assert states["cluster", "named"].values["update_success"] > 1
            await supervisor.push(Update(2, served, {}))
            assert await ask(b"/named") == 200
            ill = True
            await until(lambda: not supervisor.latest.model.clusters[0].endpoints, "it stays, although its check fails")
            assert await ask(b"/named") == 503
            assert not any(
                host.leaving for host in (await supervisor.stats()).states["cluster", "named"].hosts.values()
            )
        finally:
            await supervisor.close(0.5)


async def test_a_pod_that_is_listed_no_more_is_served_until_a_check_fails() -> None:
    """Endpoints of a Service are as those of a name."""
    ill = False

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            status = b"503 No" if ill and b"/healthz" in head else b"200 OK"
            peer.send(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status)

    supervisor = Supervisor("127.0.0.1", 0, 0, "seed")
    async with upstream(script) as up:
        try:
            await supervisor.push(Update(1, Model((), (PODS,)), {"pods": (up.endpoint,)}))
            await supervisor.push(Update(2, Model((), (PODS,)), {}))
            assert supervisor.latest.assignments == {"pods": (up.endpoint,)}
            ill = True
            await until(lambda: not supervisor.latest.assignments.get("pods"), "it stays, although its check fails")
        finally:
            await supervisor.close(0.5)
