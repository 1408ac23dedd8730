"""Whose turn it is."""

from __future__ import annotations

from edgesim.balancing import Rotation, pick
from edgesim.model import Endpoint

A, B, C = (Endpoint("127.0.0.1", port) for port in (1, 2, 3))


def test_endpoints_take_turns() -> None:
    """Each is picked once a round, wherever it begins."""
    rotation = Rotation(41)
    picked = [pick((A, B, C), rotation) for _ in range(6)]
    assert picked[:3] == picked[3:]
    assert set(picked) == {A, B, C}


def test_turns_are_taken_in_the_order_of_the_schedule() -> None:
    """The turn moves on by one before each pick, and stands at the last endpoint picked."""
    rotation = Rotation(0)
    assert [pick((A, B, C), rotation) for _ in range(4)] == [B, C, A, B]
    assert rotation.turn == 4


def test_turns_go_on_over_another_round() -> None:
    """The place in the round outlives the endpoints it turned through; of none, none is picked."""
    rotation = Rotation(0)
    assert pick((), rotation) is None
    assert {pick((A, B), rotation), pick((A, B), rotation)} == {A, B}
    assert pick((C,), rotation) == C
