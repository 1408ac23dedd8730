"""Names beside real Envoy, each with a DNS server of its own that answers alike: which endpoints there are, and until when."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import dns.rcode
import pytest

from edgesim.admin.envoy_clusters import _Member
from edgesim.model import (
    Cluster,
    ClusterType,
    Endpoint,
    HealthCheck,
    HttpCheck,
    LoadBalancer,
    Model,
    ServiceRef,
    Update,
    endpoints_of,
)
from edgesim.proxy import Supervisor
from edgesim.telemetry.histogram import new_counts
from edgesim.telemetry.sources import monotonic
from edgesim.telemetry.states import Host
from tests.differential.balancing_servers import DEADLINE, wait_until
from tests.envoy import bootstrap, request, running, send
from tests.proxy.name_server import NameServer, name_server
from tests.proxy.scenes import model, to

pytestmark = pytest.mark.slow
NAME = "pods.test"
RATE = 0.2
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
CHECK = HealthCheck(1.0, 0.1, 1, 1, HttpCheck("/healthz"), no_traffic_interval=0.1)
NAMED = Cluster("named", ClusterType.STRICT_DNS, dns_refresh_rate=RATE, balancer=LoadBalancer(panic_threshold=0.0))
SERVICE = ServiceRef("default", "pods", 80)
_NO_SEARCH = {"no_default_search_domain": True}
_LISTED = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
_CARES = "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"


@dataclass(slots=True, eq=False)
class Scene:
    """Both engines and what they find: DNS servers, and hosts at one port that answer with their addresses."""

    folder: Path
    supervisor: Supervisor
    servers: tuple[NameServer, NameServer]
    ill: set[str]
    up: int = 0
    served: Model = field(default_factory=Model)
    admin: str = ""
    port: int = 0
    http: aiohttp.ClientSession = field(init=False)
    version: int = 1

    def config(self) -> dict[str, Any]:
        """Return Envoy's, with its DNS server; endpoints of a Service come in a file."""
        config = bootstrap(self.served)
        (cluster,) = config["static_resources"]["clusters"]
        if self.served.clusters[0].type is ClusterType.EDS:
            self._write_endpoints()
            cluster.pop("load_assignment", None)
            cluster["type"] = "EDS"
            cluster["eds_cluster_config"] = {"eds_config": {"path_config_source": {"path": str(self._file)}}}
            config["node"] = {"id": "one", "cluster": "tests"}
        else:
            resolver = {"socket_address": {"address": "127.0.0.1", "port_value": self.servers[1].port}}
            options = {"@type": _CARES, "resolvers": [resolver], "dns_resolver_options": _NO_SEARCH}
            cluster["typed_dns_resolver_config"] = {"name": "envoy.network.dns_resolver.cares", "typed_config": options}
        return config

    @property
    def _file(self) -> Path:
        return self.folder / "endpoints.json"

    def _write_endpoints(self, *addresses: str) -> None:
        places = [{"socket_address": {"address": each, "port_value": self.up}} for each in addresses]
        listed: dict[str, Any] = {"@type": _LISTED, "cluster_name": "named"}
        listed["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": each}} for each in places]}]
        new = self.folder / "new.json"
        new.write_text(json.dumps({"version_info": str(self.version), "resources": [listed]}), encoding="utf-8")
        new.replace(self._file)

    async def lists(self, *addresses: str) -> None:
        """Let a Service have these endpoints."""
        self.version += 1
        self._write_endpoints(*addresses)
        listed = tuple(Endpoint(each, self.up) for each in addresses)
        await self.supervisor.push(Update(self.version, self.served, {"named": listed}))

    def dns(self, tell: Callable[[NameServer], object]) -> None:
        """Tell both DNS servers the same."""
        for server in self.servers:
            tell(server)

    async def envoys(self) -> dict[str, str]:
        """Return Envoy's hosts, with their flags."""
        async with self.http.get(f"{self.admin}/clusters") as answer:
            lines = [line.split("::") for line in (await answer.text()).splitlines()]
        return {line[1].partition(":")[0]: line[3] for line in lines if line[2] == "health_flags"}

    async def own(self) -> dict[str, str]:
        """Return edgesim's, likewise."""
        told = (await self.supervisor.stats()).states["cluster", "named"].hosts
        latest = self.supervisor.latest
        hosts = endpoints_of(latest.model.clusters[0], latest.assignments)
        known = {each.address: told.get(f"{each.address}:{each.port}", Host()) for each in hosts}
        return {address: _Member("", hosts[0], host, new_counts()).flags for address, host in known.items()}

    async def both(self, wanted: dict[str, str]) -> None:
        """Wait until both have these hosts."""
        for side in (self.own, self.envoys):
            await _comes(side, wanted)

    async def asked(self, wanted: set[str]) -> None:
        """Wait until requests go to these hosts through both, `503` where there is none: workers hear of it a little later."""
        for port in (self.supervisor.port, self.port):
            await _comes(partial(self._came, port), wanted)

    async def _came(self, port: int) -> set[str]:
        came = [await asyncio.to_thread(send, port, request("GET", "/", ())) for _ in range(6)]
        return {each.body.decode() if each.status == 200 else str(each.status) for each in came}

    async def looks(self, count: int) -> None:
        """Wait until both sides made so many look-ups more."""
        self.dns(lambda server: server.asked.clear())
        await wait_until(lambda: all(len(each.asked) >= count for each in self.servers), "it is not looked up")


async def _comes(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    end = monotonic() + DEADLINE
    while (found := await look()) != wanted:
        assert monotonic() < end, f"{found} for ever, not {wanted}"
        await asyncio.sleep(0.02)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, ill: set[str]) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            status = 503 if host in ill and b"/healthz" in head else 200
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(host), host.encode()))
    writer.close()


@asynccontextmanager
async def hosts(ill: set[str]) -> AsyncIterator[int]:
    """Run the hosts, yield their port."""
    async with AsyncExitStack() as stack:
        port = 0
        for host in HOSTS:
            listening = await asyncio.start_server(partial(_answer, host=host, ill=ill), host, port)
            stack.callback(listening.close)
            port = listening.sockets[0].getsockname()[1]
        yield port


@asynccontextmanager
async def scene(
    folder: Path, addresses: tuple[str, ...] = HOSTS[:2], ttl: int = 0, **options: Any
) -> AsyncIterator[Scene]:
    """Run both engines with one cluster, by default of a name that has these addresses."""
    async with AsyncExitStack() as stack:
        servers = (await stack.enter_async_context(name_server()), await stack.enter_async_context(name_server()))
        supervisor = Supervisor("127.0.0.1", 0, 1, "0", servers=servers[0].ask)
        found = Scene(folder, supervisor, servers, set())
        found.dns(lambda server: server.knows(NAME, *addresses, ttl=ttl))
        found.up = await stack.enter_async_context(hosts(found.ill))
        listed = () if "service" in options else (Endpoint(NAME, found.up),)
        cluster = replace(NAMED, **{"endpoints": listed, "respect_dns_ttl": True, **options})
        found.served = model([to("named")], [cluster])
        await supervisor.start()
        stack.push_async_callback(supervisor.close, 0.5)
        process = running(found.config(), folder)
        found.port = await asyncio.to_thread(process.__enter__)
        stack.push_async_callback(asyncio.to_thread, process.__exit__, None, None, None)
        found.admin = f"http://{(folder / 'admin').read_text().strip()}"
        found.http = await stack.enter_async_context(aiohttp.ClientSession())
        await supervisor.push(Update(1, found.served, {}))
        yield found


def healthy(*hosts: str) -> dict[str, str]:
    return dict.fromkeys(hosts, "healthy")


async def test_answers_become_endpoints(tmp_path: Path) -> None:
    """Other addresses, none, a name that is gone, and a server that fails: only then those from before stay."""
    one, two, three = HOSTS
    async with scene(tmp_path) as found:
        await found.both(healthy(one, two))
        await found.asked({one, two})
        found.dns(lambda server: server.knows(NAME, two, three, ttl=0))
        await found.both(healthy(two, three))
        await found.asked({two, three})
        found.dns(lambda server: server.fails.update({NAME: dns.rcode.SERVFAIL}))
        await found.looks(3)
        await found.both(healthy(two, three))
        found.dns(lambda server: server.knows(NAME))
        await found.both({})
        await found.asked({"503"})
        found.dns(lambda server: server.knows(NAME, one, ttl=0))
        await found.both(healthy(one))
        found.dns(lambda server: server.records.clear())
        await found.both({})


async def test_who_passes_its_check_stays(tmp_path: Path) -> None:
    """Until the check fails, or until it is listed again."""
    one, two, three = HOSTS
    stays = {two: "/pending_dynamic_removal"}
    async with scene(tmp_path, health_checks=(CHECK,)) as found:
        await found.both(healthy(one, two))
        found.dns(lambda server: server.knows(NAME, one, three, ttl=0))
        await found.both(healthy(one, three) | stays)
        await found.asked({one, two, three})
        found.dns(lambda server: server.knows(NAME, one, two, ttl=0))
        await found.both(healthy(one, two) | {three: "/pending_dynamic_removal"})
        found.dns(lambda server: server.knows(NAME, ttl=0))
        await found.both(dict.fromkeys(HOSTS, "/pending_dynamic_removal"))
        found.ill |= {one, three}
        await found.both(stays)
        await found.asked({two})
        found.ill.add(two)
        await found.both({})
        await found.asked({"503"})


async def test_who_leaves_at_once(tmp_path: Path) -> None:
    """Whom DNS lost, with `ignoreHealthOnHostRemoval`."""
    one, two, _ = HOSTS
    options: dict[str, Any] = {"health_checks": (CHECK,), "ignore_health_on_host_removal": True}
    async with scene(tmp_path, **options) as found:
        await found.both(healthy(one, two))
        found.dns(lambda server: server.knows(NAME, one, ttl=0))
        await found.both(healthy(one))
        await found.asked({one})


async def test_a_pod_that_is_listed_no_more(tmp_path: Path) -> None:
    """With endpoints of a Service it is as with those of a name."""
    one, two, three = HOSTS
    options: dict[str, Any] = {"type": ClusterType.EDS, "service": SERVICE, "health_checks": (CHECK,)}
    async with scene(tmp_path, **options) as found:
        await found.lists(one, two)
        await found.both(healthy(one, two))
        await found.lists(one, three)
        await found.both(healthy(one, three) | {two: "/pending_dynamic_removal"})
        await found.lists()
        await found.both(dict.fromkeys(HOSTS, "/pending_dynamic_removal"))
        found.ill |= {one, three}
        await found.both({two: "/pending_dynamic_removal"})
        await found.asked({two})
        found.ill.add(two)
        await found.both({})
    async with scene(tmp_path, **options, ignore_health_on_host_removal=True) as found:
        await found.lists(one, two)
        await found.both(healthy(one, two))
        await found.lists(two)
        await found.both(healthy(two))


async def test_the_ttl(tmp_path: Path) -> None:
    """Names are looked up again when it is over, however far the usual look is: the smallest of those on the way."""
    one, two, _ = HOSTS
    async with scene(tmp_path, (one,), ttl=1, dns_refresh_rate=300.0) as found:
        await found.looks(2)

        def be_another(server: NameServer) -> None:
            server.knows("other.test", two, ttl=60)
            server.records[NAME] = ("1 IN CNAME other.test.",)

        found.dns(be_another)
        await found.both(healthy(two))
        await found.looks(2)


@pytest.mark.parametrize("name", ["localhost", "web.localhost", "127.0.0.1"])
async def test_no_server_is_asked_for_what_is_here(tmp_path: Path, name: str) -> None:
    """`localhost`, names in it, and addresses, whatever a server would say."""
    async with scene(tmp_path, endpoints=(Endpoint(name, 1),)) as found:
        found.dns(lambda server: server.knows(name, HOSTS[1]))
        await found.both(healthy(HOSTS[0]))
        assert [server.asked for server in found.servers] == [[], []]


async def test_look_ups_are_counted(tmp_path: Path) -> None:
    """Under Envoy's names, and as it does: that there is no address is no failure, and nothing empty."""
    async with scene(tmp_path) as found:
        for tell in (NameServer.knows, _fail, NameServer.knows):
            found.dns(lambda server, tell=tell: tell(server, NAME))  # type: ignore[misc]
            await found.looks(2)
        async with found.http.get(f"{found.admin}/stats?format=json&filter=^cluster.named.update_") as answer:
            envoys = {each["name"].rpartition(".")[2]: each["value"] for each in (await answer.json())["stats"]}
        own = (await found.supervisor.stats()).states["cluster", "named"].values
        assert own.keys() <= envoys.keys()
        for name, is_some in COUNTED.items():
            assert (own[name] > 0, envoys[name] > 0) == (is_some, is_some), name


COUNTED = {
    "update_attempt": True,
    "update_success": True,
    "update_failure": True,
    "update_empty": False,
    "update_no_rebuild": True,
}


def _fail(server: NameServer, name: str) -> None:
    server.fails[name] = dns.rcode.SERVFAIL
