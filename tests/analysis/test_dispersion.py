from __future__ import annotations

import numpy as np
from scipy.stats import binom

from edgesim.analysis.dispersion import dispersion


def test_turns_are_told_from_draws() -> None:
    """A chooser that takes turns is named where counts of seconds hardly vary, and draws at random are not."""
    turns = dispersion([(10 + second % 2, 100) for second in range(30)])
    assert turns.is_under
    assert not turns.is_over
    assert "takes turns (smooth weighted round robin)" in turns.sentence


def test_users_who_stick_vary_more() -> None:
    """Counts that vary far more than draws would are named, too."""
    moving = dispersion([(10, 100)] * 10 + [(50, 100)] * 10)
    assert moving.is_over
    assert not moving.is_under
    assert "weights changed" in moving.sentence


def test_draws_at_random_are_seldom_named() -> None:
    """Of 2,000 runs of 30 seconds with draws at random no more are named than the level (1 in 10,000, twice) lets."""
    drawn = np.random.default_rng(1).binomial(200, 0.1, (2000, 30))
    named = sum(bool(dispersion([(int(count), 200) for count in row]).sentence) for row in drawn)
    assert named <= binom.isf(1e-3, 2000, 2e-4)


def test_nothing_is_said_of_little() -> None:
    """Nothing is said of a single second, of an arm that gets all or nothing, or of four seconds that are alike."""
    for seconds in ([], [(1, 2)], [(0, 10)] * 20, [(10, 10)] * 20, [(50, 100)] * 4, [(0, 0)] * 9):
        assert dispersion(seconds).sentence == ""
