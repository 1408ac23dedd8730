"""`onEmpty`: what becomes of requests whose arm or subset has nobody."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from edgesim.model import (
    Destination,
    Endpoint,
    FallbackPolicy,
    ForwardAction,
    HealthCheck,
    LoadBalancer,
    Model,
    Policies,
    Route,
    SubsetConfig,
    SubsetSelector,
    TcpCheck,
    WeightedCluster,
)
from edgesim.model.policies import HashKind, HashPolicy, OnEmpty
from tests.proxy.scenes import Client, cluster, gateway, model, prefix, upstream

CHECKED = (HealthCheck(1.0, 1.0, 1, 1, TcpCheck()),)
NO_PANIC = LoadBalancer(panic_threshold=0.0)
SUBSETS = SubsetConfig((SubsetSelector(("version",)),), FallbackPolicy.NO_FALLBACK)


def naming(name: str) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" + name.encode()


def split(ports: dict[str, int], policies: Policies) -> Model:
    """Three arms, of weights 5, 1 and 4; the endpoints of `a` are checked, and so none is healthy yet."""
    arms = tuple(WeightedCluster(Destination(name), weight) for name, weight in zip("abc", (5, 1, 4), strict=True))
    clusters = [cluster(Endpoint("127.0.0.1", port), name=name, balancer=NO_PANIC) for name, port in ports.items()]
    clusters[0] = replace(clusters[0], health_checks=CHECKED)
    return model([Route((prefix(),), ForwardAction(weighted=arms), policies=policies)], clusters)


async def drawn(client: Client, count: int, **headers: str) -> Counter[str]:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET / HTTP/1.1\r\nhost: any\r\n{lines}\r\n".encode()
    replies = [await client.ask(request) for _ in range(count)]
    return Counter(reply.body.decode() if reply.status == 200 else str(reply.status) for reply in replies)


async def test_the_share_of_an_empty_arm() -> None:
    """By default it is 503, as in Envoy; with `redistribute` the others have it by their weights; healthy again, it is back."""
    async with upstream(naming("a")) as a, upstream(naming("b")) as b, upstream(naming("c")) as c:
        ports = {"a": a.port, "b": b.port, "c": c.port}
        async with gateway(split(ports, Policies())) as gw:
            client = await gw.client()
            assert (await drawn(client, 100))["503"] > 30
            gw.serve(split(ports, Policies(on_empty=OnEmpty.REDISTRIBUTE)))
            found = await drawn(client, 300)
            assert found.keys() == {"b", "c"}
            assert 30 <= found["b"] <= 95  # a fifth
            gw.worker.compiler.take_health("a", {("127.0.0.1", a.port): True})
            assert (await drawn(client, 100))["a"] > 30


async def test_sticky_users_stay_where_they_are() -> None:
    """Who has an arm with endpoints keeps it, whoever has the empty one comes to the same other arm every time."""
    sticky = Policies(
        on_empty=OnEmpty.REDISTRIBUTE, sticky_weights=True, hash_policies=(HashPolicy(HashKind.HEADER, "x-user"),)
    )
    async with upstream(naming("a")) as a, upstream(naming("b")) as b, upstream(naming("c")) as c:
        ports = {"a": a.port, "b": b.port, "c": c.port}
        async with gateway(split(ports, sticky)) as gw:
            client = await gw.client()

            async def arms() -> list[str]:
                found = [await drawn(client, 1, **{"x-user": str(user)}) for user in range(60)]
                return [next(iter(each)) for each in found]

            without = await arms()
            assert set(without) == {"b", "c"}
            assert await arms() == without
            gw.worker.compiler.take_health("a", {("127.0.0.1", a.port): True})
            whole = await arms()
            assert "a" in whole
            assert all(now in ("a", before) for now, before in zip(whole, without, strict=True))


async def test_where_nobody_is_healthy_the_first_choice_stands() -> None:
    """There is nobody to redistribute to: 503."""
    async with upstream(naming("a")) as a:
        served = split({"a": a.port, "b": a.port, "c": a.port}, Policies(on_empty=OnEmpty.REDISTRIBUTE))
        served = replace(served, clusters=tuple(replace(each, health_checks=CHECKED) for each in served.clusters))
        async with gateway(served) as gw:
            assert (await drawn(await gw.client(), 10)) == {"503": 10}


@pytest.mark.parametrize(("on_empty", "expected"), [(None, "503"), (OnEmpty.FAIL, "503"), (OnEmpty.FALLBACK, "b")])
async def test_a_subset_without_endpoints_falls_back_to_its_cluster(on_empty: OnEmpty | None, expected: str) -> None:
    """With `fallback` any endpoint of the cluster serves, whatever the cluster's own fallback says."""
    async with upstream(naming("b")) as b:
        one = cluster(replace(b.endpoint, metadata=(("version", "v1"),)), subsets=SUBSETS)
        to_v2 = Route(
            (prefix(),), ForwardAction(Destination("echo", (("version", "v2"),))), policies=Policies(on_empty=on_empty)
        )
        async with gateway(model([to_v2], [one])) as gw:
            assert await drawn(await gw.client(), 3) == {expected: 3}
