from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from edgesim.telemetry.histogram import (
    DURATION_SUM,
    TOTAL,
    lowest_of,
    new_counts,
    percentiles,
    record,
    slot_of,
    total,
)

DURATIONS = st.integers(0, (1 << 32) - 1)


@given(DURATIONS)
def test_a_slot_holds_its_value(value: int) -> None:
    """A value lies in its slot, whose width is less than a hundredth of it."""
    slot = slot_of(value)
    low, high = lowest_of(slot), lowest_of(slot + 1)
    assert low <= value < high
    assert high - low <= max(1, value / 100)


@given(st.integers(0, 4000))
def test_slots_are_in_order(slot: int) -> None:
    """Every slot begins where the one before it ends."""
    assert slot_of(lowest_of(slot)) == slot
    assert slot_of(lowest_of(slot + 1) - 1) == slot


@given(st.lists(DURATIONS, min_size=1, max_size=200), st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_percentiles_are_those_of_the_values(durations: list[int], percents: list[float]) -> None:
    """A percentile is the value at its rank, rounded up by less than a hundredth."""
    counts = new_counts()
    for duration in durations:
        record(counts, 200, duration)
    percents.sort()
    for percent, found in zip(percents, percentiles(counts, percents), strict=True):
        rank = max(1, round(percent / 100 * len(durations)))
        exact = sorted(durations)[rank - 1]
        assert exact <= found <= math.ceil(exact * 1.01)


@given(st.lists(st.tuples(st.integers(0, 1000), DURATIONS), max_size=50), st.integers(1, 4))
def test_sums_are_sums(requests: list[tuple[int, int]], parts: int) -> None:
    """Counts of several workers add up to those of one that took everything."""
    counts = [new_counts() for _ in range(parts)]
    whole = new_counts()
    for index, (status, duration) in enumerate(requests):
        record(counts[index % parts], status, duration)
        record(whole, status, duration)
    assert total(counts) == whole
    assert whole[TOTAL] == len(requests)
    assert whole[DURATION_SUM] == sum(duration for _, duration in requests)


def test_nothing_recorded_is_zero() -> None:
    """Percentiles of nothing are 0, and statuses beyond 599 belong to no class."""
    counts = new_counts()
    assert percentiles(counts, (50, 99)) == [0, 0]
    record(counts, 799, 1)
    assert [counts[n] for n in range(1, 6)] == [0] * 5
    assert counts[TOTAL] == 1
