"""What `/clusters` says of an endpoint, beside what a running instance is asked for in `test_envoy_endpoints.py`."""

from __future__ import annotations

import pytest

from edgesim.admin.envoy_clusters import _health, _Member
from edgesim.model import Endpoint
from edgesim.telemetry.histogram import grow, new_counts
from edgesim.telemetry.states import Host


@pytest.mark.parametrize(
    ("host", "flags", "named"),
    [
        (Host(connections=1), "healthy", set()),
        (Host(leaving=True), "/pending_dynamic_removal", {"pending_dynamic_removal"}),
        (
            Host(check_failed=True, ejected=True),
            "/failed_active_hc/failed_outlier_check",
            {"failed_active_health_check", "failed_outlier_check"},
        ),
    ],
)
def test_flags(host: Host, flags: str, named: set[str]) -> None:
    """They are Envoy's, in its order; the JSON has them by longer names."""
    assert _Member("10.0.0.1:80", Endpoint("10.0.0.1", 80), host, new_counts()).flags == flags
    assert _health(host) == {**dict.fromkeys(named, True), "eds_health_status": "HEALTHY"}


def test_tries_are_counted() -> None:
    """A try after which another was made is an error of the endpoint it went to; what was refused is neither."""
    counts = new_counts()
    grow([(counts, 200, 5, 0, 0, 2, 3), (counts, 503, 5, 0, 0, 1, 2)])
    member = _Member("10.0.0.1:80", Endpoint("10.0.0.1", 80), Host(retried=4, unsent=1, refused=1), counts)
    assert {name: value for name, value in member.counters.items() if name.startswith("rq_") and value} == {
        "rq_success": 3,
        "rq_error": 5,
        "rq_total": 7,
    }
