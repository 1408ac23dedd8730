"""Compile once, decide fast: the route table of all virtual hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from edgesim.model import (
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    PathKind,
    PathMatcher,
    RequestHead,
    Route,
    RouteMatch,
    VirtualHost,
)
from edgesim.routing.conditions import Entry, conditions_of, lines_of
from edgesim.routing.decision import Decision
from edgesim.routing.hosts import Hosts, find_host
from edgesim.routing.paths import Paths, search
from edgesim.routing.rewrite import forwarded_scheme, path_rewrite
from edgesim.routing.weights import Split, choose

Target = Decision | Split[Decision] | Callable[[RequestHead], Decision]
"""What a route leads to: one decision, a weighted choice among several, or a cluster named by a header."""

_PSEUDO_HEADERS = frozenset((":authority", ":method", ":path", ":scheme", "host", "x-forwarded-proto"))


@dataclass(frozen=True, slots=True, eq=False)
class HostTable:
    """The compiled routes of one virtual host.

    `folded` serves case-insensitive patterns; `pseudo` says whether a matcher asks for `:method` or
    another pseudo header, which then have to be laid among the headers.
    """

    virtual_host: VirtualHost
    paths: Paths
    folded: Paths | None
    pseudo: bool


@dataclass(frozen=True, slots=True, eq=False)
class RouteTable:
    """Every virtual host of a listener, by domain; `scheme` is the listener's, `http` or `https`."""

    hosts: Hosts[HostTable]
    scheme: bytes = b"http"


def compile_table(virtual_hosts: Iterable[VirtualHost]) -> RouteTable:
    """Compile a table. Raises ValueError for a regex RE2 refuses or weights that sum to 0."""
    tables = [compile_host(virtual_host) for virtual_host in virtual_hosts]
    return table_of(tables)


def table_of(tables: Iterable[HostTable], scheme: bytes = b"http") -> RouteTable:
    """Join compiled virtual hosts, so that a change compiles only the hosts it touches."""
    return RouteTable(Hosts((domain, table) for table in tables for domain in table.virtual_host.domains), scheme)


def compile_host(virtual_host: VirtualHost) -> HostTable:
    """Compile one virtual host; raises as `compile_table`."""
    entries = list(_entries(virtual_host))
    plain = [(path, entry) for path, entry in entries if not _folds(path)]
    folded = [(path, entry) for path, entry in entries if _folds(path)]
    return HostTable(
        virtual_host,
        Paths(plain, fold=False),
        Paths(folded, fold=True) if folded else None,
        any(_asks_for_pseudo(match) for route in virtual_host.routes for match in route.matches),
    )


def _folds(path: PathMatcher) -> bool:
    return not path.case_sensitive and path.kind is not PathKind.REGEX


def _asks_for_pseudo(match: RouteMatch) -> bool:
    return bool(match.methods) or any(_is_pseudo(header) for header in match.headers)


def _is_pseudo(header: HeaderMatcher) -> bool:
    return header.name in _PSEUDO_HEADERS


def _entries(virtual_host: VirtualHost) -> Iterator[tuple[PathMatcher, Entry]]:
    order = 0
    for route in virtual_host.routes:
        for match in route.matches:
            target = _target(virtual_host, route, match)
            for conditions in conditions_of(match):
                yield match.path, Entry(order, conditions, target)
            order += 1


def _target(virtual_host: VirtualHost, route: Route, match: RouteMatch) -> Target:
    action = route.action
    if isinstance(action, DirectResponseAction):
        return Decision(virtual_host, route, match, action)
    rewrite = path_rewrite(match, action)
    if not isinstance(action, ForwardAction):
        return Decision(virtual_host, route, match, action, rewrite=rewrite)
    if action.weighted:
        arms = [Decision(virtual_host, route, match, action, arm.destination, arm, rewrite) for arm in action.weighted]
        return Split([arm.weight for arm in action.weighted], arms, sticky=route.policies.sticky_weights)
    if action.cluster_header:
        return _by_header(Decision(virtual_host, route, match, action, rewrite=rewrite), action.cluster_header)
    return Decision(virtual_host, route, match, action, action.destination, rewrite=rewrite)


def _by_header(base: Decision, header: str) -> Callable[[RequestHead], Decision]:
    name = header.lower().encode()

    def named(head: RequestHead) -> Decision:
        lines = lines_of(head, name)
        if not lines or not lines[0]:
            return base
        destination = Destination(lines[0].decode("latin-1"))
        return Decision(base.virtual_host, base.route, base.match, base.action, destination, rewrite=base.rewrite)

    return named


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
