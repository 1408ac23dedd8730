"""Why a virtual host was chosen: each domain that takes the request's Host, in Envoy's order of precedence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from edgesim.model import VirtualHost


class Rule(IntEnum):
    """The kinds of domain, the strongest first (config.route.v3.VirtualHost.domains)."""

    EXACT = 1
    SUFFIX = 2
    PREFIX = 3
    ANY = 4


RULES = {
    Rule.EXACT: "exact domain",
    Rule.SUFFIX: "wildcard at the beginning, the longest first",
    Rule.PREFIX: "wildcard at the end, the longest first",
    Rule.ANY: "* takes whatever no other domain takes",
}


@dataclass(frozen=True, slots=True)
class HostTrial:
    """One virtual host that was tried: its best domain for the Host, empty where none takes it."""

    virtual_host: str
    domains: tuple[str, ...]
    domain: str
    rule: str
    chosen: bool


def precedence(domain: str, authority: bytes) -> tuple[Rule, int] | None:
    """Return how strongly a domain takes a Host, the smallest winning; None where it does not."""
    text, name = domain.lower().encode(), authority.lower()
    if text == b"*":
        return Rule.ANY, 0
    if text.startswith(b"*"):
        return (Rule.SUFFIX, -len(text)) if len(name) >= len(text) and name.endswith(text[1:]) else None
    if text.endswith(b"*"):
        return (Rule.PREFIX, -len(text)) if len(name) >= len(text) and name.startswith(text[:-1]) else None
    return (Rule.EXACT, 0) if text == name else None


def try_hosts(hosts: Iterable[VirtualHost], authority: bytes, chosen: VirtualHost | None) -> list[HostTrial]:
    """Return every virtual host with its best domain, the strongest first, those that do not take the Host last."""
    found = [(_best(host, authority), host) for host in hosts]
    found.sort(key=lambda each: (each[0] is None, each[0][:2] if each[0] is not None else ()))
    return [
        HostTrial(host.name, host.domains, best[2] if best else "", RULES[best[0]] if best else "", host is chosen)
        for best, host in found
    ]


def _best(host: VirtualHost, authority: bytes) -> tuple[Rule, int, str] | None:
    taking = [(*found, domain) for domain in host.domains if (found := precedence(domain, authority)) is not None]
    return min(taking, key=lambda each: each[:2]) if taking else None
