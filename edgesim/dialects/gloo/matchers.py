"""Matchers (reference section 3)."""

from __future__ import annotations

import re

from edgesim.dialects.gloo.paths import check_path
from edgesim.dialects.gloo.regexes import check_regex
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import gateway
from edgesim.model import HeaderMatcher, PathKind, PathMatcher, QueryMatcher, RouteMatch, ValueKind

ANYTHING = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))
"""What a route without matchers matches."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


def is_header_name(name: str) -> bool:
    """Tell whether a name is a token (RFC 9110, section 5.1)."""
    return _TOKEN.match(name) is not None


def matches_of(route: gateway.Route, path: FieldPath, reporter: Reporter) -> tuple[RouteMatch, ...]:
    """Read the matchers of a route; none at all means the prefix `/`."""
    if not route.matchers:
        return (ANYTHING,)
    found = (_match(matcher, (*path, "matchers", i), reporter) for i, matcher in enumerate(route.matchers))
    return tuple(match for match in found if match is not None)


def _match(matcher: gateway.Matcher, path: FieldPath, reporter: Reporter) -> RouteMatch | None:
    """Read one matcher; None if nothing could match it."""
    where = _path(matcher, path, reporter)
    broken = len(reporter.broken)
    headers = [_header(item, (*path, "headers", i), reporter) for i, item in enumerate(matcher.headers)]
    query = [_query(item, (*path, "queryParameters", i), reporter) for i, item in enumerate(matcher.query_parameters)]
    for i, method in enumerate(matcher.methods):
        if not is_header_name(method):
            reporter.report("ES0227", (*path, "methods", i), f"{method!r} is not an HTTP method")
    if where is None or len(reporter.broken) > broken:
        return None
    return RouteMatch(where, tuple(headers), tuple(query), matcher.methods)


def _path(matcher: gateway.Matcher, path: FieldPath, reporter: Reporter) -> PathMatcher | None:
    sensitive = matcher.case_sensitive is not False
    if matcher.prefix is not None:
        check_path(matcher.prefix, (*path, "prefix"), reporter)
        return PathMatcher(PathKind.PREFIX, matcher.prefix, sensitive)
    if matcher.exact is not None:
        check_path(matcher.exact, (*path, "exact"), reporter)
        return PathMatcher(PathKind.EXACT, matcher.exact, sensitive)
    if matcher.regex is not None:
        check_regex(matcher.regex, (*path, "regex"), reporter)
        return PathMatcher(PathKind.REGEX, matcher.regex)
    if matcher.connect_matcher is not None:
        at = (*path, "connectMatcher")
        reporter.report("ES0226", at, "CONNECT is not simulated yet: this matcher is left out")
        return None
    hint = "add `prefix: /` to match any path"
    reporter.report("ES0205", path, "invalid route: no path specifier provided", hint)
    return None


def _header(header: gateway.HeaderMatcher, path: FieldPath, reporter: Reporter) -> HeaderMatcher:
    name = header.name.lower()
    if not is_header_name(name.removeprefix(":")):
        reporter.report("ES0227", (*path, "name"), f"{header.name!r} is not a header name")
    kind = _value_kind(header.value, header.regex, (*path, "value"), reporter)
    return HeaderMatcher(name, kind, header.value, header.invert_match)


def _query(query: gateway.QueryParameterMatcher, path: FieldPath, reporter: Reporter) -> QueryMatcher:
    if not query.name:
        reporter.report("ES0227", (*path, "name"), "a query parameter needs a name")
    return QueryMatcher(query.name, _value_kind(query.value, query.regex, (*path, "value"), reporter), query.value)


def _value_kind(value: str, regex: bool, path: FieldPath, reporter: Reporter) -> ValueKind:  # noqa: FBT001 - as the schema has it
    """An empty value asks for presence, even where `regex` is true."""
    if not value:
        return ValueKind.PRESENT
    if not regex:
        return ValueKind.EXACT
    check_regex(value, path, reporter)
    return ValueKind.REGEX
