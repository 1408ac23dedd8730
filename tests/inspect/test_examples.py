"""Requests made for the matchers of a configuration."""

from __future__ import annotations

import pytest

from edgesim.inspect.examples import examples_of
from edgesim.inspect.listeners import Tables
from edgesim.model import (
    PLAIN_LISTENER,
    DirectResponseAction,
    HeaderMatcher,
    Model,
    PathKind,
    PathMatcher,
    QueryMatcher,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)

ROOT = PathMatcher(PathKind.PREFIX, "/")
HARD = (
    RouteMatch(PathMatcher(PathKind.EXACT, "/a"), methods=("POST", "PUT")),
    RouteMatch(PathMatcher(PathKind.REGEX, "/b/[0-9]{3}/(x|y)")),
    RouteMatch(ROOT, (HeaderMatcher("stage", ValueKind.REGEX, "can.*y"),)),
    RouteMatch(
        ROOT, (HeaderMatcher("x-there", ValueKind.PRESENT), HeaderMatcher("x-not", ValueKind.PRESENT, invert=True))
    ),
    RouteMatch(ROOT, (HeaderMatcher("stage", ValueKind.EXACT, "prod", invert=True),)),
    RouteMatch(ROOT, query=(QueryMatcher("v", ValueKind.EXACT, "2"),)),
    RouteMatch(PathMatcher(PathKind.PREFIX, "/C", case_sensitive=False)),
    RouteMatch(ROOT),
)


def _tables(*matches: RouteMatch, domains: tuple[str, ...] = ("*",)) -> Tables:
    routes = tuple(Route((match,), DirectResponseAction(200), number=number) for number, match in enumerate(matches, 1))
    return Tables(Model((VirtualHost("host", domains, routes),), listeners=(PLAIN_LISTENER,)))


def test_every_kind_of_matcher_has_a_request() -> None:
    """Paths, methods, headers and parameters, also by regex or inverted, are met by a request, in the order of routes."""
    found = examples_of(_tables(*HARD))
    assert (found.matchers, found.tried, len(found.requests)) == (len(HARD), len(HARD), len(HARD))
    assert found.requests[0].method == "POST"
    assert found.requests[3].headers == ("x-there: x",)


@pytest.mark.parametrize(
    ("domain", "host"), [("shop.example", "shop.example"), ("*.example", "x.example"), ("shop.*", "shop.x")]
)
def test_hosts_are_met(domain: str, host: str) -> None:
    """A wildcard of a domain is given a letter."""
    (example,) = examples_of(_tables(RouteMatch(ROOT), domains=(domain,))).requests
    assert example.url == f"http://{host}/"


def test_what_is_hidden_is_counted() -> None:
    """A matcher behind one that takes everything has no request."""
    found = examples_of(_tables(RouteMatch(ROOT), RouteMatch(PathMatcher(PathKind.PREFIX, "/hidden"))))
    assert (found.tried, len(found.requests)) == (2, 1)


def test_of_many_some_are_tried() -> None:
    """Of more matchers than asked for, so many are tried, spread over all."""
    matches = [RouteMatch(PathMatcher(PathKind.EXACT, f"/{number}")) for number in range(100)]
    found = examples_of(_tables(*matches), most=10)
    assert (found.matchers, found.tried) == (100, 10)
    assert [each.url.rpartition("/")[2] for each in found.requests] == [str(number) for number in range(0, 100, 10)]
