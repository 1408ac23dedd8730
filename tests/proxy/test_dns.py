"""Names of clusters: looked up before they are served, and again and again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from edgesim.model import Cluster, ClusterType, Endpoint, Model
from edgesim.proxy.dns import Names, look_up
from tests.proxy.scenes import cluster, until


class Server:
    """A resolver whose answers a test changes."""

    def __init__(self, **known: tuple[str, ...]) -> None:
        self.known = known
        self.asked: list[str] = []
        self.changes = 0

    async def look_up(self, name: str) -> tuple[str, ...]:
        self.asked.append(name)
        if name not in self.known:
            raise OSError
        return self.known[name]

    async def changed(self) -> None:
        self.changes += 1


def named(*names: str, rate: float = 0.01) -> Model:
    endpoints = tuple(Endpoint(name, 80) for name in names)
    return Model(
        (), (cluster(name="fixed"), Cluster("named", ClusterType.STRICT_DNS, endpoints, dns_refresh_rate=rate))
    )


def addresses(model: Model) -> list[tuple[str, str]]:
    return [(endpoint.address, endpoint.hostname) for endpoint in model.clusters[1].endpoints]


async def test_each_address_of_a_name_is_an_endpoint() -> None:
    """They keep the name as host name; a name that is not known gives none."""
    server = Server(a=("10.0.0.1", "10.0.0.2"), b=("10.0.0.3",))
    names = Names(server.changed, server.look_up)
    model = named("a", "unknown", "b", rate=300)
    assert addresses(await names.resolved(model)) == [("10.0.0.1", "a"), ("10.0.0.2", "a"), ("10.0.0.3", "b")]
    names.close()


async def test_other_addresses_are_told_and_failures_keep_the_old_ones() -> None:
    """A name is looked up at its rate; where that fails, or nothing changed, nobody is told."""
    server = Server(a=("10.0.0.1",))
    names = Names(server.changed, server.look_up)
    model = named("a")
    first = await names.resolved(model)
    await until(lambda: len(server.asked) > 3, "it is looked up once only")
    assert server.changes == 0
    assert names.applied(model).clusters[1] is first.clusters[1]
    server.known["a"] = ("10.0.0.9",)
    await until(lambda: server.changes == 1, "nobody is told")
    assert addresses(names.applied(model)) == [("10.0.0.9", "a")]
    del server.known["a"]
    asked = len(server.asked)
    await until(lambda: len(server.asked) > asked + 2, "it is not looked up any more")
    assert addresses(names.applied(model)) == [("10.0.0.9", "a")]
    assert server.changes == 1
    names.close()


async def test_names_that_are_gone_are_not_looked_up() -> None:
    """Nor is anything where no cluster has names: the model is handed on as it is."""
    server = Server(a=("10.0.0.1",))
    names = Names(server.changed, server.look_up)
    await names.resolved(named("a"))
    plain = Model((), (cluster(),))
    assert await names.resolved(plain) is plain
    asked = len(server.asked)
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert len(server.asked) <= asked + 1
    names.close()


async def test_a_change_of_the_cluster_is_kept() -> None:
    """Everything but the endpoints is the cluster's own."""
    server = Server(a=("10.0.0.1",))
    names = Names(server.changed, server.look_up)
    await names.resolved(named("a", rate=300))
    other = named("a", rate=300)
    other = replace(other, clusters=(other.clusters[0], replace(other.clusters[1], overprovisioning_factor=200)))
    assert (await names.resolved(other)).clusters[1].overprovisioning_factor == 200
    names.close()


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1"])
async def test_an_address_is_its_own_address(literal: str) -> None:
    """Nobody has to be asked."""
    assert await look_up(literal) == (literal,)


async def test_the_systems_resolver_is_asked() -> None:
    """`localhost` is here; what can be no name is no address."""
    assert await look_up("localhost") == ("127.0.0.1",)
    with pytest.raises(OSError, match=r".*"):
        await look_up("a" * 70 + ".invalid")
