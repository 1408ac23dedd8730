from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.simulate.columns import Columns, columns, draw, zipf

weights = st.lists(st.floats(0, 1e6), min_size=1, max_size=70).filter(lambda found: sum(found) > 1e-6)


def _shares(made: Columns) -> list[float]:
    """Return the exact share of each value, by adding up what the columns give it."""
    parts = [0.0] * len(made.other)
    for own, (threshold, other) in enumerate(zip(made.threshold.tolist(), made.other.tolist(), strict=True)):
        parts[own] += threshold / 2**32
        parts[other] += 1 - threshold / 2**32
    return [part / len(made.other) for part in parts]


@given(weights)
def test_shares_are_the_weights(given: list[float]) -> None:
    """The columns give each value its weight's share, to 2^-31, and nothing beyond the last value."""
    made = columns(given)
    found = _shares(made)
    assert np.allclose(found[: len(given)], np.array(given) / sum(given), atol=2**-31)
    assert sum(found[len(given) :]) <= 2**-31


def test_zero_is_never_drawn() -> None:
    """A value of weight 0 is not drawn, not even once in a million."""
    made = columns([3, 0, 1])
    words = np.random.default_rng(1).integers(0, 2**64 - 1, 1_000_000, dtype=np.uint64)
    counts = np.bincount(draw(made, words), minlength=4)
    assert counts[1] == counts[3] == 0
    assert abs(counts[0] - 750_000) < 5 * np.sqrt(1_000_000 * 3 / 16)


def test_nothing_to_draw() -> None:
    """Weights that sum to 0, or are negative, are refused."""
    for bad in ([0.0, 0.0], [2.0, -1.0]):
        with pytest.raises(ValueError, match="more than 0"):
            columns(bad)


def test_zipf() -> None:
    """The nth is chosen 1/n^s as often as the first; with s = 0 all alike."""
    assert zipf(4, 1.0).tolist() == [1, 1 / 2, 1 / 3, 1 / 4]
    assert zipf(3, 0.0).tolist() == [1, 1, 1]
