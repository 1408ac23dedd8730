"""First match by scanning every matcher in order: the meaning the index must keep."""

from __future__ import annotations

import re2

from edgesim.model import (
    HeaderMatcher,
    PathKind,
    PathMatcher,
    QueryMatcher,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.routing.implication import conditions_imply, path_implies


def first_match(virtual_host: VirtualHost, head: RequestHead) -> tuple[Route, RouteMatch] | None:
    """Return the first route, and its matcher, that holds for the head."""
    for route in virtual_host.routes:
        for match in route.matches:
            if matches(match, head):
                return route, match
    return None


def matches(match: RouteMatch, head: RequestHead) -> bool:
    """Tell whether every condition of a matcher holds."""
    return (
        path_matches(match.path, head.path.decode())
        and (not match.methods or head.method.decode() in match.methods)
        and all(header_matches(matcher, head) for matcher in match.headers)
        and all(query_matches(matcher, head) for matcher in match.query)
    )


def path_matches(matcher: PathMatcher, path: str) -> bool:
    """Compare a path with its pattern."""
    if matcher.kind is PathKind.REGEX:
        return re2.fullmatch(matcher.value, path) is not None
    value = matcher.value if matcher.case_sensitive else matcher.value.lower()
    text = path if matcher.case_sensitive else path.lower()
    return text == value if matcher.kind is PathKind.EXACT else text.startswith(value)


def header_matches(matcher: HeaderMatcher, head: RequestHead) -> bool:
    """Compare every line of a header."""
    name = matcher.name.encode()
    lines = (head.repeated or {}).get(name) or ([head.headers[name]] if name in head.headers else [])
    if name == b":method":
        lines = [head.method]
    if matcher.kind is ValueKind.PRESENT:
        return bool(lines) is not matcher.invert
    return bool(lines) and any(value_matches(matcher, line) for line in lines) is not matcher.invert


def query_matches(matcher: QueryMatcher, head: RequestHead) -> bool:
    """Compare the first occurrence of a query parameter."""
    if not head.query:
        return False
    for piece in head.query.split(b"&"):
        key, _, value = piece.partition(b"=")
        if key == matcher.name.encode():
            return value_matches(matcher, value)
    return False


def value_matches(matcher: HeaderMatcher | QueryMatcher, value: bytes) -> bool:
    """Compare one value."""
    if matcher.kind is ValueKind.PRESENT:
        return True
    if matcher.kind is ValueKind.EXACT:
        return value.decode() == matcher.value
    return re2.fullmatch(matcher.value, value.decode()) is not None


def implies(later: RouteMatch, earlier: RouteMatch) -> bool:
    """Tell whether every request that `later` matches is matched by `earlier` too, as two matchers are compared."""
    return path_implies(later.path, earlier.path) and conditions_imply(later, earlier)
