"""Counts as people and programs read them: one row for each virtual host, route, cluster, subset or endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edgesim.telemetry.histogram import (
    BYTES_RECEIVED,
    BYTES_SENT,
    RESETS,
    RETRIES,
    TOTAL,
    Counts,
    classes,
    duration_sum,
    percentiles,
    recorded,
    whole,
)
from edgesim.telemetry.tally import Tally

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "virtual_host": ("virtual_host",),
    "route": ("virtual_host", "route"),
    "cluster": ("cluster",),
    "subset": ("cluster", "subset"),
    "endpoint": ("cluster", "endpoint"),
}
"""By what rows are summed, and the parts of a `StatKey` that name each."""
CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")
_MILLI: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Row:
    """What was counted of one scope.

    Which of the names are set the scope decides. An empty `virtual_host` stands for requests that no route
    took, an empty `endpoint` for answers of the proxy's own. `responses` counts answers by class. `resets`
    are requests whose client left before an answer began; `retries` are further tries. Bytes are those of
    bodies, durations milliseconds from a request's head to the end of its answer, None where none is known.
    """

    requests: int
    responses: Mapping[str, int]
    resets: int
    retries: int
    bytes_received: int
    bytes_sent: int
    mean_ms: float | None
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    virtual_host: str | None = None
    route: str | None = None
    cluster: str | None = None
    subset: Mapping[str, str] | None = None
    endpoint: str | None = None
    pod: str | None = field(default=None, kw_only=True)


def rows(tally: Tally, scope: str, pods: Mapping[str, str] | None = None) -> list[Row]:
    """Return the rows of a scope in the order of their names; `pods` names endpoints (`address:port`).

    Requests that went to no cluster are in no row of clusters, subsets and endpoints.
    """
    names = SCOPES[scope]
    found = sorted(tally.by(*names).items(), key=lambda item: [_order(part) for part in item[0]])
    return [
        _row(dict(zip(names, key, strict=True)), counts, pods or {}) for key, counts in found if _belongs(names, key)
    ]


def _belongs(names: tuple[str, ...], key: tuple[object, ...]) -> bool:
    return names[0] != "cluster" or bool(key[0])


def _order(part: object) -> tuple[int, object]:
    """Routes without a name have a number, and numbers are not sorted as text."""
    return (0, int(part)) if isinstance(part, str) and part.isascii() and part.isdigit() else (1, part)


def _row(named: dict[str, Any], counts: Counts, pods: Mapping[str, str]) -> Row:
    if "subset" in named:
        named["subset"] = dict(named["subset"])
    if "endpoint" in named:
        named["pod"] = pods.get(named["endpoint"], "")
    counts = whole(counts)
    mean, middle, high, highest = _durations(counts)
    return Row(
        requests=counts[TOTAL],
        responses=dict(zip(CLASSES, classes(counts), strict=True)),
        resets=counts[RESETS],
        retries=counts[RETRIES],
        bytes_received=counts[BYTES_RECEIVED],
        bytes_sent=counts[BYTES_SENT],
        mean_ms=mean,
        p50_ms=middle,
        p90_ms=high,
        p99_ms=highest,
        **named,
    )


def _durations(counts: Counts) -> tuple[float | None, float | None, float | None, float | None]:
    """Return mean, p50, p90 and p99 in milliseconds, of the requests whose duration is known."""
    known = recorded(counts)
    if not known:
        return None, None, None, None
    middle, high, highest = (value / _MILLI for value in percentiles(counts, (50, 90, 99)))
    return round(duration_sum(counts) / known / _MILLI, 3), middle, high, highest
