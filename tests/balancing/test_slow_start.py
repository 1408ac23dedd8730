"""How a new endpoint grows into its weight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.balancing.slow_start import factor_of
from edgesim.model import SlowStart


@pytest.mark.parametrize(
    ("age", "aggression", "least", "wanted"),
    [
        (30.0, 1.0, 10.0, 0.5),
        (15.0, 1.0, 10.0, 0.25),
        (3.0, 1.0, 10.0, 0.1),
        (0.0, 1.0, 10.0, 0.1),
        (0.0, 1.0, 0.0, 0.001 / 60),
        (-1.0, 1.0, 0.0, 0.001 / 60),
        (15.0, 2.0, 10.0, 0.5),
        (30.0, 0.5, 10.0, 0.25),
        (60.0, 2.0, 10.0, 1.0),
        (61.0, 1.0, 10.0, 1.0),
        (60.0, 1.0, 0.0, 1.0),
    ],
)
def test_the_factor_is_envoys(age: float, aggression: float, least: float, wanted: float) -> None:
    """`max(least, (age / window) ** (1 / aggression))` in a window of a minute, an age of a millisecond at least."""
    assert factor_of(SlowStart(60.0, aggression, least))(age) == pytest.approx(wanted)


@given(st.floats(0.0005, 1e6), st.floats(0.01, 100), st.floats(0, 100), st.floats(0, 2e6), st.floats(0, 2e6))
def test_a_factor_only_grows(window: float, aggression: float, least: float, age: float, more: float) -> None:
    """It stays between its least and 1, and an older endpoint never has less."""
    factor = factor_of(SlowStart(window, aggression, least))
    young, old = factor(age), factor(age + more)
    assert least / 100 <= young <= old <= 1
