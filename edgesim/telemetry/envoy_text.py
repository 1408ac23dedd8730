"""Stats as Envoy's `/stats` writes them: lines of text, or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from edgesim.telemetry.envoy_stats import Distribution, Metric
from edgesim.telemetry.histogram import cumulative, percentiles, recorded

QUANTILES: Final = (0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 100.0)
BUCKETS: Final = (
    *(0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000),
)
"""Envoy's, in milliseconds."""
LIMITS: Final = [round(bound * 1000) for bound in BUCKETS]


def quantiles(each: Distribution) -> list[float] | None:
    """Return the milliseconds at each of `QUANTILES`, None where nothing was recorded."""
    return [value / 1000 for value in percentiles(each.counts, QUANTILES)] if recorded(each.counts) else None


def as_text(found: Iterable[Metric], durations: Iterable[Distribution], buckets: str = "") -> str:
    """Write stats as Envoy does; of the two values of each quantile the first, of the last interval, is not kept.

    `buckets` asks for `cumulative` or `disjoint` counts instead of quantiles.
    """
    lines = [f"{metric.name}: {metric.value}" for metric in found]
    lines += [f"{each.name}: {_written(each, buckets)}" for each in durations]
    return "\n".join([*lines, ""])


def _written(each: Distribution, buckets: str) -> str:
    known = quantiles(each)
    if known is None:
        return "No recorded values"
    if buckets:
        counts = zip(BUCKETS, bucket_counts(each, buckets), strict=True)
        return " ".join(f"B{bound:.15g}(0,{count})" for bound, count in counts)
    return " ".join(f"P{quantile:g}(nan,{value:g})" for quantile, value in zip(QUANTILES, known, strict=True))


def bucket_counts(each: Distribution, kind: str) -> list[int]:
    """Return how many durations each bucket has, by itself or with all below it."""
    counts = cumulative(each.counts, LIMITS)
    if kind == "cumulative":
        return counts
    return [count - before for before, count in zip([0, *counts], counts, strict=False)]


def as_json(found: Iterable[Metric], durations: Sequence[Distribution], buckets: str = "") -> dict[str, object]:
    """Return stats as Envoy's `/stats?format=json`."""
    known: list[dict[str, object]] = [{"name": metric.name, "value": metric.value} for metric in found]
    if not durations:
        return {"stats": known}
    if buckets:
        return {"stats": [*known, {"histograms": [_in_buckets(each, buckets) for each in durations]}]}
    computed = [{"name": each.name, "values": _in_quantiles(each)} for each in durations]
    return {"stats": [*known, {"histograms": {"supported_quantiles": QUANTILES, "computed_quantiles": computed}}]}


def _in_quantiles(each: Distribution) -> list[dict[str, float | None]]:
    none: list[float | None] = [None] * len(QUANTILES)
    return [{"interval": None, "cumulative": value} for value in quantiles(each) or none]


def _in_buckets(each: Distribution, kind: str) -> dict[str, object]:
    counts = zip(BUCKETS, bucket_counts(each, kind), strict=True)
    return {
        "name": each.name,
        "buckets": [{"upper_bound": bound, "interval": 0, "cumulative": count} for bound, count in counts],
    }
