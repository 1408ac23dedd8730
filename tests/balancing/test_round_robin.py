"""Whose turn it is."""

from __future__ import annotations

from itertools import count

from edgesim.balancing import RoundRobin, endpoint_set
from edgesim.balancing.round_robin import MOST_ROTATIONS
from edgesim.model import Cluster, ClusterType, Endpoint, SubsetConfig, SubsetSelector

A, B, C = (Endpoint("127.0.0.1", port) for port in (1, 2, 3))


def _among(*endpoints: Endpoint, start: int = 0) -> RoundRobin:
    return RoundRobin(endpoint_set(Cluster("echo", ClusterType.STATIC), endpoints), lambda: start)


def test_endpoints_take_turns() -> None:
    """Each is picked once a round, wherever it begins."""
    balancer = _among(A, B, C, start=41)
    picked = [balancer.pick(()) for _ in range(6)]
    assert picked[:3] == picked[3:]
    assert set(picked) == {A, B, C}


def test_turns_are_taken_in_the_order_of_the_schedule() -> None:
    """The turn moves on by one before each pick, and stands at the last endpoint picked."""
    balancer = _among(A, B, C)
    assert [balancer.pick(()) for _ in range(4)] == [B, C, A, B]
    assert balancer.rotations[()].turn == 4


def test_of_none_none_is_picked() -> None:
    """Without endpoints there is nothing to pick, and no turn is taken."""
    balancer = _among()
    assert balancer.pick(()) is None
    assert balancer.rotations[()].turn == 0


def _cluster(*keys: str) -> Cluster:
    return Cluster("echo", ClusterType.STATIC, subsets=SubsetConfig((SubsetSelector(keys),)))


V1, V2, OTHER_V1 = (
    Endpoint("127.0.0.1", port, (("version", version),)) for port, version in enumerate(("1", "2", "1"))
)
SUBSET_1, SUBSET_2 = V1.metadata, V2.metadata


def test_each_subset_has_its_own_turns() -> None:
    """A pick in one subset moves no other on, and a rotation begins where `start` says, asked once for each."""
    starts = count(10)
    balancer = RoundRobin(endpoint_set(_cluster("version"), (V1, V2, OTHER_V1)), lambda: next(starts))
    assert [balancer.pick(SUBSET_1) for _ in range(3)] == [OTHER_V1, V1, OTHER_V1]
    assert [balancer.pick(SUBSET_2) for _ in range(2)] == [V2, V2]
    assert [balancer.rotations[each].turn for each in (SUBSET_1, SUBSET_2)] == [13, 13]
    assert next(starts) == 12


def test_turns_outlive_the_endpoints() -> None:
    """Other endpoints are picked from at once, where the round stood."""
    balancer = RoundRobin(endpoint_set(_cluster("version"), ()), lambda: 0)
    balancer.pick(())
    balancer.pick(SUBSET_1)
    balancer.update(endpoint_set(_cluster("version"), (V1, OTHER_V1)))
    assert balancer.pick(SUBSET_1) == OTHER_V1
    balancer.update(endpoint_set(_cluster("version"), (V1, OTHER_V1)))
    assert balancer.pick(SUBSET_1) == V1


def test_turns_of_too_many_subsets_are_forgotten() -> None:
    """As many as may be are kept; of one more all begin anew with the next endpoints."""
    endpoints = endpoint_set(_cluster("version"), (V1,))
    balancer = RoundRobin(endpoints, lambda: 0)
    for number in range(MOST_ROTATIONS):
        balancer.pick((("version", str(number)),))
    balancer.update(endpoints)
    assert len(balancer.rotations) == MOST_ROTATIONS
    balancer.pick(())
    balancer.update(endpoints)
    assert balancer.rotations == {}
