"""Compare two models: every class of requests that is decided otherwise, each with a request to show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, fields, replace

from edgesim.http1.target import BadTargetError, split_target
from edgesim.inspect.diff.classes import condition_texts, method_of, path_classes, without_methods
from edgesim.inspect.diff.decided import decided, differences, shown
from edgesim.inspect.diff.entries import Entry, changed_routes, entries_of
from edgesim.inspect.diff.hosts import HostClass, host_classes
from edgesim.inspect.diff.membership import in_regions, meets
from edgesim.inspect.diff.meter import Meter, Watch, nobody
from edgesim.inspect.diff.outcomes import Effect, Outcome, effect, moved_share
from edgesim.inspect.diff.regions import Region, Territory
from edgesim.inspect.diff.regions import Side as Paths
from edgesim.inspect.diff.report import Change, Difference, DiffReport, ListenerChange
from edgesim.inspect.diff.sides import Pair, changed_clusters, pairs
from edgesim.inspect.diff.walk import Fact, Leaf, Truths, Walk
from edgesim.inspect.diff.witness import Witnesses
from edgesim.inspect.steps import Where
from edgesim.model import ForwardAction, ListenerOptions, Model, RequestHead, Route, VirtualHost

MOST_CLASSES = 2_000
"""So many classes of one virtual host are told apart."""
MOST_WORK = 6_000_000
"""So much work the classes of one listener may be."""
_MOST_WORK_FOR_EXAMPLES = 2_000_000
_MOST_TRIED = 8
"""So many joined leaves are tried for a request to show a class."""
_RANKS = {each: rank for rank, each in enumerate(Effect)}


@dataclass(frozen=True, slots=True)
class Wheres:
    """How the lines of both sides are found."""

    before: Where
    after: Where


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class before it is put in words: regions of paths, facts, methods, and the entries that decide.

    `leaves` are some of those it was joined from.
    """

    hosts: _Hosts
    territory: Territory
    regions: tuple[Region, ...]
    facts: frozenset[Fact]
    methods: tuple[str, ...]
    before: Entry | None
    after: Entry | None
    outcomes: tuple[Outcome, Outcome]
    leaves: tuple[tuple[Region, Leaf], ...]

    def takes(self, head: RequestHead, known: Collection[bytes] | None = None) -> bool | None:
        """Tell whether a request of the class's host, with its pseudo headers, is one of it (`membership.meets`)."""
        if not in_regions(self.regions, self.territory, head.path):
            return False
        return meets(self.facts, self.methods, head, known)


@dataclass(frozen=True, slots=True)
class Compared:
    """The report, and what it was made from: each listener on both sides, with its changes."""

    report: DiffReport
    comparisons: tuple[Comparison, ...]


def compare(before: Model, after: Model, wheres: Wheres, watch: Watch = nobody) -> Compared:
    """Return what is decided otherwise. Raises ValueError where a model holds what no router takes.

    `watch` is told how many regions of paths of a virtual host are done, and of how many.
    """
    paired = pairs(before, after)
    both = [each for each in paired if each.before.listener is not None and each.after.listener is not None]
    comparisons = tuple(Comparison(pair, wheres, watch) for pair in both)
    changes = [change for each in comparisons for change in each.changes()]
    changes.sort(key=lambda each: (_RANKS[each.effect], each.listener, each.paths, each.hosts, each.conditions))
    listeners = tuple(change for pair in paired for change in _listener(pair))
    cut = tuple(said for each in comparisons for said in each.cut)
    return Compared(DiffReport(tuple(changes), listeners, cut), comparisons)


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

    def __init__(self, pair: Pair, wheres: Wheres, watch: Watch = nobody) -> None:
        """Take both sides, how their lines are found, and who watches."""
        self.pair = pair
        self.wheres = wheres
        self.watch = watch
        self.truths = Truths(Meter(MOST_WORK))
        self.cut: list[str] = []
        self.known: dict[tuple[int, int], list[Class]] = {}
        self.found: dict[Hashable, Change] = {}
        self.clusters = changed_clusters(pair.before.clusters.values(), pair.after.clusters.values())
        self.specific = (
            pair.before.outcomes(None).most_specific_wins is not pair.after.outcomes(None).most_specific_wins
        )
        self.witnesses = Witnesses(pair, Meter(_MOST_WORK_FOR_EXAMPLES))
        self.as_read = _reader(pair.listener.options)

    def changes(self) -> list[Change]:
        """Return the changes, those of several hosts that are the same joined."""
        hosts: dict[Hashable, dict[str, None]] = defaultdict(dict)
        for each in host_classes(self.pair.before.hosts, self.pair.after.hosts):
            for one in self.between(each.before, each.after):
                alike = self.alike(one)
                if alike not in self.found:
                    self.found[alike] = self._change(each, one)
                hosts[alike][each.name] = None
        self.found = {alike: replace(change, hosts=tuple(hosts[alike])) for alike, change in self.found.items()}
        return list(self.found.values())

    def between(self, before: VirtualHost | None, after: VirtualHost | None) -> list[Class]:
        """Return what is decided otherwise by two virtual hosts, None for none."""
        key = id(before), id(after)
        if key not in self.known:
            self.known[key] = [] if self._same(before, after) else self._classes(before, after)
        return self.known[key]

    def alike(self, found: Class) -> Hashable:
        """Return what a class is but for its host."""
        own = tuple(
            None if each is None else (each.route.number, each.route.origin[-1:])
            for each in (found.before, found.after)
        )
        there = found.hosts[0] is None, found.hosts[1] is None
        texts = path_classes(found.regions, found.territory), condition_texts(found.facts, found.methods)
        return found.outcomes, own, there, texts

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

    def _classes(self, before: VirtualHost | None, after: VirtualHost | None) -> list[Class]:
        sides = self.pair.before.outcomes(before), self.pair.after.outcomes(after)
        routes = [() if each is None else each.routes for each in (before, after)]
        flags = changed_routes(routes[0], routes[1], [side.of_route for side in sides])
        paths = [Paths([*entries_of(own, flag)]) for own, flag in zip(routes, flags, strict=True)]
        territory = Territory((paths[0], paths[1]), self.as_read)
        leaves = self._leaves(territory, (sides[0].of, sides[1].of), before or after)
        return [*_grouped((before, after), territory, leaves, (sides[0].of, sides[1].of))]

    def _leaves(self, territory: Territory, decides: _Decides, host: VirtualHost | None) -> list[tuple[Region, Leaf]]:
        leaves: list[tuple[Region, Leaf]] = []
        regions = [*territory.regions()]
        for number, region in enumerate(regions):
            self.watch(number, len(regions))
            old, new = (side.candidates(region) for side in territory.sides)
            walk = Walk(territory, region, (old, new), decides, self.truths)
            leaves += [(region, leaf) for leaf in walk.run()]
            if walk.cut or len(leaves) > MOST_CLASSES:
                name = "" if host is None else host.name
                self.cut.append(f"{name} below {region.text.decode('utf-8', 'backslashreplace')}")
            if len(leaves) > MOST_CLASSES or self.truths.meter.spent:
                break
        return leaves

    def _change(self, hosts: HostClass, found: Class) -> Change:
        before, after = found.outcomes
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


_Hosts = tuple[VirtualHost | None, VirtualHost | None]
_Decides = tuple[Callable[[Entry | None], Outcome], Callable[[Entry | None], Outcome]]


def _grouped(
    hosts: _Hosts, territory: Territory, leaves: Iterable[tuple[Region, Leaf]], decides: _Decides
) -> Iterator[Class]:
    """Join leaves that come to the same: those of several methods, then those of several regions."""
    by_method: dict[tuple[Region, frozenset[Fact], bool, Hashable], list[Leaf]] = defaultdict(list)
    for region, leaf in leaves:
        asked = bool(method_of(leaf.facts))
        routes = tuple(None if each is None else id(each.route) for each in (leaf.before, leaf.after))
        ends = routes, decides[0](leaf.before), decides[1](leaf.after)
        by_method[region, without_methods(leaf.facts) if asked else leaf.facts, asked, ends].append(leaf)
    by_region: dict[tuple[frozenset[Fact], tuple[str, ...], Hashable], list[tuple[Region, Leaf]]] = defaultdict(list)
    for (region, facts, _asked, came_to), group in by_method.items():
        methods = tuple(sorted(filter(None, (method_of(leaf.facts) for leaf in group))))
        by_region[facts, methods, came_to] += [(region, leaf) for leaf in group]
    for (facts, methods, _ends), joined in by_region.items():
        before, after = joined[0][1].before, joined[0][1].after
        outcomes = decides[0](before), decides[1](after)
        regions = tuple(dict.fromkeys(region for region, _ in joined))
        yield Class(hosts, territory, regions, facts, methods, before, after, outcomes, tuple(joined[:_MOST_TRIED]))
