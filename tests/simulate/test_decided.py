from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.inspect import Tables
from edgesim.model import (
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    Model,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.model.problems import EdgesimError
from edgesim.simulate.decided import Decided
from edgesim.simulate.population import Axis, Population, Users
from tests.routing.strategies import route_matches
from tests.simulate.scenes import canary, classes_and_draws, live, model, route, same, split

_HEADERS = (Axis(("", "stage: canary", "stage: 2"), (1, 1, 1)), Axis(("", "x: 1", "x: 22"), (1, 1, 1)))
_POPULATION = Population(
    hosts=Axis(("http://a.example", "http://b.example:8080"), (1, 1)),
    paths=Axis(("/", "/a/v1", "/ab/v1x", "/A/b", "/b"), (1, 1, 1, 1, 1)),
    methods=Axis(("GET", "POST", "PUT"), (1, 1, 1)),
    headers=_HEADERS,
    query=(Axis(("", "y=1", "z=canary"), (1, 1, 1)),),
)
_weights = st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 100), min_size=1, max_size=4).filter(any)


def _agree(made: Model, population: Population, requests: int, seed: int = 1) -> None:
    decided = Decided(Tables(made), population)
    classes, draws = classes_and_draws(population, requests, seed)
    found = decided.outcomes_of(classes, draws)
    for number, value, outcome in zip(classes.tolist(), draws.tolist(), found.tolist(), strict=True):
        assert same(decided.outcomes[outcome], live(made, population, number, value, None, decided))


@settings(max_examples=25)
@given(st.lists(st.tuples(route_matches, _weights), max_size=8), st.booleans())
def test_the_same_decision_as_the_live_core(routes: list[tuple[RouteMatch, list[int]]], one_host: bool) -> None:
    """For random tables, weights up to 2^32, classes and draws each request goes where `routing.decide` sends it."""
    made = tuple(
        replace(route("/", split(weights), number=number), matches=(match,))
        for number, (match, weights) in enumerate(routes, 1)
    )
    domains = ("a.example",) if one_host else ("*",)
    _agree(replace(model(), virtual_hosts=(VirtualHost("host", domains, made),)), _POPULATION, 60)


def test_every_draw_of_a_round() -> None:
    """Over each draw of a whole round, and the largest ones, the choice is the live core's: no edge is off by one."""
    made, population = canary((7, 0, 3)), Population()
    decided = Decided(Tables(made), population)
    draws = np.array([*range(20), *range(2**64 - 10, 2**64)], dtype=np.uint64)
    found = decided.outcomes_of(np.zeros(30, np.uint32), draws)
    for number, value in zip(found.tolist(), draws.tolist(), strict=True):
        assert same(decided.outcomes[number], live(made, population, 0, value, None, decided))
    assert np.bincount(found[:10], minlength=3).tolist() == [7, 0, 3]


def test_many_kinds_of_split() -> None:
    """Splits whose sums have no small common multiple are searched instead of looked up, with the same choices."""
    paths = Axis(tuple(f"/{number}/" for number in range(60)), (1.0,) * 60)
    routes = (route(f"/{number}/", split((1009 + number * 7, number, 3)), number=number) for number in range(60))
    _agree(model(*routes), Population(paths=paths), 200)


def test_a_cluster_that_a_header_names() -> None:
    """A route by cluster header goes where the class's header says; what is not there is answered 503."""
    made = model(route("/", ForwardAction(cluster_header="to")))
    population = Population(headers=(Axis(("", "to: echo", "to: other"), (1, 1, 1)),))
    decided = Decided(Tables(made), population)
    found = decided.outcomes_of(np.arange(3, dtype=np.uint32), np.zeros(3, np.uint64))
    assert [decided.outcomes[number].cluster for number in found] == ["", "echo", "other"]
    assert [decided.outcomes[number].status for number in found] == [503, 0, 503]


def test_answers_of_the_proxy() -> None:
    """A direct response has its status and no destination; a request without a route is answered 404."""
    fixed = replace(route("/a", split((1,))), action=DirectResponseAction(418))
    decided = Decided(Tables(model(fixed)), Population(paths=Axis(("/a", "/b"), (1, 1))))
    found = decided.outcomes_of(np.array([0, 1], np.uint32), np.zeros(2, np.uint64))
    assert [decided.outcomes[number].destination for number in found] == ["answered 418", "answered 404"]


def test_users_who_cannot_be_told_apart() -> None:
    """A route that matches the value users are known by is refused: a class would be no class."""
    one = HeaderMatcher("x-user", ValueKind.EXACT, "user-0-0")
    made = model(route("/", ForwardAction(Destination("echo")), one))
    decided = Decided(Tables(made), Population(users=Users(10, header="x-user")))
    with pytest.raises(EdgesimError, match="ES1105"):
        decided.outcomes_of(np.zeros(1, np.uint32), np.zeros(1, np.uint64), np.zeros(1, np.uint32))
