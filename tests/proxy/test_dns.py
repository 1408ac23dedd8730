"""Names of clusters: looked up before they are served, and again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import dns.rcode
import pytest

from edgesim.model import Cluster, ClusterType, Endpoint, Model, OriginStep
from edgesim.proxy import dns as proxy_dns
from edgesim.proxy.dns import Names
from edgesim.proxy.resolving import Answer
from tests.proxy.name_server import NameServer, name_server
from tests.proxy.scenes import cluster, until

SOON, LATE = 0.01, 300.0


class Server:
    """A resolver whose answers a test changes, and who is told of changes."""

    def __init__(self, **known: tuple[str, ...]) -> None:
        self.known = {name: Answer(addresses) for name, addresses in known.items()}
        self.asked: list[str] = []
        self.changes = 0
        self.silent = False

    async def ask(self, name: str) -> Answer:
        self.asked.append(name)
        if self.silent:
            await asyncio.Event().wait()
        if name not in self.known:
            raise OSError("nobody answers")
        return self.known[name]

    async def changed(self) -> None:
        self.changes += 1

    @property
    def names(self) -> Names:
        return Names(self.changed, self.ask, self.ask)


def named(*names: str, rate: float = SOON, by_ttl: bool = False) -> Model:
    endpoints = tuple(Endpoint(name, 80) for name in names)
    made = Cluster("named", ClusterType.STRICT_DNS, endpoints, dns_refresh_rate=rate, respect_dns_ttl=by_ttl)
    return Model((), (cluster(name="fixed"), made))


def addresses(model: Model) -> list[tuple[str, str]]:
    return [(endpoint.address, endpoint.hostname) for endpoint in model.clusters[1].endpoints]


def counted(names: Names) -> dict[str, int]:
    """Return what is told of the cluster."""
    return {name.removeprefix("update_"): many for name, many in names.states()["cluster", "named"].values.items()}


async def test_each_address_of_a_name_is_an_endpoint() -> None:
    """They keep the name as host name; a name that is not known gives none."""
    server = Server(a=("10.0.0.1", "10.0.0.2"), b=("10.0.0.3",))
    names = server.names
    model = named("a", "unknown", "b", rate=LATE)
    assert addresses(await names.resolved(model)) == [("10.0.0.1", "a"), ("10.0.0.2", "a"), ("10.0.0.3", "b")]
    assert counted(names) == {"attempt": 3, "success": 2, "failure": 1, "empty": 0, "no_rebuild": 0}
    names.forget()
    assert not any(counted(names).values())
    names.close()


async def test_other_addresses_are_told_and_failures_keep_the_old_ones() -> None:
    """A name is looked up at its rate; where that fails, or nothing changed, nobody is told."""
    server = Server(a=("10.0.0.1",))
    names = server.names
    model = named("a")
    first = await names.resolved(model)
    await until(lambda: len(server.asked) > 3, "it is looked up once only")
    assert server.changes == 0
    assert names.applied(model).clusters[1] is first.clusters[1]
    server.known["a"] = Answer(("10.0.0.9",))
    await until(lambda: server.changes == 1, "nobody is told")
    assert addresses(names.applied(model)) == [("10.0.0.9", "a")]
    del server.known["a"]
    asked = len(server.asked)
    await until(lambda: len(server.asked) > asked + 2, "it is not looked up any more")
    assert addresses(names.applied(model)) == [("10.0.0.9", "a")]
    assert server.changes == 1
    assert counted(names)["no_rebuild"] == counted(names)["success"] - 2
    assert counted(names)["failure"] == counted(names)["attempt"] - counted(names)["success"] > 0
    names.close()


async def test_that_a_name_has_no_address_is_an_answer() -> None:
    """Its endpoints leave, as in Envoy: somebody who knows said so."""
    server = Server(a=("10.0.0.1",))
    names = server.names
    model = named("a")
    await names.resolved(model)
    server.known["a"] = Answer((), why="there is no such name")
    await until(lambda: server.changes == 1, "nobody is told")
    assert addresses(names.applied(model)) == []
    assert counted(names)["failure"] == 0
    names.close()


async def test_who_cannot_be_resolved_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """When it begins, with what that means for requests, and when it ends."""
    server = Server(a=("10.0.0.1", "10.0.0.2"))
    names = server.names
    told: list[tuple[list[str], str, bool]] = []
    names.tell(lambda who, text, resolved: told.append(([each.name for each in who], text, resolved)))
    step = OriginStep("Upstream", "gloo-system", "asks", "a.yaml")
    plain = named("a")
    await names.resolved(replace(plain, clusters=(plain.clusters[0], replace(plain.clusters[1], origin=(step,)))))
    del server.known["a"]
    await until(lambda: counted(names)["failure"] > 3, "it is not looked up any more")
    assert names.in_words() == (caplog.records[0].message,)
    server.known["a"] = Answer((), why="there is no such name")
    await until(lambda: server.changes == 1, "nobody is told")
    server.known["a"] = Answer(("10.0.0.1",))
    await until(lambda: not names.in_words(), "it is never resolved again")
    assert [each.message for each in caplog.records] == [
        "the name a of upstream named cannot be resolved (nobody answers): its 2 addresses from before stay",
        "the name a of upstream named is resolved again",
    ]
    assert told == [(["asks"], each.message, each is caplog.records[1]) for each in caplog.records]
    names.close()


async def test_a_new_name_that_cannot_be_resolved_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Upstreams that ask for it are named, but not all of many; a name nobody asks for any more is forgotten."""
    server = Server()
    names = server.names
    one = named("a", rate=LATE)
    many = replace(one, clusters=tuple(replace(one.clusters[1], name=f"c{number}") for number in range(5)))
    await names.resolved(many)
    (told,) = (each.message for each in caplog.records)
    assert told.startswith("the name a of upstream c0, c1, c2 and 2 more cannot be resolved (nobody answers): ")
    assert told.endswith("requests find none of its endpoints")
    await names.resolved(replace(one, clusters=()))
    assert (names.in_words(), names.states()) == ((), {})
    names.close()


async def test_names_that_are_gone_are_not_looked_up() -> None:
    """Nor is anything where no cluster has names: the model is handed on as it is."""
    server = Server(a=("10.0.0.1",))
    names = server.names
    await names.resolved(named("a"))
    plain = Model((), (cluster(),))
    assert await names.resolved(plain) is plain
    asked = len(server.asked)
    for _ in range(5):
        await asyncio.sleep(SOON)
    assert len(server.asked) <= asked + 1
    names.close()


async def test_a_change_of_the_cluster_is_kept() -> None:
    """Everything but the endpoints is the cluster's own."""
    server = Server(a=("10.0.0.1",))
    names = server.names
    await names.resolved(named("a", rate=LATE))
    other = named("a", rate=LATE)
    other = replace(other, clusters=(other.clusters[0], replace(other.clusters[1], overprovisioning_factor=200)))
    assert (await names.resolved(other)).clusters[1].overprovisioning_factor == 200
    names.close()


async def test_another_rate_is_no_reason_to_wait() -> None:
    """What is known of a name holds until it is looked up anew, which is done at once."""
    server = Server(a=("10.0.0.1",))
    names = server.names
    await names.resolved(named("a", rate=LATE))
    server.silent = True
    assert addresses(await names.resolved(named("a", rate=LATE + 1))) == [("10.0.0.1", "a")]
    await until(lambda: len(server.asked) == 2, "it is not looked up")
    names.close()


async def test_who_comes_back_has_the_addresses_from_before() -> None:
    """After an update that was refused names are looked up again, and nobody waits for it."""
    server = Server(a=("10.0.0.1",))
    names = server.names
    await names.resolved(named("a", rate=LATE))
    known = names.known
    await names.resolved(Model((), (cluster(),)))
    assert names.known == {}
    server.silent = True
    assert addresses(await names.resolved(named("a", rate=LATE), known)) == [("10.0.0.1", "a")]
    await until(lambda: len(server.asked) == 2, "it is not looked up")
    names.close()


async def test_an_answer_that_comes_late_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update waits for new names, but not for ever, and the next one not at all: they are served when they are known."""
    monkeypatch.setattr(proxy_dns, "_FIRST", SOON)
    known = asyncio.Event()
    server = Server(a=("10.0.0.1",))

    async def ask(name: str) -> Answer:
        await known.wait()
        return await server.ask(name)

    names = Names(server.changed, ask, ask)
    model = named("a", rate=LATE)
    assert addresses(await names.resolved(model)) == []
    monkeypatch.setattr(proxy_dns, "_FIRST", LATE)
    assert addresses(await names.resolved(model)) == []
    known.set()
    await until(lambda: server.changes == 1, "nobody is told")
    assert addresses(names.applied(model)) == [("10.0.0.1", "a")]
    names.close()


@pytest.fixture
async def dns_server() -> AsyncIterator[NameServer]:
    """Run a DNS server."""
    async with name_server() as made:
        yield made


async def test_the_ttl_says_when_a_name_is_looked_up_again(dns_server: NameServer) -> None:
    """Answers of a real DNS server; the ttl 0, a failure and an answer without addresses mean the usual rate."""
    server = Server()
    pauses: list[float] = []
    names = Names(server.changed, server.ask, dns_server.ask)
    ((look, clusters),) = proxy_dns._wanted(named("api.test", rate=0.5, by_ttl=True)).items()
    looking = proxy_dns.Looking(clusters)
    for ttl in (7, 0):
        dns_server.knows("api.test", "10.0.0.1", ttl=ttl)
        pauses.append((await names._look(look, looking))[0])
    dns_server.fails["api.test"] = dns.rcode.SERVFAIL
    pauses.append((await names._look(look, looking))[0])
    dns_server.knows("api.test")
    pauses.append((await names._look(look, looking))[0])
    assert pauses == [7, 0.5, 0.5, 0.5]
    assert server.asked == []


async def test_answers_that_change_are_served(dns_server: NameServer) -> None:
    """A name is looked up again when its ttl is over, long before the usual rate."""
    server = Server()

    async def ask(name: str) -> Answer:
        found = await dns_server.ask(name)
        return found._replace(ttl=found.ttl and SOON)  # the least a server can say is a second

    names = Names(server.changed, server.ask, ask)
    model = named("api.test", rate=LATE, by_ttl=True)
    dns_server.knows("api.test", "10.0.0.1", ttl=1)
    assert addresses(await names.resolved(model)) == [("10.0.0.1", "api.test")]
    dns_server.knows("api.test", "10.0.0.2", "10.0.0.3", ttl=1)
    await until(lambda: server.changes == 1, "nobody is told")
    assert addresses(names.applied(model)) == [("10.0.0.2", "api.test"), ("10.0.0.3", "api.test")]
    names.close()
