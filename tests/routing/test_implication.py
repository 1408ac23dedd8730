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
from edgesim.routing.conditions import HEADER, QUERY, Condition
from edgesim.routing.implication import (
    certain_text,
    conditions_imply,
    implied_among,
    is_open_ended,
    is_single,
    path_implies,
    pattern_text,
    plain_path,
)
from tests.routing.naive import implies

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
        ((EXACT, "/api/v1"), (EXACT, "/api"), False),
        ((EXACT, "/api"), (EXACT, "/api"), True),
        ((EXACT, "/API"), (PREFIX, "/api"), False),
        ((PREFIX, "/API"), (PREFIX, "/API"), True),
        ((EXACT, "/Api", False), (REGEX, "/api"), False),
        ((EXACT, "/api", False), (REGEX, "/[a-z]+"), False),
        ((EXACT, "/1", False), (REGEX, "/[0-9]"), True),
        ((PREFIX, "/1", False), (REGEX, "/[0-9].*"), True),
        ((EXACT, "/b"), (REGEX, "/a+"), False),
        ((PREFIX, "/b"), (REGEX, "/[0-9].*"), False),
        ((REGEX, "/a[bc]"), (EXACT, "/a"), False),
        ((REGEX, "/a+"), (REGEX, "/a*b?"), False),
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


def given_header(*header: tuple[str, ValueKind, str, bool]) -> RouteMatch:
    return RouteMatch(PathMatcher(PREFIX, "/"), tuple(HeaderMatcher(*each) for each in header))


@pytest.mark.parametrize(
    ("later", "earlier", "expected"),
    [
        ((":method", ValueKind.EXACT, "GET", False), (":method", ValueKind.EXACT, "PUT", True), True),
        ((":method", ValueKind.EXACT, "GET", False), (":method", ValueKind.EXACT, "GET", True), False),
        ((":path", ValueKind.EXACT, "/a+b", False), (":path", ValueKind.EXACT, "/a+b", True), False),
        ((":path", ValueKind.EXACT, "/ab", False), (":path", ValueKind.EXACT, "/a.", True), True),
        ((":method", ValueKind.EXACT, "GET", False), (":method", ValueKind.REGEX, "G.T", True), False),
        ((":method", ValueKind.EXACT, "GET", False), (":method", ValueKind.REGEX, "P.+", True), True),
        (("x", ValueKind.EXACT, "a", False), ("x", ValueKind.EXACT, "b", True), False),
        (("x", ValueKind.EXACT, "ab", False), ("x", ValueKind.REGEX, "a.", False), True),
        (("x", ValueKind.EXACT, "ab", False), ("x", ValueKind.REGEX, "b.", False), False),
        (("x", ValueKind.EXACT, "a", True), ("x", ValueKind.EXACT, "a", True), True),
        (("x", ValueKind.EXACT, "a", True), ("x", ValueKind.EXACT, "a", False), False),
        (("x", ValueKind.EXACT, "a", True), ("x", ValueKind.REGEX, "a", False), False),
        (("x", ValueKind.EXACT, "a", True), ("x", ValueKind.PRESENT, "", False), True),
        (("x", ValueKind.REGEX, "a", False), ("x", ValueKind.EXACT, "a", False), False),
        (("x", ValueKind.REGEX, "a", False), ("x", ValueKind.PRESENT, "", False), True),
        (("x", ValueKind.REGEX, "a", False), ("x", ValueKind.PRESENT, "", True), False),
        (("x", ValueKind.PRESENT, "", True), ("x", ValueKind.PRESENT, "", True), True),
        (("x", ValueKind.PRESENT, "", True), ("x", ValueKind.PRESENT, "", False), False),
        (("x", ValueKind.PRESENT, "", True), ("x", ValueKind.EXACT, "a", True), False),
        (("x", ValueKind.PRESENT, "", False), ("x", ValueKind.EXACT, "", False), False),
        (("y", ValueKind.EXACT, "a", False), ("x", ValueKind.PRESENT, "", False), False),
    ],
)
def test_what_one_header_says_of_another(
    later: tuple[str, ValueKind, str, bool], earlier: tuple[str, ValueKind, str, bool], expected: bool
) -> None:
    """A value excludes others only where there is one value; what is absent says nothing of any value."""
    assert conditions_imply(given_header(later), given_header(earlier)) is expected


def test_path_and_conditions_must_both_be_implied() -> None:
    """A matcher is implied as a whole or not at all."""
    narrow, wide = PathMatcher(PREFIX, "/a/b"), PathMatcher(PREFIX, "/a")
    header = (HeaderMatcher("x", ValueKind.PRESENT),)
    assert implies(RouteMatch(narrow, header), RouteMatch(wide))
    assert implies(RouteMatch(narrow, header), RouteMatch(wide, header))
    assert not implies(RouteMatch(narrow), RouteMatch(wide, header))
    assert not implies(RouteMatch(wide, header), RouteMatch(narrow))


def test_what_is_asked_for_among_many_is_told() -> None:
    """Of the conditions asked for, those come back that any of the given ones implies."""
    exact, present = (
        Condition(HEADER, b"x", kind, value) for kind, value in ((ValueKind.EXACT, "a"), (ValueKind.PRESENT, ""))
    )
    other = Condition(HEADER, b"y", ValueKind.PRESENT)
    query = Condition(QUERY, b"x", ValueKind.PRESENT)
    assert implied_among((exact, other), (exact, present, query)) == {exact, present}
    assert implied_among(iter((exact, other)), (present, other)) == {present, other}
    assert implied_among((), (present,)) == frozenset()


@pytest.mark.parametrize(
    ("part", "name", "single"), [(QUERY, b"x", True), (HEADER, b":method", True), (HEADER, b"x", False)]
)
def test_parameters_and_pseudo_headers_come_once(part: str, name: bytes, single: bool) -> None:
    """Any other header may come in several lines."""
    assert is_single(Condition(part, name, ValueKind.PRESENT)) is single


@pytest.mark.parametrize(
    ("path", "certain", "text"),
    [
        ((PREFIX, "/Ab"), b"/Ab", b"/Ab"),
        ((EXACT, "/Ab", False), b"/ab", b"/ab"),
        ((REGEX, "/Ab.+"), b"/Ab", b"/Ab.+"),
        ((PREFIX, "/\N{LATIN SMALL LETTER E WITH ACUTE}"), b"/\xc3\xa9", b"/\xc3\xa9"),
    ],
)
def test_the_text_of_a_path(path: tuple[PathKind, str], certain: bytes, text: bytes) -> None:
    """It is compared in lower case where case does not count; of a regex only its beginning is certain."""
    assert certain_text(PathMatcher(*path)) == certain
    assert pattern_text(PathMatcher(*path)) == text


@pytest.mark.parametrize(
    ("pattern", "is_open"),
    [
        ("/a.*", True),
        ("/a\n.*", True),
        ("/a\\..*", True),
        ("/a\\.*", False),
        ("/a.*b", False),
        ("/a.+", False),
        ("/a|/b.*", False),
        ("/a$.*", False),
        ("/\\d.*", False),
        ("(?i)/a.*", False),
        (".*", True),
    ],
)
def test_a_regex_is_open_ended_where_anything_may_follow(pattern: str, is_open: bool) -> None:
    """It ends in an unescaped `.*`, and has nothing that looks at what follows; in doubt it is not."""
    assert is_open_ended(pattern) is is_open


@pytest.mark.parametrize(
    ("regex", "plain"),
    [
        ("/api/.*", (PREFIX, "/api/")),
        ("/api\\.json", (EXACT, "/api.json")),
        ("/api(.*)", (PREFIX, "/api")),
        ("/api(?:.*)", (PREFIX, "/api")),
        ("/api/.*x", None),
        ("", (EXACT, "")),
        ("/a\\.b\\+.*", (PREFIX, "/a.b+")),
        ("/a\\d", None),
        ("/api.json", None),
        ("/ab*", None),
        ("/api/.+", None),
        ("/a|/b.*", None),
        ("^/api/.*$", (PREFIX, "/api/")),
        ("^/api$", (EXACT, "/api")),
        ("/api\\$", (EXACT, "/api$")),
        ("/^api", None),
        ("/api$$", None),
    ],
)
def test_a_regex_may_be_a_plain_path(regex: str, plain: tuple[PathKind, str] | None) -> None:
    """A regex without anything but literal text, or with `.*` behind it, is an exact path or a prefix."""
    given_path = PathMatcher(REGEX, regex)
    assert plain_path(given_path) == (given_path if plain is None else PathMatcher(*plain))
