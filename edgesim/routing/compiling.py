"""Compile the routes of one virtual host: in small steps, and only what changed since it was compiled last.

A table may hold fifty thousand routes, and who compiles it has requests to serve meanwhile. So compiling is
a generator that stops every few routes. Entries are numbered with gaps between them, so that routes which are
put in, taken out or changed leave the numbers of all others, and with them what was compiled of these, as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter, is_
from typing import TypeVar

from edgesim.model import (
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    PathKind,
    RequestHead,
    Route,
    RouteMatch,
    VirtualHost,
)
from edgesim.routing.conditions import Entry, conditions_of, lines_of
from edgesim.routing.decision import Decision
from edgesim.routing.kinds import Kinds
from edgesim.routing.paths import Changed, Paths, Text, paths_in_steps, text_of
from edgesim.routing.rewrite import path_rewrite
from edgesim.routing.weights import Split

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work that stops every few tens of microseconds, and returns something in the end."""
Target = Decision | Split[Decision] | Callable[[RequestHead], Decision]
"""What a route leads to: one decision, a weighted choice among several, or a cluster named by a header."""

_GAP = 1 << 20
"""Room for the numbers of routes put in between two."""
_AT_ONCE = 8
"""Routes compiled between two stops."""
_LOOKED_AT = 128
"""Routes only looked at between two stops."""
_PSEUDO_HEADERS = frozenset((":authority", ":method", ":path", ":scheme", "host", "x-forwarded-proto"))
_MADE_HEADERS = frozenset(("x-request-id", "x-forwarded-for", "x-envoy-external-address", "x-envoy-internal"))


@dataclass(frozen=True, slots=True, eq=False)
class HostTable:
    """The compiled routes of one virtual host.

    `folded` serves case-insensitive patterns; `pseudo` says whether a matcher asks for `:method` or
    another pseudo header, which then have to be laid among the headers; `asks_for_made` whether one asks
    for a header the proxy makes, which has to be made before then. `orders` are the numbers of all
    matchers. Decisions name `owner`, the virtual host without its routes: they outlive a change of others.
    """

    virtual_host: VirtualHost
    paths: Paths
    folded: Paths | None
    pseudo: bool
    asks_for_made: bool
    orders: tuple[int, ...]
    owner: VirtualHost


@dataclass(frozen=True, slots=True)
class _Kept:
    """How many routes at the beginning and at the end are those of the table before, and everybody's numbers."""

    first: int
    last: int
    orders: tuple[int, ...]


def compile_host(virtual_host: VirtualHost) -> HostTable:
    """Compile one virtual host. Raises ValueError for a regex RE2 refuses or weights that sum to 0."""
    return finish(compile_in_steps(virtual_host))


def finish(steps: Steps[T]) -> T:
    """Take all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value


def compile_in_steps(virtual_host: VirtualHost, before: HostTable | None = None) -> Steps[HostTable]:
    """Compile one virtual host in steps; raises as `compile_host`.

    What did not change since `before` is taken from there. Unchanged routes are known by being the same objects.
    """
    kept = None if before is None else (yield from _kept(before, virtual_host))
    if before is None or kept is None:
        yield from ()
        return (yield from _compile_all(virtual_host))
    return (yield from _compile_changes(virtual_host, before, kept))


def _compile_all(virtual_host: VirtualHost) -> Steps[HostTable]:
    owner = replace(virtual_host, routes=())
    orders = tuple(range(_GAP, (_matchers(virtual_host.routes) + 1) * _GAP, _GAP))
    pseudo = asks_for_made = False
    plain: Changed = {}
    folded: Changed = {}
    for number, (text, entry, match) in enumerate(_entries(owner, virtual_host.routes, orders, Kinds())):
        (folded if text.folded else plain).setdefault(text, []).append((match.path, entry))
        pseudo = pseudo or _asks_for_pseudo(match)
        asks_for_made = asks_for_made or _asks_for_made(match)
        if number % _AT_ONCE == 0:
            yield
    return HostTable(
        virtual_host,
        (yield from paths_in_steps(plain, fold=False)),
        (yield from paths_in_steps(folded, fold=True)) if folded else None,
        pseudo,
        asks_for_made,
        orders,
        owner,
    )


def _compile_changes(virtual_host: VirtualHost, before: HostTable, kept: _Kept) -> Steps[HostTable]:
    """Compile anew what is said of the paths that a changed route names, and nothing else."""
    old, new = before.virtual_host.routes, virtual_host.routes
    changed = new[kept.first : len(new) - kept.last]
    touched = (*old[kept.first : len(old) - kept.last], *changed)
    wanted: dict[Text, list[tuple[Route, RouteMatch, int]]] = {
        text_of(match.path): [] for route in touched for match in route.matches
    }
    yield
    # Far quicker to see than which text a pattern is found by, and true of a few too many at worst.
    spelled = {text.value.decode(errors="replace") for text in wanted}
    spelled |= {value.lower() for value in spelled}
    numbers = iter(kept.orders)
    for number, route in enumerate(new):
        for match in route.matches:
            order = next(numbers)
            path = match.path
            if path.kind is not PathKind.REGEX and path.value.lower() not in spelled:
                continue
            if (found := wanted.get(text_of(path))) is not None:
                found.append((route, match, order))
        if number % _LOOKED_AT == 0:
            yield
    plain: Changed = {}
    folded: Changed = {}
    kinds = Kinds()
    for text, matchers in wanted.items():
        entries = (folded if text.folded else plain)[text] = []
        for route, match, order in matchers:
            entries += [(match.path, entry) for entry in _entries_of(before.owner, route, match, order, kinds)]
            yield
    paths = (yield from paths_in_steps(plain, before.paths, fold=False)) if plain else before.paths
    below = (yield from paths_in_steps(folded, before.folded, fold=True)) if folded else before.folded
    pseudo = before.pseudo or any(_asks_for_pseudo(match) for route in changed for match in route.matches)
    # Where one asked before, it may be gone: then all are looked at.
    asking = new if before.asks_for_made else changed
    made = any(_asks_for_made(match) for route in asking for match in route.matches)
    return HostTable(virtual_host, paths, below, pseudo, made, kept.orders, before.owner)


def _kept(before: HostTable, virtual_host: VirtualHost) -> Steps[_Kept | None]:
    """Return what of a table can be kept, None where everything has to be compiled."""
    old, new = before.virtual_host.routes, virtual_host.routes
    if replace(virtual_host, routes=()) != before.owner or not old:
        return None
    first = _same(old, new)
    yield
    last = min(_same(old[::-1], new[::-1]), min(len(old), len(new)) - first)
    yield
    orders = before.orders
    ahead = _matchers(old[:first])
    yield
    behind = len(orders) - ahead - _matchers(old[first : len(old) - last])
    between = _matchers(new[first : len(new) - last])
    begin = orders[ahead - 1] if ahead else 0
    end = orders[len(orders) - behind] if behind else begin + (between + 1) * _GAP
    if end - begin <= between:
        return None
    middle = (begin + (end - begin) * (n + 1) // (between + 1) for n in range(between))
    return _Kept(first, last, (*orders[:ahead], *middle, *orders[len(orders) - behind :]))


def _same(old: Sequence[Route], new: Sequence[Route]) -> int:
    """Return how many routes at the beginning are the same objects."""
    same = bytes(map(is_, old, new))
    return len(same) if (first := same.find(0)) < 0 else first


def _matchers(routes: Iterable[Route]) -> int:
    return sum(map(len, map(_MATCHES, routes)))


_MATCHES = attrgetter("matches")


def _entries(
    owner: VirtualHost, routes: Iterable[Route], orders: Iterable[int], kinds: Kinds
) -> Iterator[tuple[Text, Entry, RouteMatch]]:
    numbers = iter(orders)
    for route in routes:
        for match in route.matches:
            text = text_of(match.path)
            for entry in _entries_of(owner, route, match, next(numbers), kinds):
                yield text, entry, match


def _entries_of(owner: VirtualHost, route: Route, match: RouteMatch, order: int, kinds: Kinds) -> Iterator[Entry]:
    target = _target(owner, route, match, kinds)
    for conditions in conditions_of(match):
        yield Entry(order, conditions, target)


def _asks_for_pseudo(match: RouteMatch) -> bool:
    return bool(match.methods) or any(_is_pseudo(header) for header in match.headers)


def _asks_for_made(match: RouteMatch) -> bool:
    return any(header.name in _MADE_HEADERS for header in match.headers)


def _is_pseudo(header: HeaderMatcher) -> bool:
    return header.name in _PSEUDO_HEADERS


def _target(virtual_host: VirtualHost, route: Route, match: RouteMatch, kinds: Kinds) -> Target:
    action = route.action
    if isinstance(action, DirectResponseAction):
        return Decision(virtual_host, route, match, action)
    rewrite = path_rewrite(match, action)
    if not isinstance(action, ForwardAction):
        return Decision(virtual_host, route, match, action, rewrite=rewrite)
    if action.weighted:
        arms = [
            Decision(virtual_host, route, match, action, to, arm, rewrite, kinds.of(route, action, to, arm))
            for arm in action.weighted
            for to in (arm.destination,)
        ]
        return Split([arm.weight for arm in action.weighted], arms, sticky=route.policies.sticky_weights)
    if action.cluster_header:
        return _by_header(Decision(virtual_host, route, match, action, rewrite=rewrite), action.cluster_header)
    kind = kinds.of(route, action, action.destination, None)
    return Decision(virtual_host, route, match, action, action.destination, None, rewrite, kind)


def _by_header(base: Decision, header: str) -> Callable[[RequestHead], Decision]:
    name = header.lower().encode()

    def named(head: RequestHead) -> Decision:
        lines = lines_of(head, name)
        if not lines or not lines[0]:
            return base
        destination = Destination(lines[0].decode("latin-1"))
        return Decision(base.virtual_host, base.route, base.match, base.action, destination, rewrite=base.rewrite)

    return named
