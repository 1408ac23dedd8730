from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.load import percentiles
from edgesim.telemetry import slots
from tests.load import samples

VALUES = st.lists(st.integers(0, 60_000_000), min_size=1, max_size=50)


def _counted(values: list[int]) -> slots.Slots:
    return slots.total({slots.slot_of(value): 1} for value in values)


@given(VALUES)
def test_spread_and_sum_are_those_of_the_values(values: list[int]) -> None:
    """Mean, deviation and sum differ from the exact ones by the width of a slot, a thousandth, at most."""
    counted = _counted(values)
    near = 0.002 * max(values) + 1
    assert percentiles.deviation(counted) == pytest.approx(float(np.std(values)), abs=near)
    assert percentiles.total_of(counted) == pytest.approx(sum(values), abs=near * len(values))
    assert percentiles.lowest(counted) <= min(values) <= percentiles.lowest(counted) * 1.001 + 1


@given(VALUES)
def test_counts_below_limits_add_up(values: list[int]) -> None:
    """Counts below rising limits rise to all, and are exact where no slot lies across a limit."""
    found = list(percentiles.cumulative(_counted(values), [500, 1000, 61_000_000]))
    assert found[:2] == [sum(value <= limit for value in values) for limit in (500, 1000)]
    assert found[2] == len(values)


def test_nothing_has_no_spread() -> None:
    """Without a single duration every figure is 0."""
    assert percentiles.deviation({}) == percentiles.total_of({}) == percentiles.lowest({}) == 0
    assert set(percentiles.named({}).values()) == {0}


def test_only_answers_have_a_latency() -> None:
    """What timed out is counted, and in no percentile."""
    made = samples.result(6)
    answered = sum(cell.count for cell in made.cells if cell.status)
    assert slots.count(percentiles.latency_of(made.cells)) == answered < sum(cell.count for cell in made.cells)
    assert slots.count(percentiles.service_of(made.cells)) == answered
