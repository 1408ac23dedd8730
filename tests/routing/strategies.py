"""Random tables and requests over a small alphabet, so that patterns meet, hide and miss each other."""

from __future__ import annotations

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

pieces = st.sampled_from(["a", "ab", "b", "A", "v1", "v1x", ""])
paths = st.lists(pieces, min_size=0, max_size=4).map(lambda found: "/" + "/".join(found))
regexes = st.sampled_from(
    ["/.*", "/a/.*", "/ab?(/.*)?", "/(a|b)/v1", "/[ab]+/.*", ".*", "/a/v1x?", "(?i)/a.*", "", "/b"]
)
names = st.sampled_from(["stage", "x", "y", "z"])
values = st.sampled_from(["canary", "1", "2", "22", ""])
value_regexes = st.sampled_from(["can.*", "[12]+", "2", ".*", "1|2"])
methods = st.sampled_from(["GET", "POST", "PUT"])


@st.composite
def path_matchers(draw: st.DrawFn) -> PathMatcher:
    """Draw a path pattern of any kind."""
    kind = draw(st.sampled_from(list(PathKind)))
    text = draw(regexes if kind is PathKind.REGEX else st.one_of(paths, paths.map(lambda p: p + "/")))
    return PathMatcher(kind, text, draw(st.booleans()))


@st.composite
def header_matchers(draw: st.DrawFn) -> HeaderMatcher:
    """Draw a header condition of any kind, the method's pseudo header now and then."""
    kind = draw(st.sampled_from(list(ValueKind)))
    name = draw(st.one_of(names, names, names, st.just(":method")))
    value = "" if kind is ValueKind.PRESENT else draw(value_regexes if kind is ValueKind.REGEX else values)
    return HeaderMatcher(name, kind, value, draw(st.booleans()))


@st.composite
def query_matchers(draw: st.DrawFn) -> QueryMatcher:
    """Draw a query condition of any kind."""
    kind = draw(st.sampled_from(list(ValueKind)))
    value = "" if kind is ValueKind.PRESENT else draw(value_regexes if kind is ValueKind.REGEX else values)
    return QueryMatcher(draw(names), kind, value)


route_matches = st.builds(
    RouteMatch,
    path_matchers(),
    st.lists(header_matchers(), max_size=2).map(tuple),
    st.lists(query_matchers(), max_size=1).map(tuple),
    st.lists(methods, max_size=2, unique=True).map(tuple),
)
routes = st.builds(
    Route, st.lists(route_matches, min_size=1, max_size=3).map(tuple), st.just(DirectResponseAction(200))
)
numbered_hosts = st.lists(routes, max_size=30).map(
    lambda found: VirtualHost(
        "host",
        ("*",),
        tuple(Route(route.matches, DirectResponseAction(200, str(i)), number=i) for i, route in enumerate(found)),
    )
)


@st.composite
def heads(draw: st.DrawFn) -> RequestHead:
    """Draw a request, with repeated headers now and then."""
    lines = draw(st.lists(st.tuples(names, values), max_size=4))
    headers = {name.encode(): value.encode() for name, value in lines}
    repeated = {
        name: [v.encode() for n, v in lines if n.encode() == name]
        for name in headers
        if sum(n.encode() == name for n, _ in lines) > 1
    }
    query = draw(st.none() | st.lists(st.tuples(names, values), max_size=3).map(_query))
    path = draw(st.one_of(paths, paths.map(lambda p: p + "x"))).encode()
    return RequestHead(draw(methods).encode(), b"any", path, query, headers, repeated or None)


def _query(pairs: list[tuple[str, str]]) -> bytes:
    return "&".join(f"{key}={value}" if value else key for key, value in pairs).encode()
