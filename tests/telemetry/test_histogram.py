from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from edgesim.telemetry.histogram import (
    BYTES_OWN,
    BYTES_RECEIVED,
    BYTES_SENT,
    HISTOGRAM,
    RESETS,
    RETRIES,
    TOTAL,
    answers,
    duration_sum,
    grow,
    lowest_of,
    new_counts,
    own_slot,
    percentiles,
    recorded,
    slot_of,
    total,
    whole,
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
        grow([(counts, 200, slot_of(duration), 0, 0, 1, 1)])
    percents.sort()
    for percent, found in zip(percents, percentiles(counts, percents), strict=True):
        rank = max(1, round(percent / 100 * len(durations)))
        exact = sorted(durations)[rank - 1]
        assert exact <= found <= math.ceil(exact * 1.01)


@given(st.lists(st.tuples(st.integers(0, 1000), DURATIONS, st.integers(1, 9)), max_size=50), st.integers(1, 4))
def test_sums_are_sums(requests: list[tuple[int, int, int]], parts: int) -> None:
    """Counts of several workers add up to those of one that took everything, and a duration is known to a hundredth."""
    counts = [new_counts() for _ in range(parts)]
    whole = new_counts()
    for index, (status, duration, times) in enumerate(requests):
        for each in (counts[index % parts], whole):
            grow([(each, status, slot_of(duration), 7, 3, 1, times)])
    assert total(counts) == whole
    assert whole[TOTAL] == sum(times for *_, times in requests)
    assert whole[BYTES_SENT] == 7 * whole[TOTAL]
    assert whole[BYTES_RECEIVED] == 3 * whole[TOTAL]
    exact = sum(duration * times for _, duration, times in requests)
    assert abs(duration_sum(whole) - exact) <= exact / 100


def test_nothing_recorded_is_zero() -> None:
    """Percentiles of nothing are 0, and statuses beyond 599 belong to no class."""
    counts = new_counts()
    assert percentiles(counts, (50, 99)) == [0, 0]
    grow([(counts, 799, 1, 0, 0, 1, 1)])
    assert [counts[n] for n in range(1, 6)] == [0] * 5
    assert counts[TOTAL] == 1


def test_what_was_not_answered_is_a_reset() -> None:
    """No answer is a reset; a duration that is not known is in no percentile, and a second try is one retry."""
    counts = new_counts()
    grow([(counts, 0, -1, 0, 0, 2, 3)])
    assert (counts[TOTAL], counts[RESETS], counts[RETRIES]) == (3, 3, 3)
    assert percentiles(counts, (50,)) == [0]


def test_durations_are_cut_off() -> None:
    """A connection that was open for a year takes no more room than others, and counts as an hour."""
    counts = new_counts()
    grow([(counts, 101, slot_of(10**13), 0, 0, 1, 1)])
    (found,) = percentiles(counts, (100,))
    assert found == (1 << 32) - 1


@given(st.lists(st.tuples(st.booleans(), DURATIONS), max_size=50))
def test_what_no_upstream_answered_is_kept_apart(requests: list[tuple[bool, int]]) -> None:
    """Durations of the proxy's own answers are told apart from the others and are no statuses; together they are all."""
    counts, alike = new_counts(), new_counts()
    for own, duration in requests:
        slot = slot_of(duration)
        grow([(counts, 503, own_slot(slot) if own else slot, 3, 0, 1, 1), (alike, 503, slot, 3, 0, 1, 1)])
    owns = sum(own for own, _ in requests)
    assert recorded(counts) == len(requests) - owns
    assert counts[BYTES_OWN] == 3 * owns
    assert answers(counts) == answers(alike)
    assert {slot: n for slot, n in whole(counts).items() if slot >= HISTOGRAM} == {
        slot: n for slot, n in alike.items() if slot >= HISTOGRAM
    }
