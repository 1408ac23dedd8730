"""The table of `edgesim stats`."""

from __future__ import annotations

from edgesim.cli.stats import Scope, table


def row(**durations: float | None) -> dict[str, object]:
    classes = dict.fromkeys(("1xx", "2xx", "3xx", "4xx", "5xx"), 0) | {"2xx": 3}
    return {"cluster": "echo", "requests": 3, "responses": classes, "resets": 0, "retries": 0, **durations}


def test_a_duration_that_is_not_known_is_a_dash() -> None:
    """What nobody measured is not shown as 0.0, which is a duration under 0.05 ms."""
    _, known, unknown = table(
        [row(p50_ms=0.0, p90_ms=1.26, p99_ms=2.0), row(p50_ms=None, p90_ms=None, p99_ms=None)], Scope.CLUSTER
    )
    assert known.split()[-3:] == ["0.0", "1.3", "2.0"]
    assert unknown.split()[-3:] == ["-", "-", "-"]
