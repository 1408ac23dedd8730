"""What the addresses of a name are: asked of the system's resolver, or of its DNS servers where the ttl matters.

Asking DNS servers is done as Envoy's resolver (c-ares) does it: what `/etc/hosts` says comes first, `localhost` is this
machine, everything else is asked of the servers of `/etc/resolv.conf`, with its search domains and `ndots`. IPv4 only,
as Gloo asks of Envoy.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

HOSTS = Path("/etc/hosts")
_LOOPBACK = "127.0.0.1"
_NO_NAME = "there is no such name"
_NO_ADDRESS = "it has no IPv4 address"
_WORDS = {
    "LifetimeTimeout": "no DNS server answers in time",
    "NoNameservers": "no DNS server answers the question",
    "NoResolverConfiguration": "no DNS server is known",
}


class Answer(NamedTuple):
    """The addresses of a name, in order. Where it has none, which is an answer as well, `why` tells the reason.

    `ttl` is in seconds, 0 where nothing is known of it.
    """

    addresses: tuple[str, ...]
    ttl: float = 0
    why: str = ""


Lookup = Callable[[str], Awaitable[Answer]]
"""Asks for a name; raises OSError where nobody can tell."""


async def ask_system(name: str) -> Answer:
    """Ask the system's resolver, which knows more than DNS, but no ttl. Raises OSError."""
    literal = _literal(name)
    if literal is not None:
        return literal
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except UnicodeError:
        return Answer((), why=_NO_NAME)
    except socket.gaierror as failed:
        return without_address(failed)
    return Answer(_sorted(str(each[4][0]) for each in found))


def without_address(failed: socket.gaierror) -> Answer:
    """Return the answer that there is no address. Raises OSError where it says that nobody can tell."""
    if failed.errno not in _EMPTY:
        raise OSError(failed.strerror or str(failed))
    return Answer((), why=_EMPTY[failed.errno])


_EMPTY = {socket.EAI_NONAME: _NO_NAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME): _NO_ADDRESS}


async def ask_servers(name: str, made: Callable[[], Resolver] | None = None, hosts: Path = HOSTS) -> Answer:
    """Ask the system's DNS servers, for the ttl: the smallest of those on the way to the addresses. Raises OSError.

    `made` makes the resolver, by default anew from the system's settings: a laptop's change with its network.
    """
    literal = _literal(name) or await asyncio.to_thread(from_hosts, name, hosts)
    if literal is not None:
        return literal
    from dns.asyncresolver import Resolver  # noqa: PLC0415 who has no use for it need not load it
    from dns.exception import DNSException  # noqa: PLC0415
    from dns.name import from_text  # noqa: PLC0415
    from dns.resolver import NXDOMAIN, NoAnswer  # noqa: PLC0415

    try:
        asked = from_text(name, None)
    except (DNSException, UnicodeError):
        return Answer((), why=_NO_NAME)
    try:
        resolver = await asyncio.to_thread(made or Resolver)
        found = await resolver.resolve(asked, "A", search=True)
    except NXDOMAIN:
        return Answer((), why=_NO_NAME)
    except NoAnswer:
        return Answer((), why=_NO_ADDRESS)
    except (DNSException, ValueError, EOFError) as failed:  # settings that are wrong, an answer that is cut
        raise OSError(_WORDS.get(type(failed).__name__) or str(failed) or type(failed).__name__) from None
    return Answer(_sorted(each.address for each in found), found.chaining_result.minimum_ttl)


def from_hosts(name: str, hosts: Path = HOSTS) -> Answer | None:
    """Return the IPv4 addresses of a name that this machine knows by itself, None where servers have to be asked.

    `localhost` and what ends in it is never asked for (RFC 6761, section 6.3).
    """
    wanted = name.rstrip(".").lower()
    found: list[str] = []
    with contextlib.suppress(OSError):
        for line in hosts.read_text(encoding="utf-8", errors="replace").splitlines():
            address, *names = line.partition("#")[0].split() or ("",)
            if wanted in map(str.lower, names) and _is_ipv4(address):
                found.append(address)
    if not found and (wanted == "localhost" or wanted.endswith(".localhost")):
        found = [_LOOPBACK]
    return Answer(_sorted(found)) if found else None


def _literal(name: str) -> Answer | None:
    with contextlib.suppress(ValueError):
        return Answer((str(ip_address(name)),))
    return None


def _is_ipv4(text: str) -> bool:
    with contextlib.suppress(ValueError):
        IPv4Address(text)
        return True
    return False


def _sorted(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(addresses)))
