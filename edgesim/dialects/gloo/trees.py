"""Delegation: the routes of a VirtualService and of the RouteTables below it, as one list (reference section 5).

A VirtualService and each RouteTable, once for every way that leads to it, is a node of a tree. A node is read
alone (`delegation`); then the tree is flattened from the leaves up. Trees are kept from one translation to
the next, so that only those nodes are read again whose resource, context or lookups have changed. Nothing
here recurses: Gloo knows no maximum depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, cast

from edgesim.dialects.gloo.delegation import Context, Delegation, Leaf, Node, Pieces, Root, read_pieces
from edgesim.dialects.gloo.memo import Memo, Reading, reading_of
from edgesim.dialects.gloo.route_tables import Catalogue, choose_tables
from edgesim.dialects.gloo.scope import Lookup, Name, Reporter, Scope, dotted
from edgesim.dialects.resource import Resource
from edgesim.dialects.schema import gateway
from edgesim.model import Problem, Route

MAX_NODES: Final = 200_000
"""Ways to RouteTables below one VirtualService. Tables that select each other multiply, and Gloo never ends."""


@dataclass(slots=True, eq=False)
class Tree:
    """A VirtualService's node and all below it, flattened; `lookups` is what any of them rests on."""

    root: Root
    top: Node
    routes: tuple[Route, ...] = ()
    readings: tuple[Reading[Any], ...] = ()
    cycles: tuple[Problem, ...] = ()
    lookups: frozenset[Lookup] = frozenset()

    def replay(self, scope: Scope) -> None:
        """Leave in the scope what the readings of the tree left there."""
        for reading in self.readings:
            reading.replay(scope)
        scope.problems.extend(self.cycles)


@dataclass(slots=True)
class Grower:
    """Grows trees within one translation."""

    scope: Scope
    memo: Memo
    catalogue: Catalogue
    _nodes: list[Node] = field(default_factory=list)

    def grow(self, old: Tree | None, resource: Resource, root: Root, read_top: Callable[[], Pieces]) -> Tree:
        """Return the tree of a VirtualService, keeping of an old one whatever is still valid."""
        if old is not None and old.top.resource is resource and old.root == root:
            if old.lookups.isdisjoint(self.memo.changed):
                return old
            if self.memo.valid(old.top.reading):
                return self._grown(Tree(root, old.top))
        top = Node(resource, None, reading_of(self.scope, read_top), self.memo.version)
        if old is not None and old.root == root:
            _take_over(old.top, top)
        return self._grown(Tree(root, top))

    def _grown(self, tree: Tree) -> Tree:
        nodes = self._walk(tree)
        for node in reversed(nodes):  # children stand after their parents
            self._flatten(node)
        readings: list[Reading[Any]] = [each for node in nodes for each in (node.reading, *_choices(node))]
        tree.routes = tuple(route for _, route in tree.top.leaves)
        tree.readings = tuple(each for each in readings if each.problems or each.kube_destinations)
        tree.lookups = frozenset().union(*(reading.lookups for reading in readings))
        tree.cycles = tuple(
            problem for node in nodes for delegation in node.delegations for problem in delegation.cycles
        )
        return tree

    def _walk(self, tree: Tree) -> list[Node]:
        """Bring every node of a tree up to date, from the top; return them so that parents stand before children."""
        found: list[Node] = []
        waiting = [tree.top]
        while waiting:
            node = waiting.pop()
            found.append(node)
            below: list[Node] = []
            for delegation in node.delegations:
                if len(found) + len(waiting) > MAX_NODES:
                    self._refuse(delegation, node, tree.root)
                else:
                    self._choose(delegation, node, tree.root)
                below.extend(delegation.children.values())
            waiting.extend(reversed(below))
        return found

    def _choose(self, delegation: Delegation, node: Node, root: Root) -> None:
        """Choose the tables of a delegating route, and read those anew that are not valid."""
        if delegation.choice is None or not self.memo.valid(delegation.choice):
            reporter = self._reporter(node.resource, node.context, root)
            path = (*delegation.context.place.path, "delegateAction")
            choice = reading_of(self.scope, lambda: choose_tables(delegation.action, path, reporter, self.catalogue))
            if delegation.choice is None or delegation.choice.value != choice.value:
                node.stamp = self.memo.version
            delegation.choice = choice
        on_way = {each.table for each in delegation.context.way()}
        before, children = delegation.children, {}
        cycles: list[Problem] = []
        for name in delegation.choice.value:
            if name in on_way:
                cycles.append(self._cycle(delegation, node, name, root))
            else:
                children[name] = self._child(before.get(name), name, delegation.context, root)
        delegation.children, delegation.cycles = children, tuple(cycles)

    def _child(self, old: Node | None, name: Name, context: Context, root: Root) -> Node:
        resource = dict.__getitem__(self.scope.tables, name)
        if old is not None and old.resource is resource and self.memo.valid(old.reading):
            return old
        routes = cast(gateway.RouteTable, resource.typed).spec.routes
        reporter = self._reporter(resource, context, root)
        reading = reading_of(self.scope, lambda: read_pieces(routes, ("spec", "routes"), context, root, reporter))
        reading = _resting_on(reading, resource)
        node = Node(resource, context, reading, self.memo.version)
        if old is not None and old.context is context:
            _take_over(old, node)
        return node

    def _reporter(self, resource: Resource, context: Context | None, root: Root) -> Reporter:
        affects = () if context is None else (root.key,)
        return Reporter(self.scope, resource, affects=affects, above=() if context is None else context.steps)

    def _cycle(self, delegation: Delegation, node: Node, name: Name, root: Root) -> Problem:
        """Report a cycle, on the table that is about to be revisited: at its route that leads into the cycle."""
        way = [context for context in delegation.context.way() if context.table is not None]
        way.reverse()
        names = [dotted(cast(Name, context.table)) for context in way]
        context = next(each for each in way if each.table == name)
        text = " -> ".join(f"[{each}]" for each in [*names, dotted(name)])
        reporter = Reporter(self.scope, dict.__getitem__(self.scope.tables, name))
        reporter.affects = tuple(dict.fromkeys((node.resource.key, root.key)))
        path = (*context.place.path, "delegateAction")
        hint = f"{dotted((node.resource.namespace, node.resource.name))} leads back here"
        reading = reading_of(
            self.scope,
            lambda: reporter.report("ES0259", path, f"invalid route: delegation cycle detected: {text}", hint),
        )
        return reading.problems[0]

    def _refuse(self, delegation: Delegation, node: Node, root: Root) -> None:
        """Give up on a tree that grows without end."""
        text = f"more than {MAX_NODES} ways lead to route tables: they select each other"
        reporter = self._reporter(node.resource, node.context, root)
        path = (*delegation.context.place.path, "delegateAction")
        reading = reading_of(self.scope, lambda: reporter.report("ES0260", path, text))
        delegation.choice = None
        delegation.children, delegation.cycles = {}, reading.problems

    def _flatten(self, node: Node) -> None:
        """Put the leaves of a node in order, if any below it has changed."""
        delegations = node.delegations
        changed = any(child.stamp == self.memo.version for each in delegations for child in each.children.values())
        if not changed and node.stamp != self.memo.version:
            return
        node.stamp = self.memo.version
        leaves: list[Leaf] = []
        for piece in node.reading.value.pieces:
            if isinstance(piece, Delegation):
                leaves.extend(_in_order(piece.children.values()))
            else:
                leaves.append(piece)
        node.leaves = tuple(leaves)


def _in_order(tables: Iterable[Node]) -> list[Leaf]:
    """Return the routes of tables by weight; those of several tables of one weight are sorted (section 5.3)."""
    groups: dict[int, list[Node]] = {}
    for table in tables:
        groups.setdefault(table.weight, []).append(table)
    found: list[Leaf] = []
    for _weight, group in sorted(groups.items(), key=itemgetter(0)):
        leaves = [leaf for table in group for leaf in table.leaves]
        if len(group) > 1:
            leaves.sort(key=itemgetter(0))
        found.extend(leaves)
    return found


def _take_over(old: Node, new: Node) -> None:
    """Keep the nodes below delegating routes that hand down what they handed down before.

    Those that lean on the node's resource are read again: it matters to their problems where a field stands.
    """
    before = {each.context.place.path: each for each in old.delegations}
    for delegation in new.delegations:
        match = before.get(delegation.context.place.path)
        if match is not None and delegation.context.equals(match.context):
            kept = {name: child for name, child in match.children.items() if not child.reading.value.leans}
            delegation.children = kept


def _resting_on(reading: Reading[Pieces], resource: Resource) -> Reading[Pieces]:
    key = resource.key
    lookups = reading.lookups | {(key.kind, key.namespace, key.name)}
    return Reading(reading.value, lookups, reading.problems, reading.kube_destinations)


def _choices(node: Node) -> list[Reading[Any]]:
    return [each.choice for each in node.delegations if each.choice is not None]
