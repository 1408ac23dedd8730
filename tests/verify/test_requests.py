"""The requests that try a configuration."""

from __future__ import annotations

from random import Random

import pytest

from edgesim.model import (
    PLAIN_LISTENER,
    Destination,
    ForwardAction,
    HeaderMatcher,
    Model,
    PathKind,
    PathMatcher,
    QueryMatcher,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.routing import compile_table, decide
from edgesim.verify.requests import Asked, names_of, paths_of, requests

SPLIT = ForwardAction(weighted=(WeightedCluster(Destination("a"), 3), WeightedCluster(Destination("b"), 7)))
MATCH = RouteMatch(
    PathMatcher(PathKind.PREFIX, "/api"),
    (HeaderMatcher("stage", ValueKind.EXACT, "canary"), HeaderMatcher("x", ValueKind.REGEX, "[0-9]+z")),
    (QueryMatcher("q", ValueKind.PRESENT),),
    ("PUT",),
)


def model(*matches: RouteMatch) -> Model:
    """Split what matches."""
    return Model((VirtualHost("host", ("a.example", "*.b.example"), (Route(matches, SPLIT),)),), (), (PLAIN_LISTENER,))


def test_the_first_request_of_a_route_is_taken_by_it() -> None:
    """The plain request of a match fulfils every condition: path, headers, query and method."""
    [first, *_] = requests(model(MATCH), 1, Random(1))
    assert first == Asked("listener-::-8080", "PUT", "a.example", "/api?q=1", (("stage", "canary"), ("x", "0z")))


def test_the_edges_of_every_share_are_drawn() -> None:
    """Draws before, at and behind each end of a split's shares are there."""
    asked = requests(model(MATCH), 1000, Random(1))
    assert {0, 2, 3, 4, 9, 10, 11, 2**64 - 1} <= {each.draw for each in asked}


def test_near_misses_differ_in_one_thing() -> None:
    """A missing header, another value, a repeated one, another method and path are all tried."""
    asked = requests(model(MATCH), 10_000, Random(1))
    assert {"/api?q=1", "/apix?q=1", "/ap?q=1", "/api?q", "/api"} <= {each.target for each in asked}
    lines = {each.headers for each in asked}
    assert (("x", "0z"),) in lines
    assert (("x", "0z"), ("stage", "canaryx")) in lines
    assert (("x", "0z"), ("stage", "canary"), ("stage", "other")) in lines
    assert {"PUT", "GET", "POST"} <= {each.method for each in asked}


def test_the_same_seed_asks_the_same() -> None:
    """Requests are a function of configuration, number and seed; none is asked twice."""
    once, again = (requests(model(MATCH), 300, Random(5)) for _ in range(2))
    assert once == again
    assert len(set(once)) == len(once) == 300


def test_no_configuration_asks_nothing() -> None:
    """Where no virtual host is there is nothing to ask."""
    assert requests(Model(), 10, Random(1)) == []


@pytest.mark.parametrize("domain", ["*", "a.example", "*.a.example", "a.*"])
def test_the_first_name_is_one_that_the_domain_takes(domain: str) -> None:
    """The first host made of a domain is routed to its virtual host."""
    table = compile_table((VirtualHost("host", (domain,), (Route((MATCH,), SPLIT),)),))
    head = RequestHead(b"PUT", names_of(domain)[0].encode(), b"/api", b"q", {b"stage": b"canary", b"x": b"1z"})
    assert decide(table, head, 0) is not None


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        (PathMatcher(PathKind.PREFIX, "/a"), ["/a", "/a/", "/ax", "/a/x", "/", "/A", "/a//x", "/a/../x"]),
        (PathMatcher(PathKind.EXACT, "/a"), ["/a", "/a/", "/ax", "/a/x", "/", "/A", "/a//x", "/a/../x"]),
        (PathMatcher(PathKind.REGEX, "/[ab]/x"), ["/a/x", "/a/xx", "/a/x/", "/"]),
    ],
)
def test_paths_stand_at_the_edges(matcher: PathMatcher, expected: list[str]) -> None:
    """Paths just inside and just outside of a matcher are tried, all of them paths."""
    assert paths_of(matcher)[: len(expected)] == expected
