from __future__ import annotations

import numpy as np
from scipy.stats import binom

from edgesim.analysis.dispersion import difference_over_time, dispersion


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


def _two_arms(bursts: float, common: float, runs: int) -> list[list[tuple[int, int, int, int]]]:
    """Draw runs of 60 seconds in which rates vary from stretch to stretch: the new version's, or both alike."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(runs):
        both = 0.1 + common * np.repeat(rng.random(20), 3)
        new = both + bursts * np.repeat(rng.random(20), 3)
        old, own = rng.binomial(100, both), rng.binomial(50, new)
        found.append([(int(one), 100, int(two), 50) for one, two in zip(old, own, strict=True)])
    return found


def test_bursts_of_one_version_are_named() -> None:
    """Where one version's rate comes in bursts the difference varies too much, and nearly every run says so."""
    assert sum(difference_over_time(run).is_over for run in _two_arms(0.4, 0.0, 50)) > 45


def test_what_hits_both_is_not_named() -> None:
    """Rates that are steady, or rise and fall in both versions alike, are not called bursts in 300 runs each."""
    for common in (0.0, 0.4):
        assert sum(difference_over_time(run).is_over for run in _two_arms(0.0, common, 300)) <= 1


def test_of_little_no_bursts_are_said() -> None:
    """Without seconds, with few of them, or with hardly any errors nothing is said."""
    few = [(1, 100, 50, 100), (50, 100, 1, 100)] * 2
    for seconds in ([], few, [(0, 100, 1, 100)] * 40, [(0, 0, 5, 10)] * 40):
        assert not difference_over_time(seconds).is_over
