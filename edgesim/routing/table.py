"""Decide fast: the route table of all virtual hosts, compiled once by `compiling`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgesim.model import RequestHead, VirtualHost
from edgesim.routing.compiling import HostTable, Target, compile_host
from edgesim.routing.decision import Decision
from edgesim.routing.hosts import Hosts, find_host
from edgesim.routing.paths import search
from edgesim.routing.rewrite import forwarded_scheme
from edgesim.routing.weights import Split, choose


@dataclass(frozen=True, slots=True, eq=False)
class RouteTable:
    """Every virtual host of a listener, by domain; `scheme` is the listener's, `http` or `https`.

    `asks_for_made` says whether a matcher anywhere asks for a header the proxy makes, as `x-request-id`.
    """

    hosts: Hosts[HostTable]
    scheme: bytes = b"http"
    asks_for_made: bool = False


def compile_table(virtual_hosts: Iterable[VirtualHost]) -> RouteTable:
    """Compile a table. Raises ValueError for a regex RE2 refuses or weights that sum to 0."""
    tables = [compile_host(virtual_host) for virtual_host in virtual_hosts]
    return table_of(tables)


def table_of(tables: Iterable[HostTable], scheme: bytes = b"http") -> RouteTable:
    """Join compiled virtual hosts, so that a change compiles only the hosts it touches."""
    tables = list(tables)
    hosts = Hosts((domain, table) for table in tables for domain in table.virtual_host.domains)
    return RouteTable(hosts, scheme, any(table.asks_for_made for table in tables))


def replace_hosts(table: RouteTable, changes: Sequence[tuple[HostTable, HostTable]]) -> RouteTable | None:
    """Return a table in which virtual hosts are replaced by others; None where it has to be joined anew."""
    for old, new in changes:
        if old.virtual_host.domains != new.virtual_host.domains or (old.asks_for_made and not new.asks_for_made):
            return None
    hosts = table.hosts.replacing((new.virtual_host.domains, old, new) for old, new in changes)
    return RouteTable(hosts, table.scheme, table.asks_for_made or any(new.asks_for_made for _, new in changes))


def decide(table: RouteTable, head: RequestHead, draw: int) -> Decision | None:
    """Return the decision for a request and its 64-bit draw, or None: no virtual host or no route (404)."""
    target = lookup(table, head)
    return None if target is None else resolve(target, head, draw)


def resolve(target: Target, head: RequestHead, draw: int) -> Decision:
    """Return the decision a target comes to for this draw."""
    if isinstance(target, Split):
        return choose(target, draw)
    return target if isinstance(target, Decision) else target(head)


def lookup(table: RouteTable, head: RequestHead) -> Target | None:
    """Return what the first matching route leads to: the part of a decision that needs no draw."""
    host = find_host(table.hosts, head.authority)
    if host is None:
        return None
    if host.pseudo:
        head = with_pseudo_headers(head, table.scheme)
    found = search(host.paths, head, None)
    if host.folded is not None:
        found = search(host.folded, head, found)
    return None if found is None else found[3]


def with_pseudo_headers(head: RequestHead, scheme: bytes) -> RequestHead:
    """Lay what Envoy knows of every request among its headers; a client's own x-forwarded-proto holds."""
    scheme = forwarded_scheme(head, scheme)
    target = head.path if head.query is None else head.path + b"?" + head.query
    pseudo = {b":method": head.method, b":authority": head.authority, b":path": target, b"host": head.authority}
    pseudo |= {b":scheme": scheme, b"x-forwarded-proto": head.headers.get(b"x-forwarded-proto", scheme)}
    headers = {**head.headers, **pseudo}
    return RequestHead(head.method, head.authority, head.path, head.query, headers, head.repeated)
