"""Conditions of routes as Envoy's RouteMatch and StringMatcher."""

from __future__ import annotations

from edgesim.dialects.envoy.form import Json, given, listed, used
from edgesim.model import HeaderMatcher, PathKind, PathMatcher, QueryMatcher, RouteMatch, ValueKind
from edgesim.model.policies import StringMatch, StringMatchKind

_PATHS = {PathKind.PREFIX: "prefix", PathKind.EXACT: "path"}


def route_match(match: RouteMatch) -> Json:
    """Return a RouteMatch; methods are one header condition, as Gloo writes them."""
    headers = [*map(header_matcher, match.headers)]
    if match.methods:
        headers.append({"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(match.methods)}}})
    return {
        **_path(match.path),
        **given(headers=listed(headers), query_parameters=listed([*map(_query, match.query)])),
    }


def _path(path: PathMatcher) -> Json:
    if path.kind is PathKind.REGEX:
        return {"safe_regex": regex(path.value)}
    return {_PATHS[path.kind]: path.value, **({} if path.case_sensitive else {"case_sensitive": False})}


def regex(pattern: str) -> Json:
    """Return a RegexMatcher; Envoy takes no empty pattern, so that one is written as another that matches as little."""
    return {"regex": pattern or "()"}


def header_matcher(matcher: HeaderMatcher) -> Json:
    """Return a HeaderMatcher."""
    return {"name": matcher.name, **_condition(matcher), **used(invert_match=matcher.invert)}


def _query(matcher: QueryMatcher) -> Json:
    return {"name": matcher.name, **_condition(matcher)}


def _condition(matcher: HeaderMatcher | QueryMatcher) -> Json:
    if matcher.kind is ValueKind.PRESENT:
        return {"present_match": True}
    if matcher.kind is ValueKind.REGEX:
        return {"string_match": {"safe_regex": regex(matcher.value)}}
    return {"string_match": {"exact": matcher.value}}


def string_matcher(match: StringMatch) -> Json:
    """Return a StringMatcher."""
    if match.kind is StringMatchKind.REGEX:
        return {"safe_regex": regex(match.value), **used(ignore_case=match.ignore_case)}
    return {match.kind.value: match.value, **used(ignore_case=match.ignore_case)}
