"""Routes that never win: never a false alarm, and soon told in a large table."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.inspect.findings import Finding
from edgesim.inspect.lint_hidden import hidden_routes
from edgesim.model import (
    DirectResponseAction,
    HeaderMatcher,
    OriginStep,
    PathKind,
    PathMatcher,
    QueryMatcher,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.routing import compile_table, decide
from tests.routing.naive import implies

PREFIX, EXACT, REGEX = PathKind.PREFIX, PathKind.EXACT, PathKind.REGEX
TEXTS = st.text("/aA", max_size=3).map(lambda text: "/" + text)
PATHS = st.one_of(
    st.builds(PathMatcher, st.sampled_from([PREFIX, EXACT]), TEXTS, st.booleans()),
    st.builds(PathMatcher, st.just(REGEX), st.sampled_from(["/a", "/a.*", "/[aA]/?", "/[aA].*", "/a|/A"])),
)
VALUES = st.sampled_from(["a", "b", "[ab]", ".*"])
HEADERS = st.builds(HeaderMatcher, st.sampled_from(["x", "y"]), st.sampled_from(ValueKind), VALUES, st.booleans())
QUERIES = st.builds(QueryMatcher, st.just("q"), st.sampled_from(ValueKind), VALUES)
MATCHES = st.builds(
    RouteMatch,
    PATHS,
    st.lists(HEADERS, max_size=2).map(tuple),
    st.lists(QUERIES, max_size=1).map(tuple),
    st.sampled_from([(), (), ("GET",), ("POST", "GET")]),
)


def step(number: int, *more: str | int, name: str = "t") -> OriginStep:
    return OriginStep("VirtualService", "n", name, "x.yaml", ("spec", "virtualHost", "routes", number, *more))


def host(*routes: tuple[RouteMatch, ...], name: str = "t") -> VirtualHost:
    made = (
        Route(matches, DirectResponseAction(200), number=number + 1, origin=(step(number, name=name),))
        for number, matches in enumerate(routes)
    )
    return VirtualHost("v", ("*",), tuple(made))


@st.composite
def heads(draw: st.DrawFn) -> RequestHead:
    """Draw a request near what the matchers ask for."""
    lines = {name: draw(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=2)) for name in (b"x", b"y")}
    return RequestHead(
        draw(st.sampled_from([b"GET", b"POST", b"PUT"])),
        b"h",
        draw(TEXTS).encode(),
        draw(st.sampled_from([None, b"q", b"q=a", b"q=b&q=a"])),
        {key: values[-1] for key, values in lines.items() if values},
        {key: values for key, values in lines.items() if len(values) > 1} or None,
    )


@given(
    st.lists(st.lists(MATCHES, min_size=1, max_size=2).map(tuple), min_size=2, max_size=8),
    st.lists(heads(), min_size=20, max_size=60),
)
def test_what_is_told_never_wins(routes: list[tuple[RouteMatch, ...]], requests: list[RequestHead]) -> None:
    """No request is decided by a route, or by a matcher, that lint says never wins."""
    virtual_host = host(*routes)
    told = {finding.step.path for finding in hidden_routes([virtual_host])}
    table = compile_table([virtual_host])
    for request in requests:
        decision = decide(table, request, 0)
        if decision is not None:
            path = decision.route.origin[0].path
            index = next(i for i, match in enumerate(decision.route.matches) if match is decision.match)
            assert path not in told
            assert (*path, "matchers", index) not in told


@given(st.lists(MATCHES, min_size=2, max_size=10))
def test_the_index_finds_what_comparing_all_pairs_finds(matches: list[RouteMatch]) -> None:
    """A route is told of exactly if one earlier route takes everything each of its methods matches."""
    single = [
        [replace(match, methods=(method,)) for method in match.methods] if match.methods else [match]
        for match in matches
    ]
    expected = {
        number
        for number, alternatives in enumerate(single)
        if all(
            any(implies(alternative, other) for earlier in single[:number] for other in earlier)
            for alternative in alternatives
        )
    }
    told = {finding.step.path[3] for finding in hidden_routes([host(*((match,) for match in matches))])}
    assert expected == told


def prefix(path: str, *headers: tuple[str, str], methods: tuple[str, ...] = ()) -> RouteMatch:
    exact = tuple(HeaderMatcher(name, ValueKind.EXACT, value) for name, value in headers)
    return RouteMatch(PathMatcher(PREFIX, path), exact, methods=methods)


def only(*hosts: VirtualHost) -> Finding:
    (finding,) = hidden_routes(hosts)
    return finding


def test_a_hidden_route_names_the_one_that_hides_it() -> None:
    """Both places are in the finding."""
    finding = only(host((prefix("/a"),), (prefix("/"),), (prefix("/a/b"),)))
    assert (finding.code, finding.step, finding.related) == ("ES0650", step(2), (step(0),))
    assert "route 1 of VirtualService n/t" in finding.text


def test_more_conditions_behind_fewer_have_a_code_of_their_own() -> None:
    """The canary behind the stable route is what people do most."""
    assert only(host((prefix("/"),), (prefix("/", ("stage", "canary")),))).code == "ES0651"


def test_one_matcher_of_several_is_told_alone() -> None:
    """The route wins by its other matcher."""
    assert only(host((prefix("/a"),), (prefix("/b"), prefix("/a/b")))).step == step(1, "matchers", 1)


def test_methods_may_be_hidden_by_several_routes() -> None:
    """GET by one and POST by another leave nothing to a route for both."""
    finding = only(
        host(
            (prefix("/", methods=("GET",)),), (prefix("/", methods=("POST",)),), (prefix("/", methods=("POST", "GET")),)
        )
    )
    assert finding.step == step(2)
    assert "and 1 more" in finding.text


def test_a_table_that_wins_elsewhere_is_not_told() -> None:
    """A route that is hidden below one virtual service, and wins below another, is of use."""
    shared = Route((prefix("/a"),), DirectResponseAction(200), number=1, origin=(step(0), step(0, name="table")))
    first = host((prefix("/"),))
    hidden = replace(first, routes=(*first.routes, shared))
    assert [*hidden_routes([hidden])]
    assert not [*hidden_routes([hidden, VirtualHost("w", ("w",), (shared,))])]


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["prefixes", "tenants", "pairs", "regexes"])
def test_25000_routes_take_seconds(shape: str) -> None:
    """Not all pairs are compared, whatever makes the routes differ."""

    def match(number: int) -> RouteMatch:
        if shape == "prefixes":
            return prefix(f"/team-{number % 500}/service-{number}/v1")
        if shape == "tenants":
            return prefix("/", ("x-tenant", str(number)))
        if shape == "pairs":
            return prefix("/", ("x-a", str(number % 158)), ("x-b", str(number // 158)))
        return RouteMatch(PathMatcher(REGEX, f"/service-{number}/[0-9]+"))

    routes = [(match(number),) for number in range(25_000)]
    begun = time.process_time()
    assert len([*hidden_routes([host(*routes, (prefix("/"),), routes[7])])]) == 1
    assert time.process_time() - begun < 20  # a second or two when nothing else runs
