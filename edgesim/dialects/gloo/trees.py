"""Delegation: the routes of a VirtualService and of the RouteTables below it, as one list (reference section 5).

A VirtualService and each RouteTable, once for every way that leads to it, is a node of a tree. A node is read
alone (`delegation`); then the tree is flattened from the leaves up. Trees are kept from one translation to
the next, so that only those nodes are read again whose resource, context or lookups have changed. Nothing
here recurses: Gloo knows no maximum depth.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress, repeat
from operator import attrgetter, itemgetter
from typing import Any, cast

from edgesim.dialects.gloo.delegation import Context, Delegation, Leaf, Node, Pieces, Root, read_pieces
from edgesim.dialects.gloo.guesses import Name, dotted
from edgesim.dialects.gloo.memo import Memo, Reading, is_same, reading_of
from edgesim.dialects.gloo.route_tables import Catalogue, choose_tables
from edgesim.dialects.gloo.scope import Reporter, Scope
from edgesim.dialects.gloo.shelves import Lookup
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema import gateway
from edgesim.model import Problem, ResourceKey, Route

MAX_NODES = 50_000
"""Ways to RouteTables below one VirtualService. Tables that select each other multiply, and Gloo never ends."""

_lookups: Callable[[Any], frozenset[Lookup]] = attrgetter("lookups")


@dataclass(slots=True, eq=False)
class Tree:
    """A VirtualService's node and all below it, flattened.

    `lookups` is what any of them rests on (and perhaps a little more: `exact` is how many there were when
    they were last counted).
    """

    root: Root
    top: Node
    routes: tuple[Route, ...] = ()
    readings: tuple[Reading[Any], ...] = ()
    errors: tuple[Problem, ...] = ()
    lookups: frozenset[Lookup] = frozenset()
    exact: int = 0

    def replay(self, scope: Scope) -> None:
        """Leave in the scope what the readings of the tree left there."""
        for reading in self.readings:
            reading.replay(scope)
        scope.problems.extend(self.errors)


@dataclass(slots=True)
class Grower:
    """Grows trees within one translation; `_fresh` is what was read for the tree at hand."""

    scope: Scope
    memo: Memo
    catalogue: Catalogue
    _fresh: list[frozenset[Lookup]] = field(default_factory=list)

    def is_current(self, tree: Tree) -> bool:
        """Tell whether nothing that a tree rests on has changed, but for the VirtualService itself."""
        return tree.lookups.isdisjoint(self.memo.changed)

    def grow(self, old: Tree | None, resource: Resource, root: Root, read_top: Callable[[], Pieces]) -> Tree:
        """Return the tree of a VirtualService, keeping of an old one whatever is still valid."""
        if old is not None and old.root != root:
            old = None
        if old is not None and old.top.resource is resource and self.memo.valid(old.top.reading):
            return old if self.is_current(old) else self._grown(Tree(root, old.top), old)
        top = self._node(resource, None, reading_of(self.scope, read_top), old.top if old is not None else None)
        return self._grown(Tree(root, top), old)

    def _grown(self, tree: Tree, old: Tree | None) -> Tree:
        self._fresh = [tree.top.lookups]
        nodes = self._walk(tree)
        for node in reversed(nodes):  # children stand after their parents
            self._flatten(node)
        routes = tuple(map(itemgetter(1), tree.top.leaves))
        tree.routes = old.routes if old is not None and is_same(old.routes, routes) else routes
        delegations = [each for node in nodes for each in node.delegations]
        tables = [*chain.from_iterable(each.children.values() for each in delegations)]
        choices = [each.choice for each in delegations if each.choice is not None]
        readings: list[Reading[Any]] = [tree.top.reading, *choices, *map(attrgetter("reading"), tables)]
        tree.readings = tuple(each for each in readings if each.problems or each.kube_destinations)
        tree.errors = tuple(self._errors(delegations, tree.root))
        if old is not None and len(old.lookups) < 2 * old.exact:
            tree.lookups, tree.exact = old.lookups.union(*self._fresh), old.exact
        else:
            tree.lookups = tree.top.lookups.union(*map(_lookups, choices), *map(_lookups, tables))
            tree.exact = len(tree.lookups)
        return tree

    # --- from the top down: what is there -----------------------------------------------------------

    def _walk(self, tree: Tree) -> list[Node]:
        """Bring a tree up to date; return the nodes that delegate (and the top), parents before children."""
        found: list[Node] = []
        waiting = [tree.top]
        count = 0
        while waiting:
            node = waiting.pop()
            found.append(node)
            for delegation in node.delegations:
                if count > MAX_NODES:
                    delegation.choice, delegation.children, delegation.branches = None, {}, ()
                    delegation.cycles = ()
                else:
                    self._update(delegation, node, tree.root)
                count += len(delegation.children)
            below = [branch for delegation in node.delegations for branch in delegation.branches]
            waiting.extend(reversed(below))
        return found

    def _update(self, delegation: Delegation, node: Node, root: Root) -> None:
        """Choose the tables of a delegating route, and read again those that are not valid."""
        before = delegation.children
        if delegation.choice is None or not self.memo.valid(delegation.choice):
            delegation.children = self._choose(delegation, node, root)
        changed, children = self.memo.changed, delegation.children
        untouched = map(frozenset.isdisjoint, map(_lookups, before.values()), repeat(changed))
        stale = [name for name in compress(before, map(operator.not_, untouched)) if name in children]
        for name in stale:
            children[name] = self._read(before[name], name, delegation.context, root)
        if stale or children is not before:
            delegation.branches = tuple(child for child in children.values() if child.delegations)
            same = len(before) == len(children) and all(map(operator.eq, before, children)) and not stale
            delegation.stamp = delegation.stamp if same else self.memo.version

    def _choose(self, delegation: Delegation, node: Node, root: Root) -> dict[Name, Node]:
        """Choose the tables of a delegating route, and read those it did not have before."""
        context = delegation.context
        reporter = self._reporter(node.resource, node.context, root)
        path = (*context.place.path, "delegateAction")
        choice = reading_of(self.scope, lambda: choose_tables(delegation.action, path, reporter, self.catalogue))
        self._fresh.append(choice.lookups)
        on_way = {each.table for each in context.way()}
        cycles = [name for name in choice.value if name in on_way]
        if cycles:  # it matters to their problems where they are written
            looked = choice.lookups | {("RouteTable", *name) for name in cycles}
            choice = Reading(choice.value, looked, choice.problems, choice.kube_destinations)
        delegation.choice = choice
        delegation.cycles = tuple(cycles)
        before = delegation.children
        return {
            name: before[name] if name in before else self._read(None, name, context, root)
            for name in choice.value
            if name not in on_way
        }

    def _read(self, old: Node | None, name: Name, context: Context, root: Root) -> Node:
        """Read a table in a context."""
        resource = self._table(name)
        routes = cast(gateway.RouteTable, resource.typed).spec.routes
        reporter = self._reporter(resource, context, root)
        reading = reading_of(self.scope, lambda: read_pieces(routes, ("spec", "routes"), context, root, reporter))
        return self._node(resource, context, reading, old)

    def _node(self, resource: Resource, context: Context | None, reading: Reading[Pieces], old: Node | None) -> Node:
        """Make a node, keeping of the old one what came out equal."""
        if old is not None and old.context is context:
            reading = _take_over(old.reading, reading)
        key = resource.key
        node = Node(
            resource=resource,
            context=context,
            reading=reading,
            lookups=reading.lookups | {(key.kind, key.namespace, key.name)},
            stamp=self.memo.version,
            weight=0 if context is None else weight_of(resource),
            delegations=reading.value.delegations,
            leaves=() if reading.value.delegations else cast(tuple[Leaf, ...], reading.value.pieces),
        )
        self._fresh.append(node.lookups)
        return node

    def _table(self, name: Name) -> Resource:
        """Return a table that was chosen; no lookup is recorded, for the choice rests on it."""
        return dict.__getitem__(self.scope.tables, name)

    def _reporter(self, resource: Resource, context: Context | None, root: Root) -> Reporter:
        if context is None:
            return Reporter(self.scope, resource)
        return Reporter(self.scope, resource, affects=(root.key,), above=context.steps)

    def _errors(self, delegations: Iterable[Delegation], root: Root) -> Iterator[Problem]:
        """Report cycles, one way into each, and the first place where the tree was cut off."""
        seen: set[tuple[Name, FieldPath, ResourceKey]] = set()
        cut = False
        for each in delegations:
            place = each.context.place
            if each.choice is None and not cut:
                cut = True
                text = f"more than {MAX_NODES} ways lead to route tables: they select each other"
                reporter = self._reporter(place.resource, each.context.above, root)
                yield _reported(reporter, "ES0260", (*place.path, "delegateAction"), text)
            for name in each.cycles:
                way = [*each.context.way()][::-1]
                start = next(context.place.path for context in way if context.table == name)
                key = (name, start, place.resource.key)
                if key not in seen:
                    seen.add(key)
                    yield self._cycle(way, name, start, root)

    def _cycle(self, way: Sequence[Context], name: Name, start: FieldPath, root: Root) -> Problem:
        """Report a cycle on the table that is about to be revisited, at its route that leads into the cycle."""
        names = [dotted(each.table) for each in way if each.table is not None]
        text = " -> ".join(f"[{each}]" for each in [*names, dotted(name)])
        last = way[-1].place.resource
        affects = tuple(dict.fromkeys((last.key, root.key)))
        reporter = Reporter(self.scope, self._table(name), affects=affects)
        hint = f"{dotted((last.namespace, last.name))} leads back here"
        text = f"invalid route: delegation cycle detected: {text}"
        return _reported(reporter, "ES0259", (*start, "delegateAction"), text, hint)

    # --- from the bottom up: in which order ---------------------------------------------------------

    def _flatten(self, node: Node) -> None:
        """Put the leaves of a delegating node in order, if anything below it has changed."""
        version = self.memo.version
        if not node.delegations:
            return
        if node.stamp != version and not any(
            each.stamp == version or any(branch.stamp == version for branch in each.branches)
            for each in node.delegations
        ):
            return
        node.stamp = version
        node.leaves = tuple(
            chain.from_iterable(
                _in_order(piece.children.values(), [weight_of(self._table(name)) for name in piece.cycles])
                if isinstance(piece, Delegation)
                else (piece,)
                for piece in node.reading.value.pieces
            )
        )


def weight_of(table: Resource) -> int:
    """Return the weight of a RouteTable; a missing one is 0."""
    return cast(gateway.RouteTable, table.typed).spec.weight or 0


def _in_order(tables: Collection[Node], others: Collection[int]) -> Iterable[Leaf]:
    """Return the routes of tables by weight; those of several tables of one weight are sorted (section 5.3).

    `others` are the weights of tables that were chosen too, and left out because they close a cycle.
    """
    weights = {table.weight for table in tables}
    if len(weights) == 1 and not others:
        return _group(tables, len(tables))
    groups: dict[int, list[Node]] = {weight: [] for weight in sorted(weights)}
    for table in tables:
        groups[table.weight].append(table)
    counts = Counter(others)
    return chain.from_iterable(_group(group, len(group) + counts[weight]) for weight, group in groups.items())


def _group(tables: Collection[Node], count: int) -> Iterable[Leaf]:
    leaves = chain.from_iterable([table.leaves for table in tables])
    return leaves if count == 1 else sorted(leaves, key=itemgetter(0))


def _take_over(old: Reading[Pieces], new: Reading[Pieces]) -> Reading[Pieces]:
    """Keep routes that came out equal, and what is below delegating routes that hand down what they did before.

    Below a delegating route those are read again that lean on their parent's resource: it matters to their
    problems where in it a field stands.
    """
    before = {each.context.place.path: each for each in old.value.delegations}
    for delegation in new.value.delegations:
        match = before.get(delegation.context.place.path)
        if match is not None and delegation.context.equals(match.context):
            kept = {name: child for name, child in match.children.items() if not child.reading.value.leans}
            delegation.children = kept
    leaves = {piece[1].number: piece for piece in old.value.pieces if not isinstance(piece, Delegation)}
    pieces = tuple(
        piece if isinstance(piece, Delegation) else _equal(leaves.get(piece[1].number), piece)
        for piece in new.value.pieces
    )
    value = Pieces(pieces, new.value.delegations, new.value.leans)
    return Reading(value, new.lookups, new.problems, new.kube_destinations)


def _equal(old: Leaf | None, new: Leaf) -> Leaf:
    return old if old is not None and old == new else new


def _reported(reporter: Reporter, code: str, path: FieldPath, text: str, hint: str = "") -> Problem:
    """Make a problem without leaving it in the scope: the tree keeps it."""
    return reading_of(reporter.scope, lambda: reporter.report(code, path, text, hint)).problems[0]
