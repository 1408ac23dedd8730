"""Latencies in the slots of HdrHistogram(1, 60 s in microseconds, 3 significant digits): a mapping from slot to count.

Only slots that were counted in exist, so that a histogram of each second, class and destination costs little, and runs,
processes and seconds are added up slot by slot. `telemetry.histogram` is the proxy's own, of two digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

BITS = 11
"""2^11 sub-buckets: three significant digits."""
HALF_BITS = BITS - 1
LONGEST = 60_000_000
"""Microseconds; what takes longer counts as this."""

Slots = dict[int, int]


def slot_of(microseconds: int) -> int:
    """Return the slot of a duration of 0 or more; the hot path of `load.connection` has the same written out."""
    value = min(microseconds, LONGEST)
    shift = value.bit_length() - BITS
    return value if shift <= 0 else (shift << HALF_BITS) + (value >> shift)


LAST = slot_of(LONGEST)


def bounds(slot: int) -> tuple[int, int]:
    """Return the lowest and the highest value of a slot, in microseconds."""
    return _lowest(slot), _lowest(slot + 1) - 1


def _lowest(slot: int) -> int:
    shift = (slot >> HALF_BITS) - 1
    return slot if shift <= 0 else (slot - (shift << HALF_BITS)) << shift


def add(into: Slots, other: Mapping[int, int]) -> None:
    """Add the counts of another worker, second or destination."""
    for slot, count in other.items():
        into[slot] = into.get(slot, 0) + count


def total(parts: Iterable[Mapping[int, int]]) -> Slots:
    """Return the sum of many."""
    summed: Slots = {}
    for part in parts:
        add(summed, part)
    return summed


def count(slots: Mapping[int, int]) -> int:
    """Return how many durations are in them."""
    return sum(slots.values())


def percentiles(slots: Mapping[int, int], percents: Iterable[float]) -> list[int]:
    """Return the microseconds that so many percent do not exceed, 0 where there are none; `percents` rise.

    As HdrHistogram counts: the highest value of the slot in which the rank falls.
    """
    counted = sorted((slot, number) for slot, number in slots.items() if number)
    recorded = count(slots)
    found: list[int] = []
    position = seen = 0
    for percent in percents:
        rank = max(1, int(percent / 100 * recorded + 0.5))
        while position < len(counted) and seen < rank:
            seen += counted[position][1]
            position += 1
        found.append(bounds(counted[position - 1][0])[1] if position else 0)
    return found


def highest(slots: Mapping[int, int]) -> int:
    """Return the largest value that may have been counted, in microseconds; 0 where there is none."""
    return bounds(max(slots))[1] if slots else 0


def mean(slots: Mapping[int, int]) -> float:
    """Return the mean in microseconds, each duration taken for the middle of its slot; 0 where there is none."""
    recorded = count(slots)
    return sum(sum(bounds(slot)) / 2 * number for slot, number in slots.items()) / recorded if recorded else 0.0


def to_hdr(slots: Mapping[int, int]) -> HdrHistogram:
    """Return the same counts as HdrHistogram's own object, microseconds."""
    from hdrh.histogram import HdrHistogram  # noqa: PLC0415 - only exports need it

    made = HdrHistogram(1, LONGEST, 3)
    for slot, number in slots.items():
        made.record_value(_lowest(slot), number)
    return made


def from_hdr(histogram: HdrHistogram) -> Slots:
    """Return the counts of an HdrHistogram(1, 60_000_000, 3)."""
    counted = ((slot, histogram.get_count_at_index(slot)) for slot in range(histogram.counts_len))
    return {slot: number for slot, number in counted if number}
