"""What a worker tells of what it counted."""

from __future__ import annotations

import pickle
import sys
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from edgesim.telemetry.histogram import BYTES_RECEIVED, BYTES_SENT, RETRIES, TOTAL
from edgesim.telemetry.ledger import Ledger
from edgesim.telemetry.tally import Growth, Named, Tally


class Scope(NamedTuple):
    """A route and its number."""

    name: str
    number: int


Request = tuple[Scope | None, str, int, int, int, int, int]
ROUTES = [Scope(name, number) for number, name in enumerate("abc", 1)]


def name_of(scope: Scope | None) -> str:
    return "" if scope is None else scope.name


def made() -> Ledger:
    return Ledger(lambda scope: ("any", name_of(scope), "echo", ()), str)


class Parent:
    """What a parent knows."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.named = Named()

    def hear(self, news: Iterable[Growth]) -> None:
        for growth in news:
            self.tally.take(growth, self.named)

    def totals(self) -> dict[tuple[str, str], int]:
        return {(key.route, key.endpoint): counts[TOTAL] for key, counts in self.tally.counts.items()}


REQUESTS = st.lists(
    st.tuples(
        st.sampled_from([*ROUTES, None]),
        st.sampled_from("xy"),
        st.sampled_from((0, 200, 503)),
        st.integers(-1, 9),
        *[st.integers(0, 3)] * 3,
    ),
    max_size=40,
)


@given(st.lists(st.tuples(REQUESTS, st.booleans(), st.booleans()), max_size=5))
def test_every_request_is_told_once(times: list[tuple[list[Request], bool, bool]]) -> None:
    """Whenever a worker tells, and whenever it forgets its routes, the sums of its parent are those of all requests."""
    ledger, parent = made(), Parent()
    for requests, tells, forgets in times:
        ledger.ended += requests
        ledger.gather()
        if forgets:
            ledger.forget_numbers()
        if tells:
            parent.hear(ledger.news())
    parent.hear(ledger.news())
    every = [request for requests, *_ in times for request in requests]
    assert parent.totals() == Counter((name_of(scope), where) for scope, where, *_ in every)
    counts = parent.tally.by()[()] if every else {}
    if every:
        assert counts[BYTES_SENT] == sum(sent for *_, sent, _, _ in every)
        assert counts[BYTES_RECEIVED] == sum(received for *_, received, _ in every)
        assert counts[RETRIES] == sum(max(tries - 1, 0) for *_, tries in every)


def test_only_what_came_since_is_told() -> None:
    """What was told is told no more, a key is named once, and nothing is told where nothing came."""
    ledger, parent = made(), Parent()
    for _ in range(2):
        ledger.ended.append((ROUTES[0], "x", 200, 5, 1, 0, 1))
        news = [*ledger.news()]
        parent.hear(news)
        assert [*ledger.news()] == []
    assert [(growth.scopes, growth.endpoints) for growth in news] == [((), ())]
    assert parent.totals() == {("a", "x"): 2}


def test_numbers_that_begin_anew_while_telling() -> None:
    """Where the worker forgets its routes between two pieces, both mean what they meant, and so do later ones."""
    ledger, parent = made(), Parent()
    ledger.ended += [(Scope(str(number), number + 1), "xy"[number % 2], 200, 5, 1, 0, 1) for number in range(1000)]
    for growth in ledger.news():
        parent.hear([growth])
        ledger.forget_numbers()
    assert len(parent.totals()) == 1000
    assert set(parent.totals().values()) == {1}


def test_columns_of_one_value() -> None:
    """What is the same in all rows is told once, and read as often as there are rows."""
    ledger = made()
    ledger.ended += [(ROUTES[number % 3], "x", 200, number, 1, 0, 1) for number in range(300)]
    *_, growth = ledger.news()
    assert [*zip(*growth.values(), strict=True)] == [
        (number % 3 + 1, 0, 200, number, 1, 0, 1, 1) for number in range(300)
    ]
    assert len(pickle.dumps(growth)) < 2 * 8 * 300 + 300


def test_what_comes_while_telling_is_told_next() -> None:
    """News are of one moment, however long the telling takes; each piece is small."""
    ledger, parent = made(), Parent()
    ledger.ended += [(Scope(str(number), number + 1), "x", 200, 5, 1, 0, 1) for number in range(1000)]
    news = ledger.news()
    while not parent.totals():
        parent.hear([next(news)])
    ledger.ended.append((Scope("late", 1001), "x", 200, 5, 1, 0, 1))
    ledger.gather()
    assert 0 < len(parent.totals()) < 1000
    parent.hear(news)
    assert len(parent.totals()) == 1000
    parent.hear(ledger.news())
    assert parent.totals()["late", "x"] == 1


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(1, 4000)), min_size=1, max_size=8))
def test_alike_or_not_all_are_told(batches: list[tuple[int, int]]) -> None:
    """Whether requests repeat or not, and whenever that changes, none is lost or told twice, and names are told once."""
    ledger, parent = made(), Parent()
    expected: Counter[str] = Counter()
    for length, different in batches:
        numbers = [number % different + 1 for number in range(length)]
        ledger.ended += [(Scope(f"r{number}", number), "x", 200, 5, 1, 0, 1) for number in numbers]
        ledger.gather()
        expected.update(f"r{number}" for number in numbers)
    news = [*ledger.news()]
    parent.hear(news)
    assert {route: count for (route, _), count in parent.totals().items()} == expected
    assert sum(len(growth.scopes[0]) for growth in news if growth.scopes) == len(expected)


def test_requests_that_hardly_repeat_are_told_as_they_come() -> None:
    """Where few are alike, the ledger says that it is full before anybody asks; of what was told it holds no route."""
    ledger, parent = made(), Parent()
    for begin in (0, 1500):
        assert not ledger.is_full
        ledger.ended += [(Scope("r", begin + number + 1), "x", 200, 5, 1, 0, 1) for number in range(1500)]
        ledger.gather()
    assert ledger.is_full
    parent.hear(ledger.overflow())
    route = Scope("last", 5000)
    before = sys.getrefcount(route)
    ledger.ended.append((route, "x", 200, 5, 1, 0, 1))
    ledger.gather()
    parent.hear(ledger.news())
    assert sys.getrefcount(route) == before
    assert parent.totals() == {("r", "x"): 3000, ("last", "x"): 1}


def test_a_few_requests_do_not_wake_the_parent() -> None:
    """Where few are alike, they are told unasked only once there are a thousand of them."""
    ledger = made()
    fills = []
    for begin in range(0, 7000, 700):
        ledger.ended += [(Scope("r", begin + number + 1), "x", 200, 5, 1, 0, 1) for number in range(700)]
        ledger.gather()
        fills.append(ledger.is_full)
        if ledger.is_full:
            assert sum(growth.length for growth in ledger.overflow()) >= 1000
    assert fills == [False, False, True, False, True, False, True, False, True, False]


def test_requests_that_repeat_wait_until_they_are_asked_for() -> None:
    """Where many are alike nothing is told ahead, however many they are."""
    ledger = made()
    for _ in range(10):
        ledger.ended += [(ROUTES[number % 3], "x", 200, number % 3000, 1, 0, 1) for number in range(4500)]
        ledger.gather()
    assert not ledger.is_full
    assert sum(growth.length for growth in ledger.news()) == 3000
