"""What one matcher says of another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import (
    DirectResponseAction,
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
from edgesim.routing import RouteTable, compile_table, decide
from edgesim.routing.implication import conditions_imply, implies, path_implies, plain_path

PREFIX, EXACT, REGEX = PathKind.PREFIX, PathKind.EXACT, PathKind.REGEX
TEXTS = st.text("/aAb.", max_size=4).map(lambda text: "/" + text)
REGEXES = st.sampled_from(["/a", "/a.*", "/.*", ".*", "/[ab].*", "/a|/b.*", "/a\\.b", "/A.*", "/a+.*", "/a$.*"])
PATHS = st.one_of(
    st.builds(PathMatcher, st.sampled_from([PREFIX, EXACT]), TEXTS, st.booleans()),
    st.builds(PathMatcher, st.just(REGEX), REGEXES),
)
HEADERS = st.builds(
    HeaderMatcher,
    st.sampled_from(["x", "y", ":method"]),
    st.sampled_from(ValueKind),
    st.sampled_from(["a", "b", "ab?", ".*", "GET"]),
    st.booleans(),
)
QUERIES = st.builds(
    QueryMatcher, st.sampled_from(["q", "r"]), st.sampled_from(ValueKind), st.sampled_from(["a", "b", "a?b?"])
)
MATCHES = st.builds(
    RouteMatch,
    PATHS,
    st.lists(HEADERS, max_size=2).map(tuple),
    st.lists(QUERIES, max_size=2).map(tuple),
    st.sampled_from([(), (), ("GET",), ("POST", "GET"), ("PUT",)]),
)
VALUES = st.sampled_from([b"a", b"b", b"ab", b""])


@st.composite
def heads(draw: st.DrawFn) -> RequestHead:
    """Draw a request near what the matchers above ask for; a header may come in two lines."""
    lines = {name: draw(st.lists(VALUES, max_size=2)) for name in (b"x", b"y")}
    query = draw(st.sampled_from([None, b"", b"q", b"q=a", b"q=b&q=a", b"r=ab&q=a", b"r"]))
    return RequestHead(
        draw(st.sampled_from([b"GET", b"POST", b"PUT"])),
        b"h",
        draw(TEXTS).encode(),
        query,
        {name: values[-1] for name, values in lines.items() if values},
        {name: values for name, values in lines.items() if len(values) > 1} or None,
    )


def table(match: RouteMatch) -> RouteTable:
    return compile_table([VirtualHost("v", ("*",), (Route((match,), DirectResponseAction(200)),))])


@given(MATCHES, MATCHES, st.lists(heads(), min_size=5, max_size=20))
def test_what_is_implied_holds(later: RouteMatch, earlier: RouteMatch, requests: list[RequestHead]) -> None:
    """Where a matcher implies another, no request is matched by the one and not by the other."""
    if not implies(later, earlier):
        return
    first, second = table(later), table(earlier)
    assert all(decide(second, head, 0) for head in requests if decide(first, head, 0))


@pytest.mark.parametrize(
    ("later", "earlier", "expected"),
    [
        ((PREFIX, "/api/v1"), (PREFIX, "/api"), True),
        ((PREFIX, "/api"), (PREFIX, "/api/v1"), False),
        ((EXACT, "/apiX"), (PREFIX, "/api"), True),
        ((PREFIX, "/api"), (EXACT, "/api"), False),
        ((EXACT, "/API", False), (EXACT, "/api", False), True),
        ((EXACT, "/api", False), (EXACT, "/api"), False),
        ((PREFIX, "/1/api", False), (PREFIX, "/1/"), True),
        ((REGEX, "/api/[0-9]+"), (PREFIX, "/api/"), True),
        ((REGEX, "/api/[0-9]+"), (PREFIX, "/API/", False), True),
        ((REGEX, "[/]api"), (PREFIX, "/x"), False),
        ((EXACT, "/api/7"), (REGEX, "/api/[0-9]+"), True),
        ((PREFIX, "/api/7"), (REGEX, "/api/[0-9]+"), False),
        ((PREFIX, "/api/7"), (REGEX, "/api/[0-9].*"), True),
        ((PREFIX, "/api/7"), (REGEX, "/api.*|/b"), False),
        ((REGEX, "/a+"), (REGEX, "/a+"), True),
        ((REGEX, "/a.*"), (REGEX, "/.*"), True),
    ],
)
def test_paths(later: tuple[PathKind, str], earlier: tuple[PathKind, str], expected: bool) -> None:
    """Prefixes are string prefixes, regexes match the whole path, case counts unless it is said not to."""
    assert path_implies(PathMatcher(*later), PathMatcher(*earlier)) is expected


def test_conditions() -> None:
    """More conditions imply fewer; a value implies its presence and a regex it matches; a method implies a list."""
    path = PathMatcher(PREFIX, "/")
    exact = RouteMatch(path, (HeaderMatcher("x", ValueKind.EXACT, "ab"), HeaderMatcher("y", ValueKind.PRESENT)))
    for header in (("x", ValueKind.EXACT, "ab"), ("x", ValueKind.PRESENT), ("x", ValueKind.REGEX, "a.")):
        assert conditions_imply(exact, RouteMatch(path, (HeaderMatcher(*header),)))
    assert not conditions_imply(exact, RouteMatch(path, (HeaderMatcher("x", ValueKind.EXACT, "c"),)))
    assert not conditions_imply(RouteMatch(path), exact)
    get = RouteMatch(path, methods=("GET",))
    assert conditions_imply(get, RouteMatch(path, methods=("GET", "PUT")))
    assert not conditions_imply(RouteMatch(path, methods=("GET", "PUT")), get)


@pytest.mark.parametrize(
    ("regex", "plain"),
    [
        ("/api/.*", (PREFIX, "/api/")),
        ("/api\\.json", (EXACT, "/api.json")),
        ("/api(.*)", (PREFIX, "/api")),
        ("/api.json", None),
        ("/ab*", None),
        ("/api/.+", None),
        ("/a|/b.*", None),
    ],
)
def test_a_regex_may_be_a_plain_path(regex: str, plain: tuple[PathKind, str] | None) -> None:
    """A regex without anything but literal text, or with `.*` behind it, is an exact path or a prefix."""
    given_path = PathMatcher(REGEX, regex)
    assert plain_path(given_path) == (given_path if plain is None else PathMatcher(*plain))
