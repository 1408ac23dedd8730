"""The benchmark of the routing core."""

from __future__ import annotations

from random import Random

import pytest

from edgesim.bench.routing import Measured, configured, decisions, fresh, growth, measure, synthetic
from edgesim.inspect.examples import examples_of
from edgesim.inspect.listeners import Tables
from edgesim.model import (
    PLAIN_LISTENER,
    DirectResponseAction,
    Model,
    PathKind,
    PathMatcher,
    RequestHead,
    Route,
    RouteMatch,
    VirtualHost,
)


def test_tables_are_measured_round_by_round() -> None:
    """Each table gets a figure and one of plain Python a round; one round before is not counted."""
    made = [synthetic(kind, "even", 10) for kind in ("distinct", "regex")]
    assert list(measure(made, rounds=2, batches=2, seed=1)) == [0, 1, 2]
    for each in made:
        assert len(each.nanoseconds) == len(each.reference) == 2
        assert min(each.nanoseconds) > 0
        assert each.bytes_per_route > 0


def test_a_configuration_is_asked_by_its_own_requests() -> None:
    """Only requests of its routes are decided, and each finds one."""
    routes = tuple(
        Route((RouteMatch(PathMatcher(PathKind.EXACT, path)),), DirectResponseAction(200)) for path in ("/a", "/b")
    )
    tables = Tables(Model((VirtualHost("host", ("*",), routes),), listeners=(PLAIN_LISTENER,)))
    made = configured("own", tables, examples_of(tables).requests)
    assert {head.path for _table, head in made.draw(Random(1), 50)} == {b"/a", b"/b"}
    assert decisions(made.draw, 1, Random(1)) > 0
    assert (made.routes, made.made_up) == (2, False)


def test_heads_are_made_anew() -> None:
    """A head is equal to the one it is made of, and shares none of its values, whose hashes would be remembered."""
    head = RequestHead(b"GET", b"shop.example", b"/path", b"a=b", {b"x-name": b"some value"}, {})
    made = fresh(head)
    assert (made.method, made.authority, made.path, made.query, made.headers) == (
        head.method, head.authority, head.path, head.query, head.headers,
    )  # fmt: skip
    assert made.path is not head.path
    assert made.headers[b"x-name"] is not head.headers[b"x-name"]


def _measured(routes: int, *nanoseconds: float, made_up: bool = True) -> Measured:
    return Measured(str(routes), routes, lambda _random, _count: [], made_up, nanoseconds=list(nanoseconds))


def test_growth_is_an_exponent() -> None:
    """Twice the time for a hundred times the routes is a power of 0.15; the user's own table is no part of it."""
    found = growth([_measured(1000, 2.0, 4.0), _measured(10, 1.0, 2.0), _measured(5, 9.0, made_up=False)])
    assert found is not None
    assert (found.routes, found.time) == (100, 2)
    assert found.exponent == pytest.approx(0.1505, abs=1e-4)
    assert growth([_measured(10, 1.0)]) is None
