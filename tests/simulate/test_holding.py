from __future__ import annotations

import numpy as np
import pytest

from edgesim.analysis.sizes import for_rise
from edgesim.simulate.holding import hold
from edgesim.simulate.rollout import Traffic


@pytest.mark.parametrize(("share", "before", "rise"), [(0.05, 0.01, 0.01), (0.5, 0.1, 0.02), (0.25, 0.05, 0.03)])
def test_the_formula_has_the_power_it_says(share: float, before: float, rise: float) -> None:
    """Held for as long as the formula says, a rise is seen in 95% of simulated runs, and one that is none in 5%."""
    found = hold(share, Traffic(200, before, before + rise), 0.95, 0.95, np.random.default_rng(1), 1500)
    assert found.power == pytest.approx(0.95, abs=0.03)
    assert found.false_alarms == pytest.approx(0.05, abs=0.03)
    assert found.requests == for_rise(before, before + rise, 0.95, 0.95, (1 - share) / share)
    assert found.seconds == found.requests / (200 * share)


def test_looking_all_the_time_takes_longer() -> None:
    """Who may stop at any time needs longer for the same power, and raises false alarms less often than the level."""
    found = hold(0.05, Traffic(200, 0.01, 0.02), 0.95, 0.9, np.random.default_rng(1), 500)
    assert found.watched is not None
    assert found.watched_median is not None
    assert found.seconds < found.watched
    assert found.watched_median < found.watched
    assert found.watched_false_alarms <= 0.05


def test_nothing_to_see() -> None:
    """No number of requests shows a rise that is none; a share of everything has nothing beside it."""
    with pytest.raises(ValueError, match="difference"):
        hold(0.05, Traffic(200, 0.01, 0.01), 0.95, 0.95, np.random.default_rng(1), 100)
    with pytest.raises(ValueError, match="between 0 and 1"):
        hold(1.0, Traffic(200, 0.01, 0.02), 0.95, 0.95, np.random.default_rng(1), 100)
