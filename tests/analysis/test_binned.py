from __future__ import annotations

import numpy as np
import pytest

from edgesim.analysis.binned import binned, quantiles
from tests.analysis.drawing import durations


def test_slots_become_values() -> None:
    """A histogram's slots become rising values, those never counted in left out."""
    found = binned({7: 2, 3: 1, 5: 0}, lambda slot: slot / 10)
    assert list(found.values) == [0.3, 0.7]
    assert list(found.counts) == [1, 2]
    assert found.total == 3
    assert list(found.below(np.array([0.3, 0.5, 9.0]))) == [0, 1, 3]
    assert list(found.not_above(np.array([0.2, 0.3, 0.7]))) == [0, 1, 3]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.99, 1.0])
def test_quantiles_are_numpys(share: float) -> None:
    """A quantile is the value that numpy's inverted distribution function gives for the values themselves."""
    found = durations(np.random.default_rng(2), 997)
    values = np.repeat(found.values, found.counts)
    assert found.quantile(share) == np.quantile(values, share, method="inverted_cdf")


def test_nothing_has_no_quantile() -> None:
    """An empty histogram, or an empty row of several, has no quantile."""
    with pytest.raises(ValueError, match="quantile of nothing"):
        binned({}, float).quantile(0.5)
    with pytest.raises(ValueError, match="quantile of nothing"):
        quantiles(np.array([1.0]), np.array([[1], [0]]), 0.5)


def test_scaled_keeps_the_shape() -> None:
    """A scaled histogram has so many times the values, and the same distribution function but for rounding."""
    found = durations(np.random.default_rng(2), 1000)
    more = found.scaled(2.5)
    assert more.total == 2500
    assert np.abs(more.upto / 2500 - found.upto / 1000).max() < 1e-3
