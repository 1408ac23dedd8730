"""What Envoy counts, as edgesim's own proxy would tell it: by cluster, for Envoy counts nothing by route.

Durations are in whole milliseconds, rounded down, and from 100 on of two digits: so precise are the buckets that Envoy
keeps (libcircllhist's), which `/stats?histogram_buckets=detailed` tells. They are those of `upstream_rq_time`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edgesim.dialects.envoy import STAT_PREFIX
from edgesim.model import Model
from edgesim.telemetry.histogram import HISTOGRAM, RETRIES, TOTAL, slot_of
from edgesim.telemetry.tally import StatKey, Tally, Totals

_CLASSES = range(1, 6)
DURATIONS = "upstream_rq_time"
_ROUNDED = 100
"""Milliseconds from which on a bucket holds more than one number of them."""

Buckets = Mapping[float, tuple[float, int]]
"""By its lower bound in milliseconds, the width of a bucket and how many are in it."""


def buckets_of(found: Iterable[Mapping[str, Any]]) -> dict[str, Buckets]:
    """Return the buckets of each histogram by its name, of what Envoy tells of them in detail."""
    return {
        each["name"]: {one["lower_bound"]: (one["width"], one["count"]) for one in each.get("totals", ())}
        for each in found
    }


def tally_of(stats: Mapping[str, str | int], histograms: Mapping[str, Buckets], model: Model) -> Tally:
    """Return counts and durations of answers by class and cluster, and counts of clients' connections."""
    counts = {
        StatKey("", "", each.name, (), ""): found
        for each in model.clusters
        if (found := _counts(stats, histograms, f"cluster.{each.name.replace(':', '_')}."))
    }
    return Tally(_totals(stats), counts)


def _counts(stats: Mapping[str, str | int], histograms: Mapping[str, Buckets], prefix: str) -> dict[int, int]:
    slots = _durations(histograms.get(prefix + DURATIONS, {})) | {
        TOTAL: int(stats.get(f"{prefix}upstream_rq_completed", 0)),
        RETRIES: int(stats.get(f"{prefix}upstream_rq_retry", 0)),
        **{-100 * number: int(stats.get(f"{prefix}upstream_rq_{number}xx", 0)) for number in _CLASSES},
    }
    return {slot: count for slot, count in slots.items() if count}


def _durations(buckets: Buckets) -> dict[int, int]:
    slots: dict[int, int] = {}
    for at, (width, count) in buckets.items():
        milliseconds = at + width / 2 if at >= _ROUNDED else at
        slot = HISTOGRAM + slot_of(round(milliseconds * 1000))
        slots[slot] = slots.get(slot, 0) + count
    return slots


def _totals(stats: Mapping[str, str | int]) -> Totals:
    names = ("downstream_cx_total", "downstream_cx_active", "downstream_rq_active", "no_route", "no_cluster")
    connections, now, active, *missed = (int(stats.get(f"http.{STAT_PREFIX}.{name}", 0)) for name in names)
    return Totals(connections, now, active, 0, *missed)
