"""How priorities share requests, and when health is ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.balancing.health import HostHealth
from edgesim.balancing.priorities import Level, Share, levels_of, shares_of, threshold_of
from edgesim.model import Endpoint

COUNTS = st.lists(
    st.integers(0, 20).flatmap(lambda total: st.tuples(st.just(total), st.integers(0, total))), min_size=1, max_size=5
)


def loads(*counts: tuple[int, int], threshold: int = 50, factor: int = 140) -> list[int]:
    return [share.load for share in shares_of(counts, factor, threshold)]


@pytest.mark.parametrize(
    ("healthy", "wanted"),
    [
        ((100, 100), [100, 0]),
        ((72, 72), [100, 0]),
        ((71, 71), [99, 1]),
        ((50, 50), [70, 30]),
        ((25, 100), [35, 65]),
        ((25, 25), [50, 50]),
        ((25, 20), [56, 44]),
        ((0, 100), [0, 100]),
        ((100, 0), [100, 0]),
    ],
)
def test_loads_are_those_of_envoys_page(healthy: tuple[int, int], wanted: list[int]) -> None:
    """Two priorities of a hundred endpoints share as Envoy's documentation of priority levels says."""
    assert loads(*((100, each) for each in healthy), threshold=0) == wanted


def test_a_tiny_factor_leaves_requests_where_somebody_is_healthy() -> None:
    """Where every priority's health is rounded off to nothing, requests are shared by the healthy endpoints."""
    assert loads((0, 0), (2, 1), (3, 3), factor=1, threshold=1) == [0, 0, 100]
    assert loads((0, 0), (200, 1), (300, 1), factor=1, threshold=0) == [0, 50, 50]


def test_what_rounding_leaves_goes_to_the_first_that_takes_any() -> None:
    """Loads are rounded down, and sum to 100 all the same; an empty priority gets none of it."""
    assert loads((0, 0), (10, 1), (10, 1), (10, 1), threshold=0) == [0, 34, 33, 33]
    assert loads((2, 0), (100, 0)) == [2, 98]


def test_a_factor_is_the_clusters_own() -> None:
    """With an overprovisioning factor of 100 the share of a priority is its healthy part."""
    assert loads((10, 5), (10, 10), factor=100) == [50, 50]


def test_a_priority_panics_alone_only_where_all_together_have_too_little() -> None:
    """An ill priority does not panic while the others can take everything; short of that it does, with what it gets."""
    assert shares_of(((10, 1), (10, 10)), 140, 50) == (Share(14, panic=False), Share(86, panic=False))
    assert shares_of(((10, 5), (10, 1)), 140, 50) == (Share(84, panic=False), Share(16, panic=True))


def test_when_all_panic_loads_are_by_number() -> None:
    """In a total panic each priority gets as many requests as it has endpoints, whatever their health."""
    assert shares_of(((30, 1), (0, 0), (10, 0)), 140, 50) == (
        Share(75, panic=True),
        Share(0, panic=True),
        Share(25, panic=True),
    )


@pytest.mark.parametrize("threshold", [0, 50])
def test_without_endpoints_the_first_priority_has_it_all(threshold: int) -> None:
    """Somebody has to be asked, and has nobody."""
    assert loads((0, 0), (0, 0), threshold=threshold) == [100, 0]


def test_nobody_panics_at_a_threshold_of_0() -> None:
    """When all are ill and there is no panic, requests are the first priority's, which has no healthy endpoint."""
    assert shares_of(((10, 0), (10, 0)), 140, 0) == (Share(100, panic=False), Share(0, panic=False))


@pytest.mark.parametrize(("healthy", "panic"), [(49, True), (50, False), (51, False)])
def test_a_panic_begins_below_the_threshold(healthy: int, panic: bool) -> None:
    """Exactly as many healthy ones as the threshold says are enough."""
    assert shares_of(((100, healthy),), 140, 50) == (Share(100, panic),)


def test_a_panic_is_exact() -> None:
    """One endpoint of a thousand too few is too few, and one healthy endpoint of one is all of it."""
    assert shares_of(((1000, 499),), 140, 50) == (Share(100, panic=True),)
    assert shares_of(((1, 1),), 90, 60) == (Share(100, panic=False),)


@given(COUNTS, st.integers(1, 200), st.integers(0, 100))
def test_loads_sum_to_100(counts: list[tuple[int, int]], factor: int, threshold: int) -> None:
    """Whatever the health, of a hundred requests a hundred are given to a priority."""
    shares = shares_of(counts, factor, threshold)
    assert sum(share.load for share in shares) == 100
    assert all(share.load >= 0 for share in shares)


@given(COUNTS, st.integers(1, 200), st.integers(0, 100))
def test_requests_find_an_endpoint_while_there_is_a_healthy_one(
    counts: list[tuple[int, int]], factor: int, threshold: int
) -> None:
    """A priority that gets requests has somebody for them, unless nobody anywhere can be picked."""
    shares = shares_of(counts, factor, threshold)
    usable = any(able or (threshold and total) for total, able in counts)
    for share, (total, able) in zip(shares, counts, strict=True):
        if share.load and usable:
            assert total if share.panic else able


@given(COUNTS, st.integers(100, 200), st.integers(0, 100))
def test_panics_are_those_of_a_naive_model(counts: list[tuple[int, int]], factor: int, threshold: int) -> None:
    """A priority panics where the cluster is short of health and less of it is healthy than the threshold says."""
    short = sum(min(100.0, int(factor * able / total)) for total, able in counts if total) < 100
    for share, (total, able) in zip(shares_of(counts, factor, threshold), counts, strict=True):
        part = 100 * able / total if total else 0
        assert share.panic is (short and part < threshold)


@pytest.mark.parametrize(("percent", "wanted"), [(50.0, 50), (0.9, 0), (99.9, 99), (100.0, 100), (0.0, 0)])
def test_thresholds_are_whole(percent: float, wanted: int) -> None:
    """Less than one per cent is none at all: it switches the panic off, as in Envoy."""
    assert threshold_of(percent) == wanted


def test_levels_are_cut_by_priority() -> None:
    """A priority that nobody has is an empty level, and without endpoints there is one."""
    first, last = Endpoint("a", 1), Endpoint("b", 1, priority=2)
    health = {("a", 1): HostHealth(0.0), ("b", 1): HostHealth(0.0)}
    health["b", 1].active_failed = True
    assert levels_of((last, first), health) == (Level((first,), (first,)), Level((), ()), Level((last,), ()))
    assert levels_of((), health) == (Level((), ()),)
