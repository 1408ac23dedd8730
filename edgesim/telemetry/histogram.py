"""Counters and latencies.

One flat mapping from slots to numbers holds what is counted of one kind of request: totals, one slot per
status class, and a log-linear histogram of durations laid out as HdrHistogram lays out its counts (two
significant digits, microseconds). Only slots that were counted in exist, so a hundred thousand routes with
histograms of their own cost little.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

Counts = defaultdict[int, int]

TOTAL = 0
"""Slot 0 counts requests; the slots below it, by its negative, those of each status."""
BYTES_OWN = 1
"""Bytes sent that no upstream gave."""
RESETS = 6
RETRIES = 7
BYTES_SENT = 8
BYTES_RECEIVED = 9
HISTOGRAM = 10

SUB_BUCKET_BITS = 8
"""2^8 sub-buckets: two significant digits, as HdrHistogram(1, 2^32, 2)."""
_HALF_BITS = SUB_BUCKET_BITS - 1
_FIRST_CLASS, _NO_CLASS = 100, 600
"""Other statuses are passed through and belong to no class; 0 stands for no answer."""
_OWN = 1000
"""From the negative of this downwards: durations, by their slots, of what no upstream answered."""


def slot_of(value: int) -> int:
    """Return the histogram slot of a value of 0 or more."""
    shift = value.bit_length() - SUB_BUCKET_BITS
    return value if shift <= 0 else (shift << _HALF_BITS) + (value >> shift)


_LONGEST = (1 << 32) - 1
"""Durations are read as 4,295 seconds at most."""


def own_slot(slot: int) -> int:
    """Return what stands for a slot where no upstream answered: below -1, which is no duration."""
    return -2 - slot


def lowest_of(slot: int) -> int:
    """Return the smallest value that falls into a slot."""
    shift = (slot >> _HALF_BITS) - 1
    if shift <= 0:
        return slot
    return (slot - (shift << _HALF_BITS)) << shift


def middle_of(slot: int) -> int:
    """Return the value in the middle of a slot."""
    return (lowest_of(slot) + lowest_of(slot + 1) - 1) // 2


def new_counts() -> Counts:
    """Return counts of nothing yet."""
    return defaultdict(int)


Alike = tuple[dict[int, int], int, int, int, int, int, int]
"""Counts, and what is to be counted in them: status, slot, bytes sent and received, tries, and how often."""


def grow(requests: Iterable[Alike]) -> None:
    """Count requests, those that were alike at once.

    A status of 0 says that they were not answered, a slot of -1 that their duration is not known, one below that no
    upstream answered (`own_slot`). This is done for each request where few are alike, so that nothing is called here, or computed that a reader can compute.
    """
    for counts, status, slot, sent, received, tries, times in requests:
        get = counts.get
        counts[TOTAL] = get(TOTAL, 0) + times
        if _FIRST_CLASS <= status < _NO_CLASS:
            counts[-status] = get(-status, 0) + times
        elif not status:
            counts[RESETS] = get(RESETS, 0) + times
        if slot >= 0:
            place = slot + HISTOGRAM
            counts[place] = get(place, 0) + times
        elif slot < -1:
            place = slot + 2 - _OWN
            counts[place] = get(place, 0) + times
            if sent:
                counts[BYTES_OWN] = get(BYTES_OWN, 0) + times * sent
        if tries > 1:
            counts[RETRIES] = get(RETRIES, 0) + times * (tries - 1)
        if sent:
            counts[BYTES_SENT] = get(BYTES_SENT, 0) + times * sent
        if received:
            counts[BYTES_RECEIVED] = get(BYTES_RECEIVED, 0) + times * received


def whole(counts: Counts) -> Counts:
    """Return counts with the durations of what no upstream answered among the others."""
    own = {HISTOGRAM - _OWN - slot: count for slot, count in counts.items() if slot <= -_OWN}
    return total((counts, own)) if own else counts


def duration_sum(counts: Mapping[int, int]) -> int:
    """Return the sum of durations in microseconds; as in HdrHistogram, each is taken for the middle of its slot."""
    return sum(
        count * min(middle_of(slot - HISTOGRAM), _LONGEST) for slot, count in counts.items() if slot >= HISTOGRAM
    )


def answers(counts: Mapping[int, int]) -> dict[int, int]:
    """Return how many were answered with each status, in order."""
    return {-slot: counts[slot] for slot in sorted(counts, reverse=True) if -_NO_CLASS < slot < 0 and counts[slot]}


def classes(counts: Mapping[int, int]) -> list[int]:
    """Return how many were answered 1xx, 2xx, 3xx, 4xx and 5xx."""
    found = [0] * 5
    for status, count in answers(counts).items():
        found[status // 100 - 1] += count
    return found


def cumulative(counts: Mapping[int, int], limits: Sequence[int]) -> list[int]:
    """Return how many durations do not exceed each of these microseconds, which rise; one is taken for its slot's lowest."""
    slots = sorted((lowest_of(slot - HISTOGRAM), count) for slot, count in counts.items() if slot >= HISTOGRAM)
    found: list[int] = []
    position = seen = 0
    for limit in limits:
        while position < len(slots) and slots[position][0] <= limit:
            seen += slots[position][1]
            position += 1
        found.append(seen)
    return found


def recorded(counts: Mapping[int, int]) -> int:
    """Return how many durations there are: of what is refused early none is known."""
    return sum(count for slot, count in counts.items() if slot >= HISTOGRAM)


def add(into: dict[int, int], other: Mapping[int, int]) -> None:
    """Add the counts of another worker, or of a finer scope."""
    get = into.get
    for slot, count in other.items():
        into[slot] = get(slot, 0) + count


def total(parts: Iterable[Mapping[int, int]]) -> Counts:
    """Return the sum of many counts."""
    summed = new_counts()
    for part in parts:
        add(summed, part)
    return summed


def percentiles(counts: Mapping[int, int], percents: Iterable[float]) -> list[int]:
    """Return the durations in microseconds that so many percent of the requests do not exceed, 0 when there are none.

    As in HdrHistogram: the largest value of the slot in which the rank falls. `percents` rise.
    """
    slots = sorted((slot - HISTOGRAM, count) for slot, count in counts.items() if slot >= HISTOGRAM and count)
    recorded = sum(count for _, count in slots)
    found: list[int] = []
    position = seen = 0
    for percent in percents:
        rank = max(1, round(percent / 100 * recorded))
        while position < len(slots) and seen < rank:
            seen += slots[position][1]
            position += 1
        found.append(min(lowest_of(slots[position - 1][0] + 1) - 1, _LONGEST) if position else 0)
    return found
