"""The weighted choice, draw by draw."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.routing.weights import Split, choose

weights = st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(lambda found: sum(found) > 0)


@given(weights, st.integers(0, 2**20))
def test_every_arm_gets_exactly_its_share_of_the_draws(given_weights: list[int], round_: int) -> None:
    """Of any `total` draws in a row each arm gets as many as its weight says; one of weight 0 none."""
    split = Split(given_weights, range(len(given_weights)))
    first = round_ * split.total
    counted = Counter(choose(split, draw) for draw in range(first, first + split.total))
    assert [counted[arm] for arm in range(len(given_weights))] == given_weights


@given(weights, st.integers(0, 2**64 - 1))
def test_the_first_interval_that_holds_the_draw_wins(given_weights: list[int], draw: int) -> None:
    """The walk over cumulative weights that Envoy makes chooses the same arm."""
    left = draw % sum(given_weights)
    walk = enumerate(accumulate(given_weights))
    first = next(arm for arm, bound in walk if left < bound)
    assert choose(Split(given_weights, range(len(given_weights))), draw) == first


@pytest.mark.parametrize("given_weights", [[], [0], [0, 0]])
def test_a_split_without_weight_is_refused(given_weights: list[int]) -> None:
    """Weights that sum to 0, or none at all, are an error."""
    with pytest.raises(ValueError, match=r"^weights must sum to at least 1$"):
        Split(given_weights, [None] * len(given_weights))


def test_the_smallest_split_is_one_arm_of_weight_one() -> None:
    """A sum of 1 is enough, and every draw goes to its arm."""
    assert [choose(Split([1], ["only"]), draw) for draw in (0, 1, 2**64 - 1)] == ["only"] * 3


def test_a_hash_chooses_only_where_it_is_asked_for() -> None:
    """A split is sticky when it is made so, and otherwise not."""
    assert Split([1], ["a"], sticky=True).sticky is True
    assert Split([1], ["a"]).sticky is False


def test_a_split_tells_its_arms_and_the_sum_of_their_weights() -> None:
    """Arms are told in the order given, whether a hash chooses or not."""
    for split in (Split([1, 0, 2], "abc"), Split([1, 0, 2], "abc", sticky=True)):
        assert (split.arms, split.total) == (("a", "b", "c"), 3)
