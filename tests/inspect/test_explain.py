"""The explanation of a decision agrees with the decision."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.inspect import Question, Tables, route_report
from edgesim.inspect.conditions import Failure, failure
from edgesim.inspect.explain import explain
from edgesim.model import (
    PLAIN_LISTENER,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    InheritedOption,
    Model,
    OriginStep,
    PathKind,
    PathMatcher,
    Position,
    QueryMatcher,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.model.routes import Destination
from edgesim.routing import compile_table, decide
from tests.routing.naive import first_match
from tests.routing.strategies import heads, numbered_hosts

ANY = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))
STAGE = HeaderMatcher("stage", ValueKind.EXACT, "canary")


def place(step: OriginStep) -> Position:
    return Position(step.file, step.path[0] if step.path and isinstance(step.path[0], int) else 1, 1)


def head(path: str, **headers: str) -> RequestHead:
    return RequestHead(b"GET", b"any", path.encode(), None, {k.encode(): v.encode() for k, v in headers.items()})


@given(numbered_hosts, heads())
def test_the_explained_route_is_the_decided_one(host: VirtualHost, asked: RequestHead) -> None:
    """The first matcher all of whose conditions hold is what the index decides, and what a naive scan finds."""
    told = explain(PLAIN_LISTENER, (host,), host, asked, place, len(host.routes))
    found = next(((trial.route, trial.matcher) for trial in told.routes if trial.failed is None), None)
    decision = decide(compile_table((host,)), asked, 0)
    assert (None if found is None else found[0]) == (None if decision is None else decision.route.number)
    naive = first_match(host, asked)
    assert found == (None if naive is None else (naive[0].number, naive[0].matches.index(naive[1]) + 1))


@given(numbered_hosts, heads(), st.integers(0, 6))
def test_the_explanation_ends_with_the_route_that_took_the_request(
    host: VirtualHost, asked: RequestHead, most: int
) -> None:
    """At most one trial holds and it is the last; trials are in order; those left out are counted."""
    decision = decide(compile_table((host,)), asked, 0)
    told = explain(PLAIN_LISTENER, (host,), host, asked, place, most)
    holding = [trial for trial in told.routes if trial.failed is None]
    assert [trial.route for trial in holding] == ([] if decision is None else [decision.route.number])
    assert not holding or told.routes[-1] is holding[0]
    order = [(trial.route, trial.matcher) for trial in told.routes]
    assert order == sorted(order)
    matchers = sum(len(route.matches) for route in host.routes)
    assert len(told.routes) + told.other_routes + told.behind == matchers
    assert len(told.routes) <= most + 1


def test_what_failed_first_is_told_with_what_was_there() -> None:
    """Path, method, headers, query are tried in this order, and the first that fails is named."""
    query = QueryMatcher("v", ValueKind.REGEX, "[0-9]+")
    match = RouteMatch(PathMatcher(PathKind.EXACT, "/a"), (STAGE,), (query,), ("POST", "PUT"))
    asked = RequestHead(b"POST", b"any", b"/a", b"v=x", {b":method": b"POST", b"stage": b"canary"})
    assert failure(match, head("/b"))[0] == Failure("path", "exact /a", "the path is /b")
    assert failure(match, head("/a"))[0] == Failure("method", "method POST or PUT", "the method is GET")
    assert failure(match, asked)[0] == Failure("query", "v matches [0-9]+", "it is x")
    asked.headers[b"stage"] = b"beta"
    assert failure(match, asked)[0] == Failure("header", "stage is canary", "it is beta")
    del asked.headers[b"stage"]
    assert failure(match, asked)[0] == Failure("header", "stage is canary", "there is none")


def test_nearest_misses_are_those_that_failed_last() -> None:
    """A route whose path holds is nearer than one whose path does not, and among those the path that agrees longest."""
    paths = [RouteMatch(PathMatcher(PathKind.PREFIX, f"/{'x' * n}y")) for n in range(9)]
    near = RouteMatch(ANY.path, (STAGE,))
    routes = [Route((match,), DirectResponseAction(200), number=n) for n, match in enumerate([*paths, near, ANY], 1)]
    told = explain(PLAIN_LISTENER, (), VirtualHost("a", ("*",), tuple(routes)), head("/xxxxxxxxxxxx"), place, most=3)
    assert [trial.route for trial in told.routes] == [8, 9, 10, 11]
    assert (told.other_routes, told.behind) == (7, 0)


def test_hosts_are_told_the_strongest_domain_first() -> None:
    """Exact, then wildcards by length, then `*`; a host that does not take the name is only counted."""
    hosts = [
        VirtualHost("any", ("*",), (Route((ANY,), DirectResponseAction(200), number=1),)),
        VirtualHost("suffix", ("*.example", "other")),
        VirtualHost("longer", ("*cho.example",)),
        VirtualHost("prefix", ("echo.*",)),
        VirtualHost("none", ("foxtrot",)),
    ]
    report = route_report(Tables(Model(tuple(hosts))), Question("http://echo.example/", explained=True), place)
    told = report.explanation
    assert told is not None
    assert [(each.virtual_host, each.domain, each.chosen) for each in told.hosts] == [
        ("longer", "*cho.example", True),
        ("suffix", "*.example", False),
        ("prefix", "echo.*", False),
        ("any", "*", False),
    ]
    assert (told.other_hosts, report.virtual_host) == (1, "longer")


def test_delegation_and_inherited_options_are_told_with_their_places() -> None:
    """Every resource on the way to a route is named with its line, and who wrote an option it inherits."""
    outer, inner = (
        OriginStep("VirtualService", "a", "vs", "vs.yaml", (7,)),
        OriginStep("RouteTable", "b", "rt", "rt.yaml", (9,)),
    )
    route = Route(
        (ANY,),
        ForwardAction(Destination("gone")),
        number=1,
        origin=(outer, inner),
        inherited=(InheritedOption("timeout", outer),),
    )
    report = route_report(Tables(Model((VirtualHost("a", ("*",), (route,)),))), Question("/", explained=True), place)
    assert [str(step) for step in report.origin] == ["vs.yaml:7 (VirtualService a/vs)", "rt.yaml:9 (RouteTable b/rt)"]
    assert [(each.field, str(each.step)) for each in report.inherited] == [
        ("timeout", "vs.yaml:7 (VirtualService a/vs)")
    ]
    assert report.destinations[0].missing
