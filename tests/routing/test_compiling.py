"""Compiling in steps, and only what changed: the outcome is that of compiling everything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import (
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    HeaderMutations,
    PathKind,
    PathMatcher,
    Policies,
    RedirectAction,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.routing import (
    Decision,
    HostTable,
    RouteTable,
    Split,
    compile_host,
    compile_in_steps,
    decide,
    finish,
    lookup,
    table_of,
)
from tests.routing.naive import first_match
from tests.routing.strategies import heads, routes


def route(path: str, header: str = "", kind: PathKind = PathKind.PREFIX) -> Route:
    """A route with an answer of its own."""
    headers = (HeaderMatcher("stage", ValueKind.EXACT, header),) if header else ()
    return Route((RouteMatch(PathMatcher(kind, path), headers),), DirectResponseAction(200, path + header))


def host(*given: Route) -> VirtualHost:
    """A virtual host for every domain."""
    return VirtualHost("any", ("*",), given)


def decided(table: HostTable, path: str, **headers: str) -> Decision | None:
    """Decide a request."""
    lines = {name.encode(): value.encode() for name, value in headers.items()}
    return decide(table_of([table]), RequestHead(b"GET", b"any", path.encode(), None, lines), 0)


edits = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3), st.lists(routes, max_size=3)), min_size=1, max_size=5)


@given(st.lists(routes, max_size=12), edits, st.lists(heads(), min_size=1, max_size=6))
def test_compiling_changes_agrees_with_compiling_everything(
    first: list[Route], changes: list[tuple[int, int, list[Route]]], requests: list[RequestHead]
) -> None:
    """However often routes are put in, taken out or replaced, each request is decided as a naive scan decides it."""
    table = compile_host(host(*first))
    present = list(first)
    for at, gone, new in changes:
        present[at : at + gone] = new
        table = finish(compile_in_steps(host(*present), table))
        for head in requests:
            decision = decide(table_of([table]), head, 0)
            expected = first_match(host(*present), head)
            assert expected == (None if decision is None else (decision.route, decision.match))


def test_what_did_not_change_is_kept() -> None:
    """The decisions of other paths stay the same objects, so that what was derived from them stays as well."""
    many = [route(f"/{number}/") for number in range(100)]
    before = compile_host(host(*many))
    many[50] = route("/50/", "canary")
    many.insert(20, route("/new/"))
    after = finish(compile_in_steps(host(*many), before))
    assert decided(before, "/7/x") is decided(after, "/7/x")
    assert decided(before, "/99/x") is decided(after, "/99/x")
    assert decided(after, "/50/x") is None
    assert decided(before, "/50/x") is not None
    found = decided(after, "/new/x")
    assert found is not None
    assert found.route is many[20]


def test_decisions_do_not_hold_the_routes_of_their_version() -> None:
    """A decision lives on through many versions, and must not keep all of them in memory."""
    table = compile_host(host(route("/a"), route("/b")))
    decision = decided(table, "/a")
    assert decision is not None
    assert decision.virtual_host == replace(table.virtual_host, routes=())


def test_other_options_of_the_virtual_host_compile_everything() -> None:
    """Every decision names its virtual host, so all are made anew when that changes."""
    only = route("/a")
    before = compile_host(host(only))
    marked = HeaderMutations(request_remove=("x",))
    after = finish(compile_in_steps(replace(host(only), headers=marked), before))
    found = decided(after, "/a")
    assert found is not None
    assert found.virtual_host.headers is marked


def test_routes_put_in_at_one_place_again_and_again() -> None:
    """Where no number is left between two routes everything is numbered anew."""
    present = [route("/a", "0"), route("/a", "last")]
    table = compile_host(host(*present))
    for number in range(1, 60):
        present.insert(1, route("/a", str(number)))
        table = finish(compile_in_steps(host(*present), table))
    orders = list(table.orders)
    assert orders == sorted(set(orders))
    for number in range(60):
        found = decided(table, "/a", stage=str(number))
        assert found is not None
        assert found.action == DirectResponseAction(200, f"/a{number}")


GAP = 1 << 20


@pytest.mark.parametrize(
    ("at", "gone", "put_in", "orders"),
    [
        (0, 0, 1, (0.5, 1, 2, 3)),
        (1, 0, 1, (1, 1.5, 2, 3)),
        (1, 0, 3, (1, 1.25, 1.5, 1.75, 2, 3)),
        (3, 0, 2, (1, 2, 3, 4, 5)),
        (1, 1, 0, (1, 3)),
        (1, 1, 1, (1, 2, 3)),
        (1, 1, 3, (1, 1.5, 2, 2.5, 3)),
        (2, 1, 1, (1, 2, 3)),
        (2, 1, 3, (1, 2, 3, 4, 5)),
        (0, 1, 1, (1, 2, 3)),
        (0, 2, 0, (3,)),
        (0, 3, 2, (1, 2)),
        (0, 3, 0, ()),
        (0, 0, 0, (1, 2, 3)),
    ],
)
def test_what_is_put_in_is_numbered_between_its_neighbours(
    at: int, gone: int, put_in: int, orders: tuple[float, ...]
) -> None:
    """The others keep their numbers; at the beginning 0 is the neighbour, at the end there is room for all."""
    present = [route("/a"), route("/b"), route("/c")]
    before = compile_host(host(*present))
    assert before.orders == (GAP, 2 * GAP, 3 * GAP)
    present[at : at + gone] = [route(f"/new/{number}") for number in range(put_in)]
    after = finish(compile_in_steps(host(*present), before))
    assert after.orders == tuple(int(order * GAP) for order in orders)
    assert all(isinstance(order, int) for order in after.orders)


@pytest.mark.parametrize(("old", "new"), [("a", "aa"), ("aa", "aaa"), ("aaa", "aa"), ("aba", "aa"), ("aa", "aba")])
def test_a_route_may_be_there_twice(old: str, new: str) -> None:
    """The same object at two places is two routes: what is alike from both ends is counted once."""
    routes_of = {name: route(f"/{name}") for name in "ab"}
    before = compile_host(host(*(routes_of[name] for name in old)))
    after = finish(compile_in_steps(host(*(routes_of[name] for name in new)), before))
    assert len(after.orders) == len(set(after.orders)) == len(new)
    assert list(after.orders) == sorted(after.orders)
    assert all((decided(after, f"/{name}") is not None) is (name in new) for name in "ab")


def test_each_matcher_of_a_route_has_its_number() -> None:
    """Routes of several matchers are counted by these, before, among and behind what changed."""
    two = [
        replace(route("/"), matches=(*route(f"/{name}").matches, *route(f"/{name}{name}").matches)) for name in "abcd"
    ]
    before = compile_host(host(*two[:3]))
    after = finish(compile_in_steps(host(two[0], two[3], two[2]), before))
    assert after.orders == tuple(order * GAP for order in (1, 2, 3, 4, 5, 6))
    for path in ("/a", "/aa", "/c", "/cc"):
        assert decided(after, path) is decided(before, path)
    assert decided(after, "/b") is None
    assert [found.route for path in ("/d", "/dd") if (found := decided(after, path))] == [two[3]] * 2


def test_everything_is_numbered_anew_just_when_no_number_is_left() -> None:
    """Twenty routes put in at one place halve the room to nothing, the next one makes room for all."""
    present = [route("/a"), route("/z")]
    table = compile_host(host(*present))
    for number in range(20):
        present.insert(1, route(f"/{number}"))
        table = finish(compile_in_steps(host(*present), table))
    assert table.orders[:2] == (GAP, GAP + 1)
    present.insert(1, route("/one more"))
    table = finish(compile_in_steps(host(*present), table))
    assert table.orders == tuple(range(GAP, 24 * GAP, GAP))


def folded(path: str) -> Route:
    """A route for a path in any case."""
    return Route(
        (RouteMatch(PathMatcher(PathKind.PREFIX, path, case_sensitive=False)),), DirectResponseAction(200, path)
    )


def test_the_index_for_the_other_case_rule_is_kept() -> None:
    """A change among the case-sensitive paths leaves the index of the others the same object, and the other way round."""
    plain, other, new = route("/a"), folded("/B"), route("/c")
    before = compile_host(host(plain, other))
    after = finish(compile_in_steps(host(plain, other, new), before))
    assert after.folded is before.folded
    assert after.paths is not before.paths
    last = finish(compile_in_steps(host(plain, other, new, folded("/D")), after))
    assert last.paths is after.paths
    assert last.folded is not after.folded
    assert decided(last, "/d") is not None
    assert decided(last, "/b") is decided(before, "/B")


def test_a_path_in_capitals_is_known_again() -> None:
    """A change of one route compiles anew all that share its path, however that is spelled."""
    old, stays = route("/Ab", "canary"), route("/Ab")
    after = finish(compile_in_steps(host(route("/Ab", "beta"), stays), compile_host(host(old, stays))))
    assert decided(after, "/Ab", stage="beta") is not None
    found = decided(after, "/Ab", stage="canary")
    assert found is not None
    assert found.route is stays


def test_a_regex_may_begin_with_part_of_a_character() -> None:
    """RE2 tells bytes, and a text cut within a character is one like any other."""
    regex = route("/é?x", kind=PathKind.REGEX)
    after = finish(compile_in_steps(host(regex, route("/")), compile_host(host(route("/")))))
    found = decided(after, "/éx")
    assert found is not None
    assert found.route is regex


def test_an_index_says_whether_it_folds() -> None:
    """Compiled at once or as a change, the one compares paths as they are, the other in lower case."""
    first = compile_host(host(route("/a"), folded("/B")))
    second = finish(compile_in_steps(host(route("/c"), folded("/D")), first))
    third = finish(compile_in_steps(host(route("/c"), folded("/D")), compile_host(host(route("/c")))))
    for table in (first, second, third):
        assert table.paths.fold is False
        assert table.folded is not None
        assert table.folded.fold is True
    assert compile_host(host(route("/a"))).folded is None


def test_what_did_not_change_is_kept_through_many_changes() -> None:
    """Each table can be the beginning of the next one, and its decisions name the virtual host without routes."""
    present = [route("/a"), route("/z")]
    first = table = compile_host(host(*present))
    for number in range(3):
        present.insert(1, route(f"/{number}"))
        table = finish(compile_in_steps(host(*present), table))
    assert decided(table, "/a") is decided(first, "/a")
    found = decided(table, "/2")
    assert found is not None
    assert found.virtual_host is table.owner is first.owner
    assert table.owner == replace(table.virtual_host, routes=())


def test_forwarding_routes_put_in_are_of_a_kind_with_each_other() -> None:
    """Those of one change that are served alike share a kind, weighted ones the kinds of their arms."""
    before = compile_host(host(route("/a")))
    weighted = ForwardAction(weighted=(WeightedCluster(Destination("c"), 1),))
    actions = (ForwardAction(Destination("c")), ForwardAction(Destination("c")), weighted, weighted)
    new = [Route(route(f"/{number}").matches, action) for number, action in enumerate(actions)]
    after = finish(compile_in_steps(host(*before.virtual_host.routes, *new), before))
    found = [decided(after, f"/{number}") for number in range(len(actions))]
    assert [each.destination for each in found if each] == [Destination("c")] * 4
    kinds = [each.kind for each in found if each]
    assert kinds[0] is kinds[1]
    assert kinds[2] is kinds[3]
    assert kinds[0] is not kinds[2]


def test_a_route_put_in_may_ask_for_pseudo_headers() -> None:
    """Whether they are to be laid among the headers is known after a change too, and stays known."""
    asking = Route(
        (RouteMatch(PathMatcher(PathKind.PREFIX, "/m"), methods=("GET",)),), DirectResponseAction(200, "get")
    )
    assert compile_host(host()).pseudo is compile_host(host()).asks_for_made is False
    plain = compile_host(host(route("/a")))
    assert plain.pseudo is False
    after = finish(compile_in_steps(host(route("/a"), asking), plain))
    assert after.pseudo is True
    assert decided(after, "/m") is not None
    assert finish(compile_in_steps(host(route("/b"), asking), after)).pseudo is True
    assert finish(compile_in_steps(host(*after.virtual_host.routes, route("/b")), after)).pseudo is True
    assert finish(compile_in_steps(host(route("/b")), plain)).pseudo is False


@pytest.mark.parametrize("name", ["x-request-id", "x-forwarded-for", "x-envoy-external-address", "x-envoy-internal"])
def test_headers_the_proxy_makes_are_known_by_name(name: str) -> None:
    """A table says whether a matcher of any of its virtual hosts asks for one, also after a change."""
    asking = Route(
        (RouteMatch(PathMatcher(PathKind.PREFIX, "/"), (HeaderMatcher(name, ValueKind.PRESENT),)),),
        DirectResponseAction(200),
    )
    plain, other = compile_host(host(route("/", "canary"))), route("/b")
    both = compile_host(host(asking, route("/a", "canary")))
    assert (plain.asks_for_made, both.asks_for_made, both.pseudo) == (False, True, False)
    after = finish(compile_in_steps(host(*plain.virtual_host.routes, asking), plain))
    assert after.asks_for_made is True
    assert finish(compile_in_steps(host(*after.virtual_host.routes, other), after)).asks_for_made is True
    assert finish(compile_in_steps(host(*plain.virtual_host.routes, other), plain)).asks_for_made is False
    assert finish(compile_in_steps(host(*plain.virtual_host.routes, other), after)).asks_for_made is False
    assert table_of(table for table in (plain, both)).asks_for_made is True
    assert table_of([plain]).asks_for_made is False
    assert RouteTable(table_of([both]).hosts).asks_for_made is False


@pytest.mark.parametrize("name", [":authority", ":method", ":path", ":scheme", "host", "x-forwarded-proto"])
def test_pseudo_headers_are_known_by_name(name: str) -> None:
    """What a matcher asks for under these names the request does not carry as a header of its own."""
    asking = RouteMatch(PathMatcher(PathKind.PREFIX, "/"), (HeaderMatcher(name, ValueKind.PRESENT),))
    table = compile_host(host(Route((asking,), DirectResponseAction(200))))
    assert table.pseudo is True
    assert decided(table, "/") is not None
    assert compile_host(host(route("/", "canary"))).pseudo is False


def test_a_decision_names_where_it_comes_from() -> None:
    """Virtual host, route, matcher and action are the model's own, whatever the action is."""
    match = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))
    arms = (WeightedCluster(Destination("first"), 1), WeightedCluster(Destination("second"), 1))
    for action in (
        DirectResponseAction(200),
        RedirectAction(prefix_rewrite="/new/"),
        ForwardAction(Destination("c"), prefix_rewrite="/new/"),
        ForwardAction(weighted=arms, prefix_rewrite="/new/"),
        ForwardAction(cluster_header="To", prefix_rewrite="/new/"),
    ):
        only = Route((match,), action)
        table = compile_host(host(only))
        found = decided(table, "/x", to="named")
        assert found is not None
        assert found.virtual_host is table.owner
        assert (found.route, found.match, found.action) == (only, match, action)
        assert found.arm is (arms[0] if isinstance(action, ForwardAction) and action.weighted else None)
        assert (found.rewrite and found.rewrite(b"/x")) == (
            None if isinstance(action, DirectResponseAction) else b"/new/x"
        )


def test_a_cluster_named_by_a_header_is_read_byte_by_byte() -> None:
    """A name that is no UTF-8 is none of ours, but no error; without the header the rest of the decision stands."""
    only = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), ForwardAction(cluster_header="To"))
    table = table_of([compile_host(host(only))])
    found = decide(table, RequestHead(b"GET", b"any", b"/", None, {b"to": b"\xe9"}), 0)
    assert found is not None
    assert found.destination == Destination("\N{LATIN SMALL LETTER E WITH ACUTE}")
    without = decide(table, RequestHead(b"GET", b"any", b"/"), 0)
    assert without is not None
    assert (without.route, without.destination) == (only, None)


def test_a_split_is_sticky_where_the_route_says_so() -> None:
    """The policy of the route decides whether a hash chooses the arm."""
    arms = (WeightedCluster(Destination("a"), 1),)
    match = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))
    for sticky in (True, False):
        only = Route((match,), ForwardAction(weighted=arms), policies=Policies(sticky_weights=sticky))
        target = lookup(table_of([compile_host(host(only))]), RequestHead(b"GET", b"any", b"/"))
        assert isinstance(target, Split)
        assert target.sticky is sticky


def test_no_step_of_a_change_is_long() -> None:
    """Routes that stay are looked at in steps of some hundred, and those of a changed path compiled one by one."""
    present = [route(f"/{number}/x", kind=PathKind.EXACT) for number in range(2000)]
    before = compile_host(host(*present))
    steps = compile_in_steps(host(*present, *(route("/0/x", str(number)) for number in range(40))), before)
    assert 16 + 40 <= sum(1 for _ in steps) <= 16 + 40 + 10


def test_no_step_is_long() -> None:
    """A large table is compiled in many steps, so that whoever compiles can do other things between them."""
    steps = compile_in_steps(host(*(route(f"/{number}/x", kind=PathKind.EXACT) for number in range(2000))))
    assert 250 < sum(1 for _ in steps) < 2 * (250 + 2000 / 16)
