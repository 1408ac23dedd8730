"""One route: its matchers, action, options; and what stands in for one that is broken (reference sections 2.4 and 9.5).

With Settings `gloo.invalidConfigPolicy.replaceInvalidRoutes` a route that forwards and has a route error or a missing
destination answers with the configured response. Its matchers and its other options stay: only the options at fault
are taken off, and matchers that nothing can match (without a path, or with impossible names). With no matcher left,
the route is left out: answering everything instead would take requests away from the routes after it. Of a split only
the broken entries are replaced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec

from edgesim.dialects.gloo.actions import read_action
from edgesim.dialects.gloo.destinations import FALLBACK
from edgesim.dialects.gloo.headers import mutations_of
from edgesim.dialects.gloo.matchers import matches_of
from edgesim.dialects.gloo.policies import direct_response_headers, route_policies
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import gateway
from edgesim.dialects.schema.options import RouteOptions, SharedOptions
from edgesim.model import NO_MUTATIONS, Action, ForwardAction, HeaderMutations, InheritedOption, Policies, Route


def read_route(
    route: gateway.Route,
    path: FieldPath,
    number: int,
    reporter: Reporter,
    name: str,
    inherited: tuple[InheritedOption, ...] = (),
) -> Route | None:
    """Translate one route; one with an error is left out, or replaced where Settings say so."""
    errors = reporter.errors
    with _replacing(route, reporter):
        matches = matches_of(route, path, reporter)
        action, headers, policies = _rest(route, path, reporter)
        if reporter.broken:
            action, headers, policies = _replaced(route, path, reporter)
    if action is None or not matches or reporter.errors > errors:
        return None
    return Route(matches, action, headers, name, number, reporter.origin(path), policies, inherited)


@contextmanager
def _replacing(route: gateway.Route, reporter: Reporter) -> Iterator[None]:
    """Let what is wrong be replaced, if it can be: only routes that forward to named upstreams are."""
    action = route.route_action
    forwards = action is not None and action.cluster_header is None and action.dynamic_forward_proxy is None
    reporter.replacing = forwards and reporter.scope.replacement is not None
    try:
        yield
    finally:
        reporter.replacing = False
        reporter.broken.clear()


def _rest(route: gateway.Route, path: FieldPath, reporter: Reporter) -> tuple[Action | None, HeaderMutations, Policies]:
    """Read a route but for its matchers."""
    action = read_action(route, path, reporter)
    headers = headers_of(route.options, (*path, "options"), reporter)
    emulated = direct_response_headers(route)
    if emulated:
        headers = dataclasses.replace(headers, response_add=(*headers.response_add, *emulated))
    return action, headers, route_policies(route, (*path, "options"), reporter)


def _replaced(
    route: gateway.Route, path: FieldPath, reporter: Reporter
) -> tuple[ForwardAction, HeaderMutations, Policies]:
    """Read the route again without the options at fault, and send it to the response that stands in."""
    sound = msgspec.structs.replace(route, options=_without(route.options, _options_at(reporter.broken, path)))
    said = len(reporter.scope.problems)
    action, headers, policies = _rest(sound, path, reporter)
    del reporter.scope.problems[said:]
    action = action if isinstance(action, ForwardAction) else ForwardAction()
    return dataclasses.replace(action, destination=FALLBACK, weighted=()), headers, policies


def _options_at(broken: Iterable[FieldPath], path: FieldPath) -> set[str]:
    """Return the names of the options that are at fault."""
    options = (*path, "options")
    at = len(options)
    return {str(each[at]) for each in broken if each[:at] == options and len(each) > at}


def _without(options: RouteOptions | None, names: set[str]) -> RouteOptions | None:
    if options is None or not names:
        return options
    fields = {each.encode_name: each.name for each in msgspec.structs.fields(options)}
    return msgspec.structs.replace(options, **{fields[name]: None for name in names if name in fields})


def headers_of(options: SharedOptions | None, path: FieldPath, reporter: Reporter) -> HeaderMutations:
    """Read what a level does to headers."""
    return NO_MUTATIONS if options is None else mutations_of(options.header_manipulation, path, reporter)
