"""`diff` against deciding many requests under both configurations."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from edgesim.inspect.diff.compare import Comparison, Wheres, compare
from edgesim.inspect.diff.hosts import host_classes
from edgesim.inspect.diff.outcomes import NO_ROUTE, Outcome, effect
from edgesim.inspect.diff.sides import Side, pairs
from edgesim.inspect.requests import request_head
from edgesim.model import (
    Action,
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    Model,
    OriginStep,
    PathKind,
    PathMatcher,
    Position,
    RedirectAction,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.routing import with_pseudo_headers
from tests.routing.naive import first_match
from tests.routing.strategies import heads, route_matches

single_heads = heads().filter(lambda head: head.repeated is None)
answers: st.SearchStrategy[Action] = st.sampled_from(
    [
        *(DirectResponseAction(200, body) for body in ("one", "two", "three")),
        ForwardAction(Destination("here")),
        ForwardAction(Destination("gone"), timeout=3.0),
        ForwardAction(Destination("here"), prefix_rewrite="/other"),
        ForwardAction(weighted=(WeightedCluster(Destination("here"), 2), WeightedCluster(Destination("gone"), 0))),
        ForwardAction(weighted=(WeightedCluster(Destination("here"), 1), WeightedCluster(Destination("gone"), 1))),
        ForwardAction(cluster_header="x"),
        RedirectAction(prefix_rewrite="/moved"),
    ]
)
routes = st.builds(Route, st.lists(route_matches, min_size=1, max_size=2).map(tuple), answers)


@st.composite
def tables(draw: st.DrawFn) -> tuple[tuple[Route, ...], tuple[Route, ...]]:
    """Draw a table, and what became of it: routes taken out, put in, moved, or answering otherwise."""
    old = draw(st.lists(routes, max_size=8))
    new = list(old)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(new)))
        match draw(st.sampled_from(["in", "out", "move", "change"])):
            case "in":
                new.insert(place, draw(routes))
            case "out":
                del new[place : place + 1]
            case "move" if new:
                new.insert(place % len(new), new.pop(draw(st.integers(0, len(new) - 1))))
            case _ if place < len(new):
                new[place] = Route(new[place].matches, draw(answers))
    return tuple(old), tuple(new)


def _model(routes: tuple[Route, ...]) -> Model:
    return Model((VirtualHost("host", ("*",), routes),), (Cluster("here", ClusterType.STATIC),))


def _nowhere(_step: OriginStep) -> Position:
    return Position("", 1, 1)


WHERES = Wheres(_nowhere, _nowhere)


def _naive(side: Side, head: RequestHead) -> Outcome:
    found = first_match(side.hosts[0], head)
    return NO_ROUTE if found is None else side.outcomes(side.hosts[0]).of_match(*found)


_FOLDED = Route(
    (RouteMatch(PathMatcher(PathKind.PREFIX, "/A", case_sensitive=False)),), DirectResponseAction(200, "one")
)
_PLAIN = Route((RouteMatch(PathMatcher(PathKind.EXACT, "/a")),), DirectResponseAction(200, "two"))
_ABSENT = Route(
    (RouteMatch(PathMatcher(PathKind.REGEX, "/a.*"), (HeaderMatcher("x", ValueKind.EXACT, "1", invert=True),)),),
    DirectResponseAction(200, "three"),
)


@given(tables(), st.lists(single_heads, min_size=1, max_size=20))
@example(
    ((_PLAIN, _FOLDED), (_FOLDED, _PLAIN)), [RequestHead(b"GET", b"any", b"/a"), RequestHead(b"GET", b"any", b"/A")]
)
@example(
    ((_ABSENT,), ()), [RequestHead(b"GET", b"any", b"/ab"), RequestHead(b"GET", b"any", b"/ab", None, {b"x": b"2"})]
)
def test_classes_are_what_is_decided_otherwise(
    both: tuple[tuple[Route, ...], tuple[Route, ...]], requests: list[RequestHead]
) -> None:
    """A request is decided otherwise, by a naive scan of both tables, exactly if it lies in one class, and as that says."""
    (pair, *_) = pairs(_model(both[0]), _model(both[1]))
    comparison = Comparison(pair, WHERES)
    (hosts,) = host_classes(pair.before.hosts, pair.after.hosts)
    classes = comparison.between(hosts.before, hosts.after)
    assert not comparison.cut
    for head in requests:
        old, new = _naive(pair.before, head), _naive(pair.after, head)
        laid = with_pseudo_headers(head, b"http")
        found = [each.outcomes for each in classes if each.takes(laid)]
        assert found == ([(old, new)] if effect(old, new) is not None else [])


@given(tables())
def test_every_class_has_a_request_to_show_it(both: tuple[tuple[Route, ...], tuple[Route, ...]]) -> None:
    """The witness of a class is decided otherwise, by a naive scan, as the class says; and each class has one."""
    before, after = map(_model, both)
    (pair, *_) = pairs(before, after)
    for change in compare(before, after, WHERES).report.changes:
        witness = change.witness
        assert witness is not None, change
        head = request_head(witness.url, witness.method, witness.headers)
        old, new = _naive(pair.before, head), _naive(pair.after, head)
        assert effect(old, new) is change.effect


@given(st.lists(routes, max_size=8).map(tuple))
def test_nothing_is_reported_where_nothing_changes(table: tuple[Route, ...]) -> None:
    """A configuration compared with one that is equal, though made anew, gives an empty report."""
    again = tuple(Route(route.matches, route.action) for route in table)
    assert compare(_model(table), _model(again), WHERES).report.changes == ()
