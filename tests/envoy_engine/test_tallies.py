"""What Envoy counts, as rows tell it."""

from __future__ import annotations

import pytest

from edgesim.envoy.tallies import buckets_of, tally_of
from edgesim.model import Cluster, ClusterType, Model
from edgesim.telemetry.rows import rows

NAME = "cluster.echo.upstream_rq_time"
MODEL = Model(clusters=(Cluster("echo", ClusterType.EDS),))


def details(*buckets: tuple[float, float, int]) -> list[dict[str, object]]:
    """Return a histogram as Envoy tells it in detail."""
    totals = [{"lower_bound": at, "width": width, "count": count} for at, width, count in buckets]
    return [{"name": NAME, "totals": totals, "intervals": []}]


@pytest.mark.parametrize(
    ("bucket", "told"),
    [((0, 0, 1), 0.0), ((1, 0.1, 1), 1.0), ((99, 1, 1), 99.0), ((120, 10, 1), 125.0), ((2300, 100, 1), 2350.0)],
)
def test_durations_are_those_of_buckets(bucket: tuple[float, float, int], told: float) -> None:
    """Below 100 ms a duration is as Envoy counted it; of one above, of which it keeps two digits, the middle is told."""
    tally = tally_of({"cluster.echo.upstream_rq_completed": 1}, buckets_of(details(bucket)), MODEL)
    [row] = rows(tally, "cluster")
    assert row.requests == 1
    assert row.p50_ms == pytest.approx(told, rel=0.008)
    assert row.mean_ms == pytest.approx(told, rel=0.008)


def test_other_clusters_are_not_told() -> None:
    """A cluster that the model does not have, or to which nobody sent anything, has no row."""
    stats = {"cluster.other.upstream_rq_completed": 3, "cluster.echo.upstream_rq_completed": 0}
    assert rows(tally_of(stats, buckets_of(details((5, 0.1, 0))), MODEL), "cluster") == []
