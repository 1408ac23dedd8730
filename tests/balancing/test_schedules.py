"""Turns by earliest deadline."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from edgesim.balancing.schedules import earliest_deadline_first


def test_turns_come_at_deadlines() -> None:
    """An entry waits 1 divided by its weight; of two whose turn it is at one time the first given comes first."""
    take = earliest_deadline_first("ab", {"a": 2.0, "b": 1.0}.__getitem__, lambda: 0.0)
    assert [take() for _ in range(6)] == ["a", "a", "b", "a", "a", "b"]


def test_a_first_wait_may_be_partly_over() -> None:
    """Who has waited most of the time comes first."""
    phases = iter((0.0, 0.75))
    take = earliest_deadline_first("ab", lambda _: 1.0, lambda: next(phases))
    assert [take() for _ in range(4)] == ["b", "a", "b", "a"]


def test_a_weight_counts_from_the_next_turn_on() -> None:
    """What changes meanwhile does not move a turn that is already set."""
    weights = {"a": 1.0, "b": 1.0}
    take = earliest_deadline_first("ab", weights.__getitem__, lambda: 0.0)
    weights["a"] = 4.0
    assert [take() for _ in range(6)] == ["a", "b", "a", "a", "a", "a"]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 300))
def test_nobody_is_far_from_its_share(weights: list[int], turns: int) -> None:
    """However many turns were taken, each entry has had as many as it weighs, within one of each other's."""
    take = earliest_deadline_first(range(len(weights)), lambda at: float(weights[at]), lambda: 0.0)
    counted = Counter(take() for _ in range(turns))
    for one, weight in enumerate(weights):
        for other, heavier in enumerate(weights):
            assert (counted[one] - 1.001) / weight <= (counted[other] + 1.001) / heavier
