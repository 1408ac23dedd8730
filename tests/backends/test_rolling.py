"""The arithmetic of rolling updates."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.backends.rolling import Bounds, Count, bounds, grown, shrunk
from edgesim.dialects.schema.kubernetes import DeploymentSpec

TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "b"}]}}


def spec(replicas: int, **strategy: Any) -> DeploymentSpec:
    manifest: dict[str, Any] = {"replicas": replicas, "selector": {}, "template": TEMPLATE}
    if strategy:
        manifest["strategy"] = {"rollingUpdate": strategy}
    return msgspec.convert(manifest, DeploymentSpec)


@pytest.mark.parametrize(
    ("replicas", "strategy", "expected"),
    [
        (1, {}, (1, 0)),
        (4, {}, (1, 1)),
        (10, {}, (3, 2)),
        (10, {"maxSurge": "0%", "maxUnavailable": "5%"}, (0, 1)),
        (10, {"maxSurge": 0, "maxUnavailable": 0}, (0, 1)),
        (3, {"maxSurge": "100%", "maxUnavailable": 0}, (3, 0)),
        (3, {"maxSurge": 5, "maxUnavailable": "50%"}, (5, 1)),
        (4, {"maxSurge": "many", "maxUnavailable": "-1"}, (1, 1)),
    ],
)
def test_bounds(replicas: int, strategy: dict[str, Any], expected: tuple[int, int]) -> None:
    """Percentages are of the replicas: of surge rounded up, of unavailable ones down, and never are both nothing."""
    found = bounds(spec(replicas, **strategy))
    assert (found.surge, found.unavailable) == expected


@given(
    st.integers(0, 12),
    st.integers(0, 12),
    st.lists(st.integers(0, 6), max_size=3),
    st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(any),
)
def test_a_rollout_keeps_within_its_bounds_and_ends(
    replicas: int, present: int, old: list[int], allowed: tuple[int, int]
) -> None:
    """With pods that are ready at once a rollout ends, and on its way there are never too many nor too few."""
    limit = Bounds(*allowed)
    for _ in range(60):
        before = (present, [*old])
        wanted = grown(replicas, present, present + sum(old), limit)
        if wanted == present:
            old = shrunk(replicas, Count(present, present), [Count(each, each) for each in old], limit)
        total = present + sum(before[1])
        assert wanted + sum(old) <= max(replicas + limit.surge, total)
        assert wanted + sum(old) >= min(replicas - limit.unavailable, total)
        present = wanted
        if before == (present, old):
            break
    assert (present, sum(old)) == (replicas, 0)


@given(st.integers(1, 8), st.integers(0, 8), st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=3))
def test_what_serves_is_not_taken_away_for_what_does_not(
    replicas: int, present: int, old: list[tuple[int, int]]
) -> None:
    """While no new pod is available, as many old ones stay as have to be."""
    limit, counts = Bounds(1, 0), [Count(total, min(total, ready)) for total, ready in old]
    wanted = shrunk(replicas, Count(present, 0), counts, limit)
    serving = sum(each.available for each in counts)
    left = sum(min(each.available, count) for each, count in zip(counts, wanted, strict=True))
    assert left >= min(replicas, serving)
    assert all(0 <= count <= each.replicas for each, count in zip(counts, wanted, strict=True))
