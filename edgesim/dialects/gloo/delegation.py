"""The routes of one resource in one context: what they take over, and what delegating ones hand down (section 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec

from edgesim.dialects.gloo.guesses import Name
from edgesim.dialects.gloo.inheritance import (
    ANY_PATH,
    Options,
    fill,
    misfit,
    path_of,
    placed,
    with_conditions,
    with_path,
    with_refs,
)
from edgesim.dialects.gloo.memo import Reading
from edgesim.dialects.gloo.route_tables import sort_key
from edgesim.dialects.gloo.scope import Place, Reporter
from edgesim.dialects.gloo.shelves import Lookup
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema import gateway
from edgesim.dialects.schema.options import RouteOptions
from edgesim.model import InheritedOption, Origin, ResourceKey, Route


@dataclass(frozen=True, slots=True)
class Context:
    """What a delegating route hands down. `options` know the places of all their fields."""

    above: Context | None
    table: Name | None
    steps: Origin
    place: Place
    matcher: gateway.Matcher
    moved: dict[FieldPath, Place]
    inherits_conditions: bool
    inherits_paths: bool
    options: Options[RouteOptions]
    label: str
    named: bool

    def part(self, inside: FieldPath) -> Place:
        """Return where a part of the matcher was written."""
        found = self.moved.get(inside)
        if found is not None:
            return found
        return Place(self.place.resource, (*self.place.path, "matchers", 0, *inside))

    def equals(self, other: Context) -> bool:
        """Tell whether another hands down the same, if perhaps from a newer resource."""
        return (
            self.above is other.above
            and self.steps[-1] == other.steps[-1]
            and self.matcher == other.matcher
            and (self.inherits_conditions, self.inherits_paths) == (other.inherits_conditions, other.inherits_paths)
            and self.options.value == other.options.value
            and {name: place.step for name, place in self.options.places.items()}
            == {name: place.step for name, place in other.options.places.items()}
            and (self.label, self.named) == (other.label, other.named)
        )

    def way(self) -> Iterator[Context]:
        """Iterate from this context to the outermost."""
        context: Context | None = self
        while context is not None:
            yield context
            context = context.above


ReadRoute = Callable[[gateway.Route, FieldPath, int, Reporter, str, tuple[InheritedOption, ...]], Route | None]
"""Reads a route that does not delegate, given its number, name and what it inherited; None if it cannot be served."""


@dataclass(frozen=True, slots=True)
class Root:
    """What every route below one VirtualService shares.

    `label` is how its route names begin, `shared` whatever else `read_route` rests on.
    """

    key: ResourceKey
    label: str
    shared: object
    read_route: ReadRoute = field(compare=False)


Leaf = tuple[bytes, Route]
"""A route with what it is sorted by."""


@dataclass(slots=True, eq=False)
class Delegation:
    """A delegating route, the tables it chooses, and what was read of each."""

    context: Context
    action: gateway.DelegateAction
    choice: Reading[tuple[Name, ...]] | None = None
    children: dict[Name, Node] = field(default_factory=dict)
    branches: tuple[Node, ...] = ()
    """Those of the children that delegate further."""
    cycles: tuple[Name, ...] = ()
    """Those chosen that are on the way to this route already."""
    stamp: int = 0


Piece = Leaf | Delegation


@dataclass(frozen=True, slots=True)
class Pieces:
    """The routes of one node. Those that `lean` took something over, so that it counts who wrote that."""

    pieces: tuple[Piece, ...]
    delegations: tuple[Delegation, ...] = ()
    leans: bool = False


@dataclass(slots=True, eq=False)
class Node:
    """A VirtualService, or a RouteTable in one context; `stamp` is the version in which its leaves last changed."""

    resource: Resource
    context: Context | None
    reading: Reading[Pieces]
    lookups: frozenset[Lookup]
    stamp: int
    weight: int
    delegations: tuple[Delegation, ...]
    leaves: tuple[Leaf, ...] = ()


def read_pieces(
    routes: Sequence[gateway.Route], path: FieldPath, context: Context | None, root: Root, reporter: Reporter
) -> Pieces:
    """Read the routes of one resource in one context; `path` is that of `routes`."""
    reader = _Reader(context, root, reporter)
    found = (reader.read(route, (*path, i), i) for i, route in enumerate(routes))
    pieces = tuple(piece for piece in found if piece is not None)
    return Pieces(pieces, tuple(piece for piece in pieces if isinstance(piece, Delegation)), reader.leans)


class _Reader:
    """Reads the routes of one node."""

    def __init__(self, context: Context | None, root: Root, reporter: Reporter) -> None:
        self._context = context
        self._root = root
        self._reporter = reporter
        self.leans = False

    def read(self, route: gateway.Route, path: FieldPath, index: int) -> Piece | None:
        """Read one route; None if it is left out."""
        refs = (*path, "optionsConfigRefs")
        known = self._reporter.scope.shelves["RouteOption"]
        options = with_refs(route.options, route.options_config_refs, refs, known, "routeOption", self._reporter)
        matchers, moved = route.matchers, cast(dict[FieldPath, Place], {})
        if self._context is not None:
            matchers, moved = self._inherit(route, path, self._context)
            if not self._fits(matchers, route, path, self._context):
                return None
            options = fill(options, self._context.options.value, self._context.options.places.__getitem__)
        self.leans = self.leans or bool(moved) or bool(options.places)
        if route.delegate_action is not None:
            return self._delegate(route, path, index, matchers, moved, options)
        return self._leaf(route, path, index, matchers, moved, options)

    def _inherit(
        self, route: gateway.Route, path: FieldPath, context: Context
    ) -> tuple[tuple[gateway.Matcher, ...], dict[FieldPath, Place]]:
        """Take over what the parent's matcher gives: first the path, then the conditions."""
        matchers = route.matchers
        moved: dict[FieldPath, Place] = {}
        if _switch(route.inheritable_path_matchers, context.inherits_paths):
            matchers = with_path(matchers, context.matcher)
            for i in range(len(matchers)):
                moved[*path, "matchers", i, "prefix"] = context.part(("prefix",))
        matchers = matchers or (ANY_PATH,)
        if _switch(route.inheritable_matchers, context.inherits_conditions):
            for i, own in enumerate(matchers):
                moved |= self._shifted((*path, "matchers", i), own, context)
            matchers = with_conditions(matchers, context.matcher)
        return matchers, moved

    def _shifted(self, path: FieldPath, own: gateway.Matcher, context: Context) -> dict[FieldPath, Place]:
        """Say where the conditions of a matcher were written: the parent's stand before its own."""
        above = context.matcher
        places: dict[FieldPath, Place] = {}
        for name, inherited, kept in (
            ("headers", len(above.headers), len(own.headers)),
            ("queryParameters", len(above.query_parameters), len(own.query_parameters)),
            ("methods", len(above.methods), len(own.methods)),
        ):
            places |= {(*path, name, i): context.part((name, i)) for i in range(inherited)}
            places |= {
                (*path, name, inherited + i): Place(self._reporter.resource, (*path, name, i))
                for i in range(kept if inherited else 0)
            }
        return places

    def _fits(
        self, matchers: Sequence[gateway.Matcher], route: gateway.Route, path: FieldPath, context: Context
    ) -> bool:
        """Check that every matcher repeats what the parent's asks for; otherwise the whole route is dropped."""
        for i, matcher in enumerate(matchers):
            found = misfit(matcher, context.matcher)
            if found is not None:
                at = (*path, "matchers", i, *((found.field,) if found.field else ())) if route.matchers else path
                self._reporter.moved = {}
                self._reporter.report("ES0257", at, found.message, found.hint)
                return False
        return True

    def _leaf(
        self,
        route: gateway.Route,
        path: FieldPath,
        index: int,
        matchers: tuple[gateway.Matcher, ...],
        moved: dict[FieldPath, Place],
        options: Options[RouteOptions],
    ) -> Leaf | None:
        if matchers is not route.matchers or options.value is not route.options:
            route = msgspec.structs.replace(route, matchers=matchers, options=options.value)
        self._reporter.moved = {**moved, **options.moved((*path, "options"))}
        name = self._name(route, index) if self._context is not None else route.name
        inherited = tuple(InheritedOption(each, place.step) for each, place in options.places.items())
        found = self._root.read_route(route, path, index + 1, self._reporter, name, inherited)
        return None if found is None else (sort_key(matchers), found)

    def _delegate(
        self,
        route: gateway.Route,
        path: FieldPath,
        index: int,
        matchers: tuple[gateway.Matcher, ...],
        moved: dict[FieldPath, Place],
        options: Options[RouteOptions],
    ) -> Delegation | None:
        action = cast(gateway.DelegateAction, route.delegate_action)
        self._reporter.moved = moved
        matcher = self._delegating_matcher(matchers, path)
        if matcher is None:
            return None
        of, above = self._reporter.resource, self._context
        at = len((*path, "matchers", 0))
        context = Context(
            above=above,
            table=None if above is None else (of.namespace, of.name),
            steps=self._reporter.origin(path),
            place=Place(of, path),
            matcher=matcher,
            moved={key[at:]: place for key, place in moved.items()},
            inherits_conditions=_switch(route.inheritable_matchers, above is not None and above.inherits_conditions),
            inherits_paths=_switch(route.inheritable_path_matchers, above is not None and above.inherits_paths),
            options=placed(options, of, (*path, "options")),
            label=self._label(route, index),
            named=bool(route.name) or (above is not None and above.named),
        )
        return Delegation(context, action)

    def _delegating_matcher(self, matchers: Sequence[gateway.Matcher], path: FieldPath) -> gateway.Matcher | None:
        """Check the matcher of a delegating route (section 5.1)."""
        if not matchers:
            return ANY_PATH
        if len(matchers) > 1:
            text = "invalid route: routes with delegate actions must omit or specify a single matcher"
            self._reporter.report("ES0251", (*path, "matchers", 1), text, "write one route for each matcher")
            return None
        matcher, at = matchers[0], (*path, "matchers", 0)
        kind, text = path_of(matcher)
        if not kind:
            if matcher.headers or matcher.query_parameters or matcher.methods:
                text = (
                    "a delegating route's matcher without path counts as the prefix `/`: its other conditions are lost"
                )
                self._reporter.report("ES0620", at, text, "add `prefix: /`")
            return ANY_PATH
        if kind != "prefix" or not text:
            text = "invalid route: routes with delegate actions must use a prefix matcher"
            self._reporter.report("ES0250", (*at, kind), text, "use `prefix`")
            return None
        return matcher

    def _label(self, route: gateway.Route, index: int) -> str:
        of = self._reporter.resource
        owner = self._root.label if self._context is None else f"rt:{of.namespace}_{of.name}"
        return f"{owner}_route:{route.name or f'<unnamed-{index}>'}"

    def _name(self, route: gateway.Route, index: int) -> str:
        """Return Gloo's name of a delegated route: empty unless a route on its way was named (section 1)."""
        context = self._context
        if context is None or not (route.name or context.named):
            return ""
        labels = [self._label(route, index), *(each.label for each in context.way())]
        return "_".join(reversed(labels))


def _switch(own: bool | None, inherited: bool) -> bool:  # noqa: FBT001 - a value of the schema and what stands in for it
    return inherited if own is None else own
