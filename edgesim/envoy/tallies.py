"""What Envoy counts, as edgesim's own proxy would tell it: by cluster, for Envoy counts nothing by route."""

from __future__ import annotations

from collections.abc import Mapping

from edgesim.model import Model
from edgesim.telemetry.histogram import RETRIES, TOTAL
from edgesim.telemetry.tally import StatKey, Tally, Totals

_CLASSES = range(1, 6)


def tally_of(stats: Mapping[str, str | int], model: Model) -> Tally:
    """Return counts of answers by class and cluster, and those of clients' connections."""
    counts = {
        StatKey("", "", each.name, (), ""): found
        for each in model.clusters
        if (found := _counts(stats, f"cluster.{each.name.replace(':', '_')}."))
    }
    return Tally(_totals(stats, model), counts)


def _counts(stats: Mapping[str, str | int], prefix: str) -> dict[int, int]:
    slots = {
        TOTAL: int(stats.get(f"{prefix}upstream_rq_completed", 0)),
        RETRIES: int(stats.get(f"{prefix}upstream_rq_retry", 0)),
        **{-100 * number: int(stats.get(f"{prefix}upstream_rq_{number}xx", 0)) for number in _CLASSES},
    }
    return {slot: count for slot, count in slots.items() if count}


def _totals(stats: Mapping[str, str | int], model: Model) -> Totals:
    prefixes = [f"http.{each.name.replace(':', '_')}.downstream_" for each in model.listeners]

    def summed(name: str) -> int:
        return sum(int(stats.get(prefix + name, 0)) for prefix in prefixes)

    return Totals(summed("cx_total"), summed("cx_active"), summed("rq_active"))
