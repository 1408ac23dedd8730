"""The compiled table decides as a scan in order would."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.model import (
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    PathKind,
    PathMatcher,
    QueryMatcher,
    RedirectAction,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.routing import (
    RouteTable,
    compile_host,
    compile_table,
    decide,
    lookup,
    replace_hosts,
    resolve,
    table_of,
    with_pseudo_headers,
)
from tests.routing.naive import first_match
from tests.routing.strategies import heads, numbered_hosts

EVERYTHING = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))
CANARY = HeaderMatcher("stage", ValueKind.EXACT, "canary")


def request(path: str = "/", method: str = "GET", **headers: str) -> RequestHead:
    """Return a head for host `any`."""
    lines = {name.encode(): value.encode() for name, value in headers.items()}
    text, mark, query = path.partition("?")
    return RequestHead(method.encode(), b"any", text.encode(), query.encode() if mark else None, lines)


def answer(table: RouteTable, head: RequestHead, draw: int = 0) -> str | None:
    """Return the body of the direct response or the name of the cluster decided for."""
    decision = decide(table, head, draw)
    if decision is None:
        return None
    if isinstance(decision.action, DirectResponseAction):
        return decision.action.body
    return decision.destination.cluster if decision.destination else ""


def host(*routes: tuple[RouteMatch, str]) -> VirtualHost:
    """Return a virtual host of direct responses."""
    return VirtualHost(
        "host", ("*",), tuple(Route((match,), DirectResponseAction(200, body)) for match, body in routes)
    )


@settings(max_examples=3 * settings().max_examples)
@given(numbered_hosts, st.lists(heads(), min_size=1, max_size=8))
def test_the_index_agrees_with_a_scan_in_order(virtual_host: VirtualHost, requests: list[RequestHead]) -> None:
    """For random tables and requests the index finds the route, and the matcher, that a naive scan finds."""
    table = compile_table([virtual_host])
    for head in requests:
        decision = decide(table, head, 0)
        expected = first_match(virtual_host, head)
        assert expected == (None if decision is None else (decision.route, decision.match))


def test_many_routes_that_differ_in_one_header_are_told_apart() -> None:
    """A thousand routes of one path, each for another header value, each answer for theirs."""
    routes = [
        (RouteMatch(PathMatcher(PathKind.PREFIX, "/"), (HeaderMatcher("team", ValueKind.EXACT, str(i)),)), str(i))
        for i in range(1000)
    ]
    table = compile_table([host(*routes, (EVERYTHING, "rest"))])
    assert [answer(table, request(team=str(i))) for i in (0, 500, 999)] == ["0", "500", "999"]
    assert answer(table, request(team="none")) == "rest"
    assert answer(table, request(a="1", b="2", c="3")) == "rest"


def test_many_header_regexes_are_told_apart() -> None:
    """A hundred routes that differ in a header's regex, and the first of those that match wins."""
    routes = [
        (RouteMatch(PathMatcher(PathKind.PREFIX, "/"), (HeaderMatcher("team", ValueKind.REGEX, f"t{i}.*"),)), str(i))
        for i in range(100)
    ]
    table = compile_table([host(*routes)])
    assert answer(table, request(team="t42")) == "4"
    assert answer(table, request(team="u")) is None


def test_many_query_parameters_and_methods_are_told_apart() -> None:
    """Query values and methods are looked up like headers."""
    routes = [
        (RouteMatch(EVERYTHING.path, (), (QueryMatcher("v", ValueKind.EXACT, str(i)),), ("POST",)), str(i))
        for i in range(20)
    ]
    table = compile_table([host(*routes)])
    assert answer(table, request("/?v=7&v=8", "POST")) == "7"
    assert answer(table, request("/?v=7")) is None
    assert answer(table, request("/", "POST")) is None


def test_any_line_of_a_repeated_header_may_match() -> None:
    """Several lines of one header are not joined: one that matches is enough, as measured on Envoy."""
    table = compile_table([host((RouteMatch(EVERYTHING.path, (CANARY,)), "canary"))])
    head = request(stage="prod")
    head.repeated = {b"stage": [b"canary", b"prod"]}
    assert answer(table, head) == "canary"


def test_a_weighted_route_gives_each_draw_its_arm() -> None:
    """Every draw below the total goes to the arm whose interval holds it; larger draws wrap around."""
    arms = tuple(WeightedCluster(Destination(name), weight) for name, weight in (("a", 0), ("b", 3), ("c", 2)))
    table = compile_table([VirtualHost("host", ("*",), (Route((EVERYTHING,), ForwardAction(weighted=arms)),))])
    assert [answer(table, request(), draw) for draw in range(10)] == ["b", "b", "b", "c", "c"] * 2
    assert answer(table, request(), 2**64 - 1) == ("b" if (2**64 - 1) % 5 < 3 else "c")


def test_a_cluster_header_names_the_cluster() -> None:
    """The header's value is the cluster; without it there is a decision but no destination."""
    table = compile_table([VirtualHost("h", ("*",), (Route((EVERYTHING,), ForwardAction(cluster_header="X-To")),))])
    assert answer(table, request(**{"x-to": "echo_default"})) == "echo_default"
    decision = decide(table, request(), 0)
    assert decision is not None
    assert decision.destination is None


def test_an_unknown_host_has_no_decision() -> None:
    """Without a virtual host for the authority there is nothing to decide."""
    table = compile_table([VirtualHost("h", ("example.com",), (Route((EVERYTHING,), DirectResponseAction(200)),))])
    assert decide(table, request(), 0) is None


def test_weights_that_sum_to_nothing_are_refused() -> None:
    """A split without any weight cannot be compiled."""
    arms = (WeightedCluster(Destination("a"), 0),)
    with pytest.raises(ValueError, match="at least 1"):
        compile_table([VirtualHost("h", ("*",), (Route((EVERYTHING,), ForwardAction(weighted=arms)),))])


def test_a_redirect_and_a_forward_are_decided_with_their_rewrites() -> None:
    """Both carry the path's rewrite, a forward its destination."""
    rewritten = RouteMatch(PathMatcher(PathKind.PREFIX, "/a"))
    actions = (RedirectAction(prefix_rewrite="/b"), ForwardAction(Destination("echo"), prefix_rewrite="/b"))
    for action in actions:
        table = compile_table([VirtualHost("h", ("*",), (Route((rewritten,), action),))])
        decision = decide(table, request("/a/x"), 0)
        assert decision is not None
        assert decision.action is action
        assert decision.rewrite is not None
        assert decision.rewrite(b"/a/x") == b"/b/x"
        assert (decision.destination is None) is isinstance(action, RedirectAction)


def test_the_first_line_of_a_header_names_the_cluster() -> None:
    """Of a repeated header the first line counts, and an empty one names nothing, as on Envoy."""
    table = compile_table([VirtualHost("h", ("*",), (Route((EVERYTHING,), ForwardAction(cluster_header="to")),))])
    head = request(to="last")
    head.repeated = {b"to": [b"first", b"last"]}
    assert answer(table, head) == "first"
    head.repeated = {b"to": [b"", b"last"]}
    assert answer(table, head) == ""


def test_a_path_without_a_slash_matches_no_pattern_that_begins_with_one() -> None:
    """`OPTIONS *` finds nothing among patterns of paths."""
    assert answer(compile_table([host((EVERYTHING, "all"))]), request("*", "OPTIONS")) is None
    star = RouteMatch(PathMatcher(PathKind.PREFIX, "*"))
    assert answer(compile_table([host((EVERYTHING, "all"), (star, "star"))]), request("*", "OPTIONS")) == "star"


def test_many_regexes_under_one_prefix_keep_their_order() -> None:
    """Regexes and long lists of prefixes at one place are searched in the order of the routes."""
    regexes = [(RouteMatch(PathMatcher(PathKind.REGEX, f"/a/{i}.*")), f"r{i}") for i in range(12)]
    lists = [
        (
            RouteMatch(PathMatcher(PathKind.PREFIX, "/a/1" + "1" * i), (HeaderMatcher("x", ValueKind.EXACT, str(i)),)),
            f"p{i}",
        )
        for i in range(12)
    ]
    table = compile_table([host(*lists, *regexes)])
    assert answer(table, request("/a/" + "1" * 14, x="11")) == "p11"
    assert answer(table, request("/a/" + "1" * 14)) == "r1"
    assert answer(table, request("/a/x")) is None


@pytest.mark.parametrize(
    ("name", "value", "scheme"), [(":scheme", "https", b"https"), ("x-forwarded-proto", "http", b"http")]
)
def test_matchers_see_the_scheme_of_the_listener(name: str, value: str, scheme: bytes) -> None:
    """What Envoy knows of a request can be matched though the client never sent it."""
    matcher = RouteMatch(EVERYTHING.path, (HeaderMatcher(name, ValueKind.EXACT, value),))
    table = table_of([compile_host(host((matcher, "yes")))], scheme)
    assert answer(table, request()) == "yes"
    assert answer(table, request(**{"x-forwarded-proto": "ftp"})) == ("yes" if name == ":scheme" else None)


def test_what_is_laid_among_the_headers() -> None:
    """Method, authority, whole target and scheme, besides what came; the request itself stays as it was."""
    head = RequestHead(b"GET", b"h:80", b"/p", b"q=1", {b"x": b"1"}, {b"x": [b"2", b"1"]})
    laid = with_pseudo_headers(head, b"https")
    assert (laid.method, laid.authority, laid.path, laid.query) == (b"GET", b"h:80", b"/p", b"q=1")
    assert laid.repeated == head.repeated
    assert laid.headers == {
        b"x": b"1",
        b":method": b"GET",
        b":authority": b"h:80",
        b"host": b"h:80",
        b":path": b"/p?q=1",
        b":scheme": b"https",
        b"x-forwarded-proto": b"https",
    }
    assert head.headers == {b"x": b"1"}


@pytest.mark.parametrize(("query", "target"), [(None, b"/p"), (b"", b"/p?"), (b"a", b"/p?a")])
def test_the_path_pseudo_header_is_the_whole_target(query: bytes | None, target: bytes) -> None:
    """With the question mark where there was one."""
    assert with_pseudo_headers(RequestHead(b"GET", b"h", b"/p", query), b"http").headers[b":path"] == target


@pytest.mark.parametrize(
    ("said", "scheme", "proto"), [(b"https", b"https", b"https"), (b"ftp", b"http", b"ftp"), (None, b"http", b"http")]
)
def test_what_a_client_says_of_the_scheme_holds(said: bytes | None, scheme: bytes, proto: bytes) -> None:
    """Its x-forwarded-proto is kept as it came, and is the scheme where it names one."""
    head = RequestHead(b"GET", b"h", b"/", None, {} if said is None else {b"x-forwarded-proto": said})
    laid = with_pseudo_headers(head, b"http").headers
    assert (laid[b":scheme"], laid[b"x-forwarded-proto"]) == (scheme, proto)


def test_the_earlier_of_both_case_rules_wins() -> None:
    """Routes that fold case and routes that do not are one list, whichever comes first."""
    folded, plain = (RouteMatch(PathMatcher(PathKind.PREFIX, "/a", sensitive)) for sensitive in (False, True))
    for first, second in ((folded, plain), (plain, folded)):
        table = compile_table([host((first, "first"), (second, "second"))])
        assert answer(table, request("/a")) == "first"
        assert answer(table, request("/A")) == ("first" if first is folded else "second")


def test_a_table_is_plain_http_unless_it_is_said_otherwise() -> None:
    """Tables of a listener with TLS know their scheme; each domain leads to its virtual host."""
    one, other = (
        replace(host((EVERYTHING, "one")), domains=("any", "b")),
        replace(host((EVERYTHING, "other")), domains=("c",)),
    )
    tables = [compile_host(one), compile_host(other)]
    assert table_of(tables).scheme == compile_table([one]).scheme == b"http"
    assert table_of(tables, b"https").scheme == b"https"
    found = {name: lookup(table_of(tables), RequestHead(b"GET", name, b"/")) for name in (b"any", b"b", b"c", b"d")}
    assert found[b"any"] is found[b"b"]
    assert found[b"c"] is not found[b"b"]
    assert found[b"d"] is None
    assert [answer(compile_table([one, other]), request())] == ["one"]


def test_a_target_is_resolved_with_head_and_draw() -> None:
    """One decision is itself, a split asks the draw, a cluster header the request."""
    arms = tuple(WeightedCluster(Destination(name), 1) for name in "ab")
    actions = (ForwardAction(Destination("c")), ForwardAction(weighted=arms), ForwardAction(cluster_header="to"))
    found = []
    for action in actions:
        target = lookup(compile_table([VirtualHost("h", ("*",), (Route((EVERYTHING,), action),))]), request())
        assert target is not None
        found.append([resolve(target, request(to="named"), draw).destination for draw in (0, 1)])
    assert found == [[Destination(name) for name in pair] for pair in ("cc", "ab", ("named", "named"))]


def test_a_virtual_host_is_replaced_in_its_table() -> None:
    """Its domains lead to the new one, those of others and the scheme stay, and the table before is as it was."""
    one, new, other = (
        compile_host(replace(host((EVERYTHING, name)), domains=(domain,)))
        for name, domain in (("one", "any"), ("new", "any"), ("other", "b"))
    )
    table = table_of([one, other], b"https")
    after = replace_hosts(table, [(one, new)])
    assert after is not None
    assert (answer(table, request()), answer(after, request())) == ("one", "new")
    assert lookup(after, RequestHead(b"GET", b"b", b"/")) is lookup(table, RequestHead(b"GET", b"b", b"/"))
    assert (after.scheme, after.asks_for_made) == (b"https", False)


def test_other_domains_have_to_be_joined_anew() -> None:
    """Where a virtual host has other domains than before there is no table by replacing it."""
    one = compile_host(host((EVERYTHING, "one")))
    assert replace_hosts(table_of([one]), [(one, compile_host(replace(one.virtual_host, domains=("b",))))]) is None


@pytest.mark.parametrize(
    ("before", "now", "asks"), [(False, False, False), (False, True, True), (True, True, True), (True, False, None)]
)
def test_a_table_knows_after_a_replacement_whether_made_headers_are_asked_for(
    before: bool, now: bool, asks: bool | None
) -> None:
    """It asks if the new host does; whether any still does once one no longer asks, only joining anew can tell."""
    asking = replace(EVERYTHING, headers=(HeaderMatcher("x-request-id", ValueKind.PRESENT),))
    old, new = (compile_host(host((asking if asked else EVERYTHING, ""))) for asked in (before, now))
    after = replace_hosts(table_of([old]), [(old, new)])
    assert (None if after is None else after.asks_for_made) is asks


def test_a_table_goes_on_asking_for_made_headers_for_its_other_hosts() -> None:
    """A host that never asked is replaced by one that does not, and the table still does for another's sake."""
    asking = replace(EVERYTHING, headers=(HeaderMatcher("x-request-id", ValueKind.PRESENT),))
    other = compile_host(replace(host((asking, "")), domains=("b",)))
    old, new = (compile_host(host((EVERYTHING, name))) for name in ("old", "new"))
    after = replace_hosts(table_of([old, other]), [(old, new)])
    assert after is not None
    assert after.asks_for_made is True


def test_to_be_there_is_one_condition() -> None:
    """Routes that ask for a parameter to be there are tried in order, whatever value stands beside that."""
    path = PathMatcher(PathKind.PREFIX, "/")
    routes = [
        (RouteMatch(path, (), (QueryMatcher("q", ValueKind.PRESENT, value),)), str(number))
        for number, value in enumerate("abcde")
    ]
    assert answer(compile_table([host(*routes)]), request("/?q")) == "0"
