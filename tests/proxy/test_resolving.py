"""The addresses of a name: of the system's resolver, and of a real DNS server."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import dns.asyncresolver
import dns.rcode
import dns.resolver
import pytest

from edgesim.proxy import resolving
from edgesim.proxy.resolving import Answer, ask_servers, ask_system, from_hosts, without_address
from tests.proxy.name_server import NameServer, name_server

NOWHERE = Path("/nonexistent/hosts")


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    """Run a DNS server."""
    async with name_server() as made:
        yield made


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1"])
async def test_an_address_is_its_own_address(literal: str) -> None:
    """Nobody has to be asked."""
    assert await ask_system(literal) == await ask_servers(literal) == Answer((literal,))


async def test_the_systems_resolver_is_asked() -> None:
    """`localhost` is here; what can be no name has no address."""
    assert await ask_system("localhost") == Answer(("127.0.0.1",))
    assert (await ask_system("a" * 70 + ".invalid")).why == "there is no such name"


def test_that_there_is_no_address_is_an_answer() -> None:
    """That nobody can tell is none: then what was known holds."""
    assert without_address(socket.gaierror(socket.EAI_NONAME, "")) == Answer((), why="there is no such name")
    with pytest.raises(OSError, match=r"^try again$"):
        without_address(socket.gaierror(socket.EAI_AGAIN, "try again"))


async def test_a_server_tells_addresses_and_their_ttl(server: NameServer) -> None:
    """The ttl is the smallest one on the way to the addresses; these come in order."""
    server.knows("api.test", "10.0.0.2", "10.0.0.1", "10.0.0.2", ttl=7)
    assert await ask_servers("api.test", server.resolver) == Answer(("10.0.0.1", "10.0.0.2"), 7)
    server.records["alias.test"] = ("3 IN CNAME api.test.",)
    assert await ask_servers("alias.test", server.resolver) == Answer(("10.0.0.1", "10.0.0.2"), 3)


async def test_what_a_server_does_not_know(server: NameServer) -> None:
    """A name that does not exist, and one without an address, have none; a server that fails knows nothing."""
    server.records["empty.test"] = ()
    assert await ask_servers("gone.test", server.resolver) == Answer((), why="there is no such name")
    assert await ask_servers("empty.test", server.resolver) == Answer((), why="it has no IPv4 address")
    assert (await ask_servers("a" * 70 + ".test", server.resolver)).why == "there is no such name"
    server.fails["broken.test"] = dns.rcode.SERVFAIL
    with pytest.raises(OSError, match="no DNS server answers the question"):
        await ask_servers("broken.test", server.resolver)


async def test_without_a_server() -> None:
    """Where there is none, or none that answers, it is said so."""

    def none() -> dns.asyncresolver.Resolver:
        raise dns.resolver.NoResolverConfiguration

    def silent() -> dns.asyncresolver.Resolver:
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers, made.port, made.lifetime = ["127.0.0.1"], taken.getsockname()[1], 0.05
        return made

    def wrong() -> dns.asyncresolver.Resolver:
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers = ["nobody"]
        return made

    with pytest.raises(OSError, match="nobody"):
        await ask_servers("api.test", wrong)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="no DNS server answers in time"):
            await ask_servers("api.test", silent)
    with pytest.raises(OSError, match="no DNS server is known"):
        await ask_servers("api.test", none)


async def test_search_domains(server: NameServer) -> None:
    """A name with fewer dots than `ndots` is looked for in the search domains first, as Kubernetes' short names are."""
    server.knows("api.prod.svc.cluster.local", "10.0.0.1")
    resolver = server.resolver("prod.svc.cluster.local", "svc.cluster.local", ndots=5)
    assert (await ask_servers("api", lambda: resolver)).addresses == ("10.0.0.1",)
    assert server.asked == ["api.prod.svc.cluster.local"]
    assert (await ask_servers("api.prod", lambda: resolver)).addresses == ("10.0.0.1",)
    assert server.asked[1:] == ["api.prod.prod.svc.cluster.local", "api.prod.svc.cluster.local"]


async def test_a_hosts_file_is_looked_at_first(server: NameServer, tmp_path: Path) -> None:
    """Its IPv4 addresses count, whatever the case, and no server is asked; they have no ttl."""
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "# mine\n10.0.0.9 API.test alias # api.other\n\n::1 six.test\n10.0.0.8 api.test\n", encoding="utf-8"
    )
    assert await ask_servers("api.TEST.", server.resolver, hosts) == Answer(("10.0.0.8", "10.0.0.9"))
    assert from_hosts("alias", hosts) == Answer(("10.0.0.9",))
    assert from_hosts("six.test", hosts) is from_hosts("api.other", hosts) is from_hosts("api.test", NOWHERE) is None
    assert server.asked == []


def test_localhost_is_here() -> None:
    """It needs no hosts file, and is never asked for."""
    assert from_hosts("localhost", NOWHERE) == from_hosts("web.localhost", NOWHERE) == Answer(("127.0.0.1",))


def test_the_systems_settings() -> None:
    """Where nothing else is said, the hosts file is the system's."""
    assert Path("/etc/hosts") == resolving.HOSTS
