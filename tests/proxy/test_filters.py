"""Filters as the routes of a running worker share them."""

from __future__ import annotations

from dataclasses import replace

from edgesim.model import Model, Policies, VirtualHost
from edgesim.model.policies import Fault, LocalRateLimit
from tests.proxy.scenes import Client, cluster, direct, gateway, model, to, upstream

THREE = Policies(local_rate_limit=LocalRateLimit(3, 1, 3600.0))
ONE = Policies(local_rate_limit=LocalRateLimit(1, 1, 3600.0))


async def test_routes_of_a_virtual_host_share_its_bucket() -> None:
    """Two routes take tokens from the bucket of their virtual host; a route's own bucket and other hosts are apart."""
    routes = (direct("/a"), direct("/b"), replace(direct("/own"), policies=ONE))
    hosts = tuple(VirtualHost(name, (name,), routes, policies=THREE) for name in ("one", "two"))
    async with gateway(Model(hosts)) as gw:
        client = await gw.client()
        assert await statuses(client, "one", "/a", "/b", "/a", "/b", "/a") == [200, 200, 200, 429, 429]
        assert await statuses(client, "one", "/own", "/own") == [200, 429]
        assert await statuses(client, "two", "/b", "/own", "/a", "/b", "/a", "/own") == [200, 200, 200, 200, 429, 429]


async def statuses(client: Client, host: str, *paths: str) -> list[int]:
    """Ask for each path and return the statuses."""
    asked = (f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode() for path in paths)
    return [(await client.ask(request)).status for request in asked]


async def test_a_delay_is_not_the_upstreams_time() -> None:
    """The route's timeout begins when the request is forwarded, behind the delay of a fault."""
    delayed = Policies(fault=Fault(delay_millionths=1_000_000, delay=1.2))
    async with upstream() as up:
        route = replace(to(timeout=1.0), policies=delayed)
        async with gateway(model([route], [cluster(up.endpoint)])) as gw:
            assert (await (await gw.client()).ask()).status == 200


async def test_requests_ask_for_faults_where_their_route_lets_them() -> None:
    """A route that says nothing of it forwards the same request; a route's own fault goes first."""
    asked = b"x-envoy-fault-abort-request: 418\r\n"
    every = Fault(abort_millionths=1_000_000, abort_status=500)
    said = {
        "/": Policies(),
        "/by": Policies(faults_by_header=True),
        "/own": Policies(fault=every, faults_by_header=True),
    }
    async with upstream() as up:
        routes = [replace(to(path=path), policies=policies) for path, policies in said.items()]
        async with gateway(model(routes[::-1], [cluster(up.endpoint)])) as gw:
            client = await gw.client()
            requests = [f"GET {path} HTTP/1.1\r\nhost: any\r\n".encode() + asked + b"\r\n" for path in said]
            assert [(await client.ask(request)).status for request in requests] == [200, 418, 500]
