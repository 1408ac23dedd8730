from __future__ import annotations

from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from edgesim.telemetry import slots
from edgesim.telemetry.slots import LAST, LONGEST, bounds, slot_of

DURATIONS = st.one_of(st.integers(0, LONGEST), st.integers(0, 5000))
PERCENTS = st.lists(st.one_of(st.floats(0.001, 100), st.sampled_from([50.0, 99.0, 99.9, 100.0])), min_size=1)


def counted(durations: list[int]) -> slots.Slots:
    return slots.total({slot_of(each): 1} for each in durations)


@given(DURATIONS)
def test_a_slot_holds_its_value(value: int) -> None:
    """A value lies between the bounds of its slot, which are less than a thousandth of it apart."""
    low, high = bounds(slot_of(value))
    assert low <= value <= high
    assert high - low <= value / 1000


@given(st.integers(0, LAST))
def test_slots_are_in_order(slot: int) -> None:
    """Every slot begins where the one before it ends."""
    low, high = bounds(slot)
    assert slot_of(low) == slot
    assert bounds(slot + 1)[0] == high + 1


def test_what_is_too_long_is_cut_off() -> None:
    """Over 60 s counts as 60 s."""
    assert slot_of(10 * LONGEST) == slot_of(LONGEST) == LAST


@given(st.lists(DURATIONS, min_size=1, max_size=100), PERCENTS)
def test_it_is_hdrhistograms_own_layout(durations: list[int], percents: list[float]) -> None:
    """The same slots, percentiles, mean and maximum as HdrHistogram finds, and the way there and back loses nothing."""
    theirs = HdrHistogram(1, LONGEST, 3)
    for each in durations:
        theirs.record_value(each)
    ours = counted(durations)
    assert slots.from_hdr(theirs) == ours
    assert slots.from_hdr(slots.to_hdr(ours)) == ours
    percents.sort()
    assert slots.percentiles(ours, percents) == [theirs.get_value_at_percentile(each) for each in percents]
    assert slots.highest(ours) == theirs.get_value_at_percentile(100)


@given(st.lists(DURATIONS, min_size=1, max_size=50))
def test_the_mean_is_near(durations: list[int]) -> None:
    """The mean of the slots' middles is within a thousandth of that of the values."""
    exact = sum(durations) / len(durations)
    assert abs(slots.mean(counted(durations)) - exact) <= exact / 1000
    assert slots.count(counted(durations)) == len(durations)


def test_nothing_counted() -> None:
    """Without durations every figure is 0."""
    assert slots.percentiles({}, [50, 100]) == [0, 0]
    assert slots.highest({}) == slots.mean({}) == slots.count({}) == 0
