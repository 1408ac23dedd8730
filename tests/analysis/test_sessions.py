from __future__ import annotations

import numpy as np
import pytest

from edgesim.analysis.sessions import Pattern, by_user, design_effect, effective, stickiness


def _drawn(stick: float, users: int = 2000, requests: int = 10, seed: int = 1) -> list[Pattern]:
    """Draw users who take each request to their own destination with a probability, else to any."""
    rng = np.random.default_rng(seed)
    home = rng.random(users) < 0.1
    own, anew = rng.random((users, requests)) < stick, rng.random((users, requests)) < 0.1
    second = np.where(own, home[:, np.newaxis], anew).sum(axis=1)
    return [Pattern({"v1": requests - int(count), "v2": int(count)}, 1) for count in second]


def test_all_who_stay_are_sticky() -> None:
    """Where no user moves traffic is sticky, and the design effect is the number of requests of a user."""
    found = stickiness(_drawn(1.0))
    assert found.is_sticky
    assert (found.users, found.moved, found.stuck) == (2000, 0, 1.0)
    assert found.effect == pytest.approx(10, rel=0.01)


def test_draws_for_each_request_are_not_sticky() -> None:
    """Where each request is drawn for itself nobody is said to stick, and requests count in full."""
    found = stickiness(_drawn(0.0))
    assert not found.is_sticky
    assert not found.is_correlated
    assert found.stuck == pytest.approx(0, abs=0.05)
    assert found.effect == pytest.approx(1, abs=0.15)


def test_a_little_stickiness_makes_requests_count_for_less() -> None:
    """Where users stick half the time the design effect is 1 + (m - 1) times the correlation within users (Kish)."""
    found = stickiness(_drawn(0.5))
    assert not found.is_sticky
    assert found.is_correlated
    assert found.effect == pytest.approx(1 + 9 * 0.25, rel=0.15)


def test_users_are_counted_where_they_stay() -> None:
    """Each user counts once, one who moved where most answers came from, and one without an answer not at all."""
    patterns = [Pattern({"v1": 5}, 90), Pattern({"v2": 5}, 9), Pattern({"v1": 2, "v2": 3}, 1), Pattern({"v1": 0}, 7)]
    assert by_user(patterns) == {"v1": 90, "v2": 10}
    found = stickiness(patterns)
    assert (found.users, found.moved) == (100, 1)
    assert found.is_sticky


def test_the_design_effect_is_that_of_simulation() -> None:
    """The variance of the share over many runs is the design effect times the binomial one."""
    rng = np.random.default_rng(3)
    shares, effects = [], []
    for _ in range(300):
        sizes, home = rng.integers(1, 20, 200), rng.random(200) < 0.3
        seconds = int((sizes * home).sum())
        shares.append(seconds / sizes.sum())
        patterns = [
            Pattern({"v1": 0 if two else int(n), "v2": int(n) if two else 0}, 1)
            for n, two in zip(sizes, home, strict=True)
        ]
        effects.append(design_effect(patterns))
    binomial = 0.3 * 0.7 / 2000
    assert float(np.mean(effects)) == pytest.approx(float(np.var(shares)) / binomial, rel=0.2)


def test_little_says_nothing() -> None:
    """No user, one user, and users with one request each have no design effect, and nobody sticks."""
    for patterns in ([], [Pattern({"v1": 5}, 1)], [Pattern({"v1": 1}, 50)]):
        found = stickiness(patterns)
        assert not found.is_sticky
        assert not found.is_correlated


def test_effective_counts() -> None:
    """Counts divided by the design effect keep at least one of what was there."""
    assert effective({"v1": 900, "v2": 1, "v3": 0}, 10.0) == {"v1": 90, "v2": 1, "v3": 0}
    assert effective({"v1": 900}, 0.5) == {"v1": 900}
