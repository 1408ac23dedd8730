"""Compiling in steps, and only what changed: the outcome is that of compiling everything."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import (
    DirectResponseAction,
    HeaderMatcher,
    HeaderMutations,
    PathKind,
    PathMatcher,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.routing import Decision, HostTable, compile_host, compile_in_steps, decide, finish, table_of
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


def test_no_step_is_long() -> None:
    """A large table is compiled in many steps, so that whoever compiles can do other things between them."""
    steps = compile_in_steps(host(*(route(f"/{number}/x", kind=PathKind.EXACT) for number in range(2000))))
    assert sum(1 for _ in steps) > 250
