"""Endpoints cut into subsets, and the round they take turns in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.balancing import candidates, endpoint_set, schedule
from edgesim.model import (
    BalancerKind,
    Cluster,
    ClusterType,
    Endpoint,
    FallbackPolicy,
    LoadBalancer,
    Subset,
    SubsetConfig,
    SubsetSelector,
)

V1, V2 = (("version", "v1"),), (("version", "v2"),)


def endpoint(port: int, metadata: Subset = (), weight: int = 1) -> Endpoint:
    return Endpoint("127.0.0.1", port, metadata, weight)


ONE, TWO, OTHER = endpoint(1, V1), endpoint(2, V2), endpoint(3)


def cluster(fallback: FallbackPolicy, default: Subset = (), *keys: tuple[str, ...]) -> Cluster:
    selectors = tuple(SubsetSelector(found) for found in keys or (("version",),))
    return Cluster("c", ClusterType.STATIC, subsets=SubsetConfig(selectors, fallback, default))


@pytest.mark.parametrize(
    ("fallback", "default", "rest"),
    [
        (FallbackPolicy.ANY_ENDPOINT, (), (ONE, TWO, OTHER)),
        (FallbackPolicy.NO_FALLBACK, (), ()),
        (FallbackPolicy.DEFAULT_SUBSET, V2, (TWO,)),
        (FallbackPolicy.DEFAULT_SUBSET, (("version", "v9"),), ()),
    ],
)
def test_a_subset_without_endpoints_falls_back(
    fallback: FallbackPolicy, default: Subset, rest: tuple[Endpoint, ...]
) -> None:
    """A subset with endpoints gets those; an empty one, an unknown one, and none asked for get the fallback."""
    found = endpoint_set(cluster(fallback, default), (ONE, TWO, OTHER))
    assert found.every == (ONE, TWO, OTHER)
    assert candidates(found, V1) == (ONE,)
    for subset in ((("version", "v3"),), (("team", "a"),), ()):
        assert candidates(found, subset) == rest


def test_without_subsets_everything_is_everywhere() -> None:
    """A cluster without subset configuration ignores what a route asks for."""
    found = endpoint_set(Cluster("c", ClusterType.STATIC), (ONE, TWO))
    assert candidates(found, V1) == candidates(found, ()) == found.every == (ONE, TWO)


@pytest.mark.parametrize("subsets", [None, SubsetConfig((SubsetSelector(("version",)),))])
def test_a_set_knows_how_its_cluster_wants_it_picked(subsets: SubsetConfig | None) -> None:
    """Balancer and overprovisioning factor are the cluster's; localities are weighed only where nothing is cut."""
    asked = LoadBalancer(BalancerKind.RANDOM, locality_weighted=True)
    made = Cluster("c", ClusterType.STATIC, subsets=subsets, balancer=asked, overprovisioning_factor=120)
    found = endpoint_set(made, (ONE, TWO))
    assert found.overprovisioning_factor == 120
    assert found.balancer == replace(asked, locality_weighted=subsets is None)
    assert found.cut is (subsets is not None)
    assert found.single == frozenset()


def test_the_first_of_equal_selectors_says_whether_subsets_are_single() -> None:
    """Two selectors of the same keys are one, in any order of the keys."""
    selectors = (SubsetSelector(("a", "version"), True), SubsetSelector(("version", "a")))
    both = (("a", "1"), ("version", "v1"))
    made = Cluster("c", ClusterType.STATIC, subsets=SubsetConfig(selectors))
    found = endpoint_set(made, (endpoint(1, both), endpoint(2, both)))
    assert found.subsets == {both: (endpoint(1, both),)}
    assert found.single == {both}


def test_selectors_cut_by_all_their_keys_in_any_order() -> None:
    """A selector of two keys makes subsets of both values; one key alone is no subset then."""
    both = endpoint(9, (("team", "a"), ("version", "v1")))
    found = endpoint_set(cluster(FallbackPolicy.NO_FALLBACK, (), ("version", "team"), ("team", "version")), (both, ONE))
    assert candidates(found, (("team", "a"), ("version", "v1"))) == (both,)
    assert candidates(found, V1) == ()


@pytest.mark.parametrize(
    ("weights", "ports"),
    [
        ((3, 1), (0, 0, 1, 0)),
        ((1, 3), (1, 0, 1, 1)),
        ((40, 20), (0, 1, 0)),
        ((1, 1, 4), (2, 2, 0, 1, 2, 2)),
        ((0, 2), (1, 0, 1)),
    ],
)
def test_each_turn_is_in_the_middle_of_its_part_of_the_round(weights: tuple[int, ...], ports: tuple[int, ...]) -> None:
    """Weights are reduced, one below 1 counts as 1, and of two turns at one time the first endpoint's comes first."""
    turns = schedule([endpoint(port, weight=weight) for port, weight in enumerate(weights)])
    assert tuple(found.port for found in turns) == ports


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_a_round_gives_exact_shares(weights: list[int]) -> None:
    """In one round each endpoint's turns are to each other as the weights are."""
    endpoints = [endpoint(port, weight=weight) for port, weight in enumerate(weights)]
    counted = Counter(found.port for found in schedule(endpoints))
    assert all(counted[port] * weights[0] == counted[0] * weight for port, weight in enumerate(weights))


@given(st.integers(2, 50))
def test_turns_are_spread(weight: int) -> None:
    """A light endpoint never waits longer than its share says, and a heavy one is not served in one burst."""
    turns = schedule([endpoint(1, weight=weight), endpoint(2, weight=weight), endpoint(3)])
    assert len(turns) == 2 * weight + 1
    assert sum(one.port == other.port for one, other in pairwise(turns)) <= 1


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6))
def test_nobody_is_ahead_of_its_share(weights: list[int]) -> None:
    """Wherever a round is cut off, each endpoint's turns so far are within one of its share of them and of the others'."""
    turns = schedule([endpoint(port, weight=weight) for port, weight in enumerate(weights)])
    for end in range(len(turns) + 1):
        counted = Counter(found.port for found in turns[:end])
        for port, weight in enumerate(weights):
            assert abs(counted[port] - end * weight / sum(weights)) <= (len(weights) + 1) / 2


def test_equal_weights_keep_the_order() -> None:
    """Without a difference the round is the endpoints as given."""
    assert schedule([endpoint(2, weight=7), endpoint(1, weight=7)]) == (endpoint(2, weight=7), endpoint(1, weight=7))
    assert schedule([]) == ()


def test_a_round_is_bounded() -> None:
    """Weights too fine for a round of bounded length are rounded, and nobody is left out."""
    turns = schedule([endpoint(1, weight=1), endpoint(2, weight=999_999), endpoint(3, weight=500_001)])
    counted = Counter(found.port for found in turns)
    assert len(turns) <= 10_002
    assert counted[1] == 1
    assert counted[2] / counted[3] == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(("light", "heavy", "turns"), [(1, 9_999, 10_000), (1, 10_000, 5_001), (5_001, 5_000, 2)])
def test_weights_are_made_coarser_only_when_a_round_is_too_long(light: int, heavy: int, turns: int) -> None:
    """A round of ten thousand turns is kept as it is, one more turn halves all weights; equal ones are a turn each."""
    assert len(schedule([endpoint(1, weight=light), endpoint(2, weight=heavy)])) == turns
