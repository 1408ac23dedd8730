"""The counters under Envoy's names, as far as they are known here.

`STATS` is the table: a scope with its prefix, the names in it, and where each comes from. Names follow Envoy
1.40 (HTTP connection manager, router and virtual cluster statistics).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from edgesim.telemetry.histogram import RESETS, RETRIES, TOTAL, Counts, percentiles, total
from edgesim.telemetry.tally import Tally, Totals

LISTENER_PREFIX: Final = "http.ingress_http."
QUANTILES: Final = (0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 100.0)


@dataclass(frozen=True, slots=True)
class Stat:
    """One counter of a scope: its name behind the prefix, what it counts, and how it is read."""

    name: str
    meaning: str
    read: Callable[[Counts], int]


def _slot(slot: int) -> Callable[[Counts], int]:
    return lambda counts: counts[slot]


def _answers(prefix: str) -> tuple[Stat, ...]:
    by_class = (Stat(f"{prefix}_{n}xx", f"answers with a {n}xx status", _slot(n)) for n in range(1, 6))
    return (
        Stat(
            f"{prefix}_completed", "answers, whatever their status", lambda counts: sum(counts[n] for n in range(1, 6))
        ),
        *by_class,
    )


_RETRIES = Stat("upstream_rq_retry", "further tries", _slot(RETRIES))
LISTENER: Final = (
    Stat("downstream_rq_total", "requests", _slot(TOTAL)),
    *_answers("downstream_rq"),
    Stat("downstream_rq_rx_reset", "requests whose client left before an answer began", _slot(RESETS)),
)
CLUSTER: Final = (
    Stat("upstream_rq_total", "tries, the first and further ones", lambda counts: counts[TOTAL] + counts[RETRIES]),
    *_answers("upstream_rq"),
    _RETRIES,
)
VIRTUAL_HOST: Final = (Stat("upstream_rq_total", "requests", _slot(TOTAL)), *_answers("upstream_rq"), _RETRIES)

TOTALS: Final[tuple[tuple[str, str, Callable[[Totals], int]], ...]] = (
    ("downstream_cx_total", "connections of clients", lambda totals: totals.connections),
    ("downstream_cx_active", "connections of clients now", lambda totals: totals.connections_active),
    ("downstream_rq_active", "requests in progress now", lambda totals: totals.requests_active),
)
ACCESS_LOG_DROPPED: Final = "access_logs.access_log_file.write_failed"


@dataclass(frozen=True, slots=True)
class Scope:
    """A family of stats: how its prefix is written, and the part of a key that stands in it (none: one scope)."""

    prefix: str
    part: str
    stats: tuple[Stat, ...]
    histogram: str


SCOPES: Final = (
    Scope(LISTENER_PREFIX, "", LISTENER, "downstream_rq_time"),
    Scope("cluster.{}.", "cluster", CLUSTER, "upstream_rq_time"),
    Scope("vhost.{}.vcluster.other.", "virtual_host", VIRTUAL_HOST, "upstream_rq_time"),
)


def values(tally: Tally) -> dict[str, int]:
    """Return counters and gauges by name, sorted as Envoy prints them."""
    found = {prefix + stat.name: stat.read(counts) for prefix, scope, counts in _each(tally) for stat in scope.stats}
    found |= {LISTENER_PREFIX + name: read(tally.totals) for name, _, read in TOTALS}
    found[ACCESS_LOG_DROPPED] = tally.totals.log_lines_dropped
    return dict(sorted(found.items()))


def histograms(tally: Tally) -> dict[str, list[float] | None]:
    """Return the durations in milliseconds at each of `QUANTILES`, by name; None where nothing was recorded."""
    found = {
        prefix + scope.histogram: [value / 1000 for value in percentiles(counts, QUANTILES)] if counts[TOTAL] else None
        for prefix, scope, counts in _each(tally)
    }
    return dict(sorted(found.items()))


def _each(tally: Tally) -> Iterator[tuple[str, Scope, Counts]]:
    """Yield each scope there is: its prefix, and its counts."""
    for scope in SCOPES:
        if not scope.part:
            yield scope.prefix, scope, total(tally.counts.values())
            continue
        for (name,), counts in tally.by(scope.part).items():
            if name:
                yield scope.prefix.format(str(name).replace(":", "_")), scope, counts


def as_text(counters: dict[str, int], recorded: dict[str, list[float] | None]) -> str:
    """Write stats as Envoy's `/stats` does; of a quantile's two values the first, of the last interval, is not kept."""
    lines = [f"{name}: {value}" for name, value in counters.items()]
    for name, found in recorded.items():
        pairs = zip(QUANTILES, found or (), strict=bool(found))
        lines.append(f"{name}: {' '.join(f'P{quantile:g}(nan,{value:g})' for quantile, value in pairs)}")
        if not found:
            lines[-1] = f"{name}: No recorded values"
    return "\n".join([*lines, ""])


def as_json(counters: dict[str, int], recorded: dict[str, list[float] | None]) -> dict[str, object]:
    """Return stats as Envoy's `/stats?format=json`."""
    none: list[float | None] = [None] * len(QUANTILES)
    computed = [
        {
            "name": name,
            "values": [{"interval": None, "cumulative": value} for value in found or none],
        }
        for name, found in recorded.items()
    ]
    known: list[dict[str, object]] = [{"name": name, "value": value} for name, value in counters.items()]
    return {"stats": [*known, {"histograms": {"supported_quantiles": QUANTILES, "computed_quantiles": computed}}]}
