"""Counts that go on where Envoy begins at zero.

Of a cluster that another took the place of, Envoy keeps how many requests it had, and forgets their statuses and
durations; and durations it never sets back to zero. Neither is so to who asks here.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgesim.telemetry.histogram import HISTOGRAM
from edgesim.telemetry.tally import StatKey, Tally

_Counted = Mapping[StatKey, Mapping[int, int]]


class Continued:
    """What was counted since counting began, of readings one after the other."""

    def __init__(self) -> None:
        """Begin."""
        self._start = 0
        self._seen: _Counted = {}
        self._kept: _Counted = {}
        """What is to be added to what Envoy tells; less than nothing for durations from before a reset."""

    def take(self, found: Tally, start: int) -> Tally:
        """Return what was counted in all, of a reading of the Envoy with this number; with another, all begins anew."""
        if start != self._start:
            self._start, self._seen, self._kept = start, {}, {}
        self._kept = {key: self._keep(key, counts) for key, counts in found.counts.items()}
        self._seen = found.counts
        sums = {key: _sum(counts, self._kept[key]) for key, counts in found.counts.items()}
        return Tally(found.totals, {key: counts for key, counts in sums.items() if counts})

    def reset(self) -> None:
        """Begin at zero, as Envoy's counters did just now, and its durations did not."""
        durations = {
            key: {slot: count for slot, count in counts.items() if slot >= HISTOGRAM}
            for key, counts in self._seen.items()
        }
        self._seen = durations
        self._kept = {key: {slot: -count for slot, count in counts.items()} for key, counts in durations.items()}

    def _keep(self, key: StatKey, now: Mapping[int, int]) -> Mapping[int, int]:
        lost = {slot: count for slot, count in self._seen.get(key, {}).items() if now.get(slot, 0) < count}
        return _sum(self._kept.get(key, {}), lost)


def _sum(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    sums = {slot: one.get(slot, 0) + other.get(slot, 0) for slot in {*one, *other}}
    return {slot: count for slot, count in sums.items() if count}
