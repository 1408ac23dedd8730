"""Routes that an earlier one takes the requests from, as Gloo's own lint finds them (reference section 3).

Only with Settings `gateway.validation.warnRouteShortCircuiting: true`. Gloo looks at texts: an earlier prefix is a string
prefix of the later path, even of a regex; an earlier regex is searched for, not matched as a whole. `edgesim check` has
notes of its own that are exact. Two matchers are equal to Gloo if they are written alike; here also if one spells out a
default (`caseSensitive: true`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from edgesim.dialects.gloo.guesses import dotted
from edgesim.dialects.gloo.memo import Memo
from edgesim.dialects.gloo.scope import Reporter, Scope
from edgesim.dialects.resource import Resource
from edgesim.model import OriginStep, PathKind, PathMatcher, Position, Problem, Route, RouteMatch, ValueKind
from edgesim.routing.implication import conditions_imply
from edgesim.routing.regexes import library


@dataclass(frozen=True, slots=True)
class _Entry:
    """One matcher, and the route it belongs to."""

    route: Route
    number: int
    match: RouteMatch


@dataclass(slots=True)
class _Seen:
    """The matchers before the one that is looked at."""

    whole: dict[RouteMatch, _Entry] = field(default_factory=dict)
    prefixes: dict[tuple[str, bool], list[_Entry]] = field(default_factory=dict)
    lengths: set[int] = field(default_factory=set)
    regexes: dict[str, list[_Entry]] = field(default_factory=dict)

    def add(self, entry: _Entry) -> None:
        """Take a matcher that has been looked at."""
        path = entry.match.path
        self.whole.setdefault(entry.match, entry)
        if path.kind is PathKind.PREFIX and path.value:
            self.prefixes.setdefault((path.value, path.case_sensitive), []).append(entry)
            self.lengths.add(len(path.value))
        elif path.kind is PathKind.REGEX:
            self.regexes.setdefault(path.value, []).append(entry)

    def hiding(self, later: _Entry) -> Iterator[tuple[_Entry, str]]:
        """Iterate over the matchers that hide a later one, with what Gloo says of it."""
        match, path = later.match, later.match.path
        shown = show(match)
        if match in self.whole:
            yield self.whole[match], f"has conflicting matcher: {shown}"
        for entry in self._prefixes(path):
            if conditions_imply(match, entry.match):
                what = f"earlier prefix [{entry.match.path.value}] short-circuited later route [{shown}]"
                yield entry, f"has unordered prefix routes, {what}"
        for entry in self._regexes(path):
            if conditions_imply(match, entry.match):
                what = f"earlier regex [{entry.match.path.value}] short-circuited later route [{shown}]"
                yield entry, f"has unordered regex routes, {what}"

    def _prefixes(self, path: PathMatcher) -> Iterator[_Entry]:
        for length in sorted(self.lengths):
            if length <= len(path.value):
                yield from self.prefixes.get((path.value[:length], path.case_sensitive), ())

    def _regexes(self, path: PathMatcher) -> Iterator[_Entry]:
        if path.kind is PathKind.REGEX:
            return
        for pattern, entries in self.regexes.items():
            if library().search(pattern, path.value) is not None:
                yield from entries


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """What was found in the routes of a VirtualService."""

    resource: Resource
    routes: tuple[Route, ...]
    problems: tuple[Problem, ...]


def report_short_circuits(resource: Resource, routes: tuple[Route, ...], scope: Scope, memo: Memo) -> None:
    """Report, on a VirtualService, each of its routes that an earlier one hides; look only where something changed."""
    key = ("short circuits", resource.namespace, resource.name)
    kept = memo.kept(key, _Kept)
    if kept is None or kept.resource is not resource or kept.routes is not routes:
        before = len(scope.problems)
        _report(resource, routes, Reporter(scope, resource))
        kept = _Kept(resource, routes, tuple(scope.problems[before:]))
    else:
        scope.problems.extend(kept.problems)
    memo.keep(key, kept)


def _report(resource: Resource, routes: Iterable[Route], reporter: Reporter) -> None:
    host = dotted((resource.namespace, resource.name))
    seen, said = _Seen(), set[str]()
    for route in routes:
        for number, match in enumerate(route.matches):
            entry = _Entry(route, number, match)
            for earlier, what in seen.hiding(entry):
                text = f"virtual host [{host}] {what}"
                if text not in said:
                    said.add(text)
                    _add(text, earlier, entry, reporter)
            seen.add(entry)


def _add(text: str, earlier: _Entry, later: _Entry, reporter: Reporter) -> None:
    """Report one, at the route of the VirtualService, with the places of both matchers."""
    step = later.route.origin[0]
    reporter.report("ES0225", step.path, text, f"it is after {_where(earlier)}")
    problems = reporter.scope.problems
    places = [_position(each.route.origin[-1], reporter) for each in (earlier, later)]
    problems[-1] = replace(problems[-1], related=tuple(each for each in places if each is not None))


def _where(entry: _Entry) -> str:
    step = entry.route.origin[-1]
    return f"route {entry.route.number} of {step.resource}"


def _position(step: OriginStep, reporter: Reporter) -> Position | None:
    owner = reporter.resource
    if step.kind == "RouteTable":
        owner = reporter.scope.tables.get((step.namespace, step.name), owner)
    place: Position | None = owner.source.place(step.path)
    return place


def show(match: RouteMatch) -> str:
    """Write a matcher as Gloo's messages do, in protobuf's text format."""
    path = match.path
    parts = [f"{path.kind.value}:{_quoted(path.value)}"]
    for header in match.headers:
        inside = [f"name:{_quoted(header.name)}", f"value:{_quoted(header.value)}" if header.value else ""]
        flags = ["regex:true" * (header.kind is ValueKind.REGEX), "invert_match:true" * header.invert]
        parts.append(f"headers:{{{_joined(*inside, *flags)}}}")
    for query in match.query:
        inside = [f"name:{_quoted(query.name)}", f"value:{_quoted(query.value)}" if query.value else ""]
        parts.append(f"query_parameters:{{{_joined(*inside, 'regex:true' * (query.kind is ValueKind.REGEX))}}}")
    parts += [f"methods:{_quoted(method)}" for method in match.methods]
    if not path.case_sensitive:
        parts.append("case_sensitive:{}")
    return _joined(*parts)


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
