"""Counters and latencies kept so cheaply that they are always on.

One flat list holds what is counted of one kind of request: totals, one slot per status class, and a
log-linear histogram of durations laid out as HdrHistogram lays out its counts (two significant digits,
microseconds), so that the library can take the list over when somebody reads it. Recording is three
additions to list slots.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Counts = list[int]

TOTAL = 0
"""Slot 0 counts requests; slots 1 to 5 those answered 1xx to 5xx."""
RESETS = 6
RETRIES = 7
BYTES_SENT = 8
BYTES_RECEIVED = 9
DURATION_SUM = 10
HISTOGRAM = 11

SUB_BUCKET_BITS = 8
"""2^8 sub-buckets: two significant digits, as HdrHistogram(1, 2^32, 2)."""
_HALF_BITS = SUB_BUCKET_BITS - 1
_NO_CLASS = 600
"""Statuses from here on are passed through and belong to no class."""
_LONGEST = (1 << 32) - 1
"""Durations are cut off at 4,295 seconds."""


def slot_of(value: int) -> int:
    """Return the histogram slot of a value of 0 or more."""
    shift = value.bit_length() - SUB_BUCKET_BITS
    return value if shift <= 0 else (shift << _HALF_BITS) + (value >> shift)


def lowest_of(slot: int) -> int:
    """Return the smallest value that falls into a slot."""
    shift = (slot >> _HALF_BITS) - 1
    if shift <= 0:
        return slot
    return (slot - (shift << _HALF_BITS)) << shift


SLOTS = slot_of(_LONGEST) + 1


def new_counts() -> Counts:
    """Return counts of nothing yet."""
    return [0] * (HISTOGRAM + SLOTS)


def record(counts: Counts, status: int, microseconds: int) -> None:
    """Count one answered request."""
    counts[TOTAL] += 1
    if status < _NO_CLASS:
        counts[status // 100] += 1
    counts[DURATION_SUM] += microseconds
    microseconds = min(microseconds, _LONGEST)
    counts[HISTOGRAM + slot_of(microseconds)] += 1


def add(into: Counts, other: Sequence[int]) -> None:
    """Add the counts of another worker, or of a finer scope."""
    for slot, count in enumerate(other):
        if count:
            into[slot] += count


def total(parts: Iterable[Sequence[int]]) -> Counts:
    """Return the sum of many counts."""
    summed = new_counts()
    for part in parts:
        add(summed, part)
    return summed


def percentile(counts: Sequence[int], percent: float) -> int:
    """Return the duration in microseconds that `percent` of the requests do not exceed, 0 when there are none.

    As in HdrHistogram: the largest value of the slot in which the rank falls.
    """
    recorded = sum(counts[HISTOGRAM:])
    rank = max(1, round(percent / 100 * recorded))
    seen = 0
    for slot, count in enumerate(counts[HISTOGRAM:]):
        seen += count
        if seen >= rank:
            return lowest_of(slot + 1) - 1
    return 0


Sparse = tuple[tuple[int, int], ...]
"""Counts as (slot, count) pairs, for the way between processes."""


def sparse(counts: Sequence[int]) -> Sparse:
    """Return only what is not zero."""
    return tuple((slot, count) for slot, count in enumerate(counts) if count)


def dense(pairs: Sparse) -> Counts:
    """Return the counts of `sparse`."""
    counts = new_counts()
    for slot, count in pairs:
        counts[slot] = count
    return counts
