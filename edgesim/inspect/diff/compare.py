"""Compare two models: every class of requests that is decided otherwise, each with a request to show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import islice

from edgesim.http1.target import BadTargetError, split_target
from edgesim.inspect.diff.classes import condition_texts, method_of, path_classes, without_methods
from edgesim.inspect.diff.decided import decided, differences, shown
from edgesim.inspect.diff.entries import Entry, changed_routes, entries_of
from edgesim.inspect.diff.hosts import HostClass, host_classes
from edgesim.inspect.diff.membership import in_regions, meets
from edgesim.inspect.diff.outcomes import Effect, Outcome, effect, moved_share
from edgesim.inspect.diff.regions import Region, Territory
from edgesim.inspect.diff.regions import Side as Paths
from edgesim.inspect.diff.report import Change, Difference, DiffReport, ListenerChange
from edgesim.inspect.diff.sides import Pair, changed_clusters, pairs
from edgesim.inspect.diff.walk import Fact, Leaf, Walk
from edgesim.inspect.diff.witness import Witnesses
from edgesim.inspect.steps import Where
from edgesim.model import ForwardAction, ListenerOptions, Model, RequestHead, Route, VirtualHost

MOST_CLASSES = 20_000
"""So many classes of one virtual host are told apart."""
_RANKS = {each: rank for rank, each in enumerate(Effect)}


@dataclass(frozen=True, slots=True)
class Wheres:
    """How the lines of both sides are found."""

    before: Where
    after: Where


@dataclass(frozen=True, slots=True)
class Class:
    """A class before it is put in words: regions of paths, facts, methods, and the entries that decide.

    `leaves` are some of those it was joined from.
    """

    territory: Territory = field(repr=False)
    regions: tuple[Region, ...]
    facts: frozenset[Fact]
    methods: tuple[str, ...]
    before: Entry | None
    after: Entry | None
    leaves: tuple[tuple[Region, Leaf], ...]

    def takes(self, head: RequestHead, *, unknown: bool = False) -> bool | None:
        """Tell whether a request of the class's host, with its pseudo headers, is one of it (`membership.meets`)."""
        if not in_regions(self.regions, self.territory, head.path):
            return False
        return meets(self.facts, self.methods, head, unknown=unknown)


def compare(before: Model, after: Model, wheres: Wheres) -> DiffReport:
    """Return what is decided otherwise. Raises ValueError where a model holds what no router takes."""
    changes: list[Change] = []
    listeners: list[ListenerChange] = []
    cut: list[str] = []
    for pair in pairs(before, after):
        listeners += _listener(pair)
        if pair.before.listener is not None and pair.after.listener is not None:
            changes += Comparison(pair, wheres, cut).changes()
    changes.sort(key=lambda each: (_RANKS[each.effect], each.listener, each.paths, each.hosts, each.conditions))
    return DiffReport(tuple(changes), tuple(listeners), tuple(cut))


def _listener(pair: Pair) -> Iterator[ListenerChange]:
    old, new = pair.before.listener, pair.after.listener
    if old is None or new is None:
        if pair.before.hosts or pair.after.hosts:
            yield ListenerChange(pair.name, "removed" if new is None else "added")
    elif old.options != new.options:
        named = (
            (each.name, getattr(old.options, each.name), getattr(new.options, each.name))
            for each in fields(ListenerOptions)
        )
        differing = tuple(Difference(name, shown(one), shown(other)) for name, one, other in named if one != other)
        yield ListenerChange(pair.name, "options", differing)


class Comparison:
    """One listener of both sides."""

    def __init__(self, pair: Pair, wheres: Wheres, cut: list[str]) -> None:
        self.pair = pair
        self.wheres = wheres
        self.cut = cut
        self.clusters = changed_clusters(pair.before.clusters.values(), pair.after.clusters.values())
        self.specific = (
            pair.before.outcomes(None).most_specific_wins is not pair.after.outcomes(None).most_specific_wins
        )
        self.witnesses = Witnesses(pair)
        self.as_read = _reader(pair.listener.options)

    def changes(self) -> list[Change]:
        """Return the changes, those of several hosts that are the same joined."""
        found: dict[Hashable, tuple[Change, list[str]]] = {}
        known: dict[tuple[int, int], list[Class]] = {}
        for each in host_classes(self.pair.before.hosts, self.pair.after.hosts):
            key = id(each.before), id(each.after)
            if key not in known:
                known[key] = [] if self._same(each.before, each.after) else self.classes(each)
            for one in known[key]:
                alike = self._alike(each, one)
                if alike not in found:
                    found[alike] = self._change(each, one), []
                found[alike][1].append(each.name)
        return [replace(change, hosts=tuple(dict.fromkeys(hosts))) for change, hosts in found.values()]

    def _outcomes(self, hosts: HostClass, found: Class) -> tuple[Outcome, Outcome]:
        before = self.pair.before.outcomes(hosts.before).of(found.before)
        return before, self.pair.after.outcomes(hosts.after).of(found.after)

    def _alike(self, hosts: HostClass, found: Class) -> Hashable:
        """Return what a class is but for its host."""
        own = tuple(
            None if each is None else (each.route.number, each.route.origin[-1:])
            for each in (found.before, found.after)
        )
        there = hosts.before is None, hosts.after is None
        texts = path_classes(found.regions, found.territory), condition_texts(found.facts, found.methods)
        return self._outcomes(hosts, found), own, there, texts

    def _same(self, before: VirtualHost | None, after: VirtualHost | None) -> bool:
        """Tell whether two virtual hosts are the same but for where they are written."""
        if before is None or after is None:
            return before is after
        if (before.headers, before.policies, before.tls) != (after.headers, after.policies, after.tls):
            return False
        if len(before.routes) != len(after.routes) or self.specific:
            return False
        pairs_of = zip(before.routes, after.routes, strict=True)
        if not all(one is other or _same_route(one, other) for one, other in pairs_of):
            return False
        return not self.clusters or not any(map(self._uses_changed, before.routes))

    def _uses_changed(self, route: Route) -> bool:
        action = route.action
        if not isinstance(action, ForwardAction):
            return False
        named = (action.destination, *(arm.destination for arm in action.weighted))
        return any(each is not None and each.cluster in self.clusters for each in named)

    def classes(self, hosts: HostClass) -> list[Class]:
        """Return what is decided otherwise for a class of hosts."""
        sides = self.pair.before.outcomes(hosts.before), self.pair.after.outcomes(hosts.after)
        routes = [() if each is None else each.routes for each in (hosts.before, hosts.after)]
        flags = changed_routes(routes[0], routes[1], [side.of_route for side in sides])
        paths = [Paths([*entries_of(own, flag)]) for own, flag in zip(routes, flags, strict=True)]
        territory = Territory((paths[0], paths[1]), self.as_read)
        leaves: list[tuple[Region, Leaf]] = []
        for region in territory.regions():
            walk = Walk(
                territory,
                region,
                (paths[0].candidates(region), paths[1].candidates(region)),
                (sides[0].of, sides[1].of),
            )
            leaves += [(region, leaf) for leaf in walk.run()]
            if walk.cut or len(leaves) > MOST_CLASSES:
                self.cut.append(f"{hosts.name} below {region.text.decode('utf-8', 'backslashreplace')}")
            if len(leaves) > MOST_CLASSES:
                break
        return [*_grouped(territory, leaves, sides[0].of, sides[1].of)]

    def _change(self, hosts: HostClass, found: Class) -> Change:
        before, after = self._outcomes(hosts, found)
        what = effect(before, after)
        assert what is not None
        return Change(
            what,
            self.pair.name,
            (hosts.name,),
            path_classes(found.regions, found.territory),
            condition_texts(found.facts, found.methods),
            decided(hosts.before, found.before, before, self.pair.before.clusters, self.wheres.before),
            decided(hosts.after, found.after, after, self.pair.after.clusters, self.wheres.after),
            float(moved_share(before, after)) if what is Effect.MOVES else 0.0,
            differences(before, after),
            self.witnesses.find(hosts.example, found.leaves, (before, after), found.territory),
        )


def _reader(options: ListenerOptions) -> Callable[[bytes], bytes | None]:
    def as_read(path: bytes) -> bytes | None:
        try:
            return split_target(path, options)[1]
        except BadTargetError:
            return None

    return as_read


def _same_route(one: Route, other: Route) -> bool:
    return (
        one.matches == other.matches
        and one.action == other.action
        and one.headers == other.headers
        and one.policies == other.policies
    )


def _grouped(
    territory: Territory,
    leaves: Iterable[tuple[Region, Leaf]],
    before: Callable[[Entry | None], Outcome],
    after: Callable[[Entry | None], Outcome],
) -> Iterator[Class]:
    """Join leaves that come to the same: those of several methods, then those of several regions."""
    by_method: dict[object, list[tuple[Region, Leaf]]] = defaultdict(list)
    for region, leaf in leaves:
        entries = leaf.before, leaf.after
        ends = (
            tuple(None if each is None else id(each.route) for each in entries),
            before(leaf.before),
            after(leaf.after),
        )
        asked = method_of(leaf.facts)
        facts = without_methods(leaf.facts) if asked else leaf.facts
        by_method[region, facts, bool(asked), ends].append((region, leaf))
    by_region: dict[object, list[tuple[Region, Leaf]]] = defaultdict(list)
    for (_region, facts, _asked, ends), group in (
        (key, group) for key, group in by_method.items() if isinstance(key, tuple)
    ):
        methods = tuple(sorted(filter(None, (method_of(leaf.facts) for _, leaf in group))))
        by_region[facts, methods, ends] += group
    for (facts, methods, _ends), group in ((key, group) for key, group in by_region.items() if isinstance(key, tuple)):
        first = group[0][1]
        regions = tuple(dict.fromkeys(region for region, _ in group))
        yield Class(territory, regions, facts, methods, first.before, first.after, tuple(islice(group, 8)))
