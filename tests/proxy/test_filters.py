"""Filters as the routes of a running worker share them."""

from __future__ import annotations

from dataclasses import replace

from edgesim.model import Model, Policies, VirtualHost
from edgesim.model.policies import LocalRateLimit
from tests.proxy.scenes import Client, direct, gateway

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
