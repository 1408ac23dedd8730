"""Counts that go on where Envoy begins at zero."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.envoy.continued import Continued
from edgesim.telemetry.histogram import HISTOGRAM, TOTAL
from edgesim.telemetry.tally import StatKey, Tally

KEY = StatKey("", "", "echo", (), "")
FAST = HISTOGRAM + 3


def told(**counts: int) -> Tally:
    """Return what Envoy tells: `total`, `good` answers, and how many of them were `fast`."""
    slots = {TOTAL: counts.get("total", 0), -200: counts.get("good", 0), FAST: counts.get("fast", 0)}
    return Tally(counts={KEY: {slot: count for slot, count in slots.items() if count}})


def counted(tally: Tally) -> tuple[int, ...]:
    """Return the same three numbers."""
    counts = tally.counts.get(KEY, {})
    return tuple(counts.get(slot, 0) for slot in (TOTAL, -200, FAST))


def test_what_a_replaced_cluster_had_is_told_on() -> None:
    """Statuses and durations that Envoy forgets are added to what comes after, each time; what it keeps is not."""
    continued = Continued()
    assert counted(continued.take(told(total=5, good=4, fast=3), 1)) == (5, 4, 3)
    assert counted(continued.take(told(total=5), 1)) == (5, 4, 3)
    assert counted(continued.take(told(total=7, good=2, fast=1), 1)) == (7, 6, 4)
    assert counted(continued.take(told(total=8, good=1), 1)) == (8, 7, 4)


def test_another_envoy_and_another_cluster_begin_at_zero() -> None:
    """Nothing is added to what an Envoy tells that took another's place, nor to a cluster that was gone."""
    continued = Continued()
    continued.take(told(total=5, good=5), 1)
    assert counted(continued.take(told(total=2, good=1), 2)) == (2, 1, 0)
    continued.take(Tally(), 2)
    assert counted(continued.take(told(total=1, good=1), 2)) == (1, 1, 0)


few = st.integers(0, 9)


@given(few, few, few, few, few)
def test_a_reset_begins_at_zero(good: int, fast: int, new: int, late: int, rest: int) -> None:
    """Counters that Envoy sets back and durations that it does not count what came since, replaced clusters included."""
    continued = Continued()
    continued.take(told(total=good, good=good, fast=fast), 1)
    continued.reset()
    assert counted(continued.take(told(total=new, good=new, fast=fast + new), 1)) == (new, new, new)
    continued.take(told(total=new), 1)
    continued.take(told(total=new + late, good=late, fast=late), 1)
    found = counted(continued.take(told(total=new + late + rest, good=late + rest, fast=late + rest), 1))
    assert found == (new + late + rest,) * 3
