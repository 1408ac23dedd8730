from __future__ import annotations

import pytest

from edgesim.telemetry.histogram import RETRIES, TOTAL, Counts, grow, new_counts, slot_of
from edgesim.telemetry.rows import rows
from edgesim.telemetry.tally import UNROUTED, Growth, Named, Plain, StatKey, Tally, Totals

V1 = (("version", "v1"),)
V2 = (("version", "v2"),)


def counted(*requests: tuple[int, int]) -> Counts:
    counts = new_counts()
    for status, microseconds in requests:
        grow([(counts, status, slot_of(microseconds), 0, 0, 1, 1)])
    return counts


def key(route: str = "2", subset: tuple[tuple[str, str], ...] = V1, endpoint: str = "127.0.0.1:1") -> StatKey:
    return StatKey("any", route, "echo", subset, endpoint)


def canary() -> Tally:
    counts: dict[StatKey, Plain] = {
        key(): counted((200, 1000), (200, 3000)),
        key(subset=V2, endpoint="127.0.0.1:2"): counted((200, 1000), (503, 2000)),
        key("10", V2, "127.0.0.1:2"): counted((404, 1000)),
        StatKey("any", "redirect", "", (), ""): counted((301, 10)),
        UNROUTED: counted((404, 10)),
    }
    counts[key()][RETRIES] = 2
    return Tally(Totals(7, 1, 1, 3), counts)


def test_what_is_active_dies_with_a_worker() -> None:
    """A worker that is gone keeps its counts and connections, but nothing of it is active."""
    summed = Tally()
    summed.add(canary().gone())
    summed.add(canary())
    assert summed.totals == Totals(14, 1, 1, 6)
    assert summed.counts[key()][TOTAL] == 4


def test_rows_of_each_version() -> None:
    """Rows by subset show each version's requests, errors, retries and latencies, and only those of clusters."""
    old, new = rows(canary(), "subset")
    assert (old.cluster, old.subset, old.requests, old.retries) == ("echo", {"version": "v1"}, 2, 2)
    assert new.responses == {"1xx": 0, "2xx": 1, "3xx": 0, "4xx": 1, "5xx": 1}
    assert old.p99_ms == pytest.approx(3, rel=0.01)
    assert old.mean_ms == pytest.approx(2, rel=0.005)


def test_durations_that_are_not_known() -> None:
    """Without any there is no mean and no percentile; a mean is of those that are known, and 0 is a duration."""

    def durations(*slots: int) -> tuple[float | None, ...]:
        counts = new_counts()
        grow([(counts, 200, slot, 0, 0, 1, 1) for slot in slots])
        (row,) = rows(Tally(counts={key(): counts}), "cluster")
        return row.requests, row.mean_ms, row.p50_ms, row.p90_ms, row.p99_ms

    assert durations(-1, -1) == (2, None, None, None, None)
    assert durations(-1, 100) == (2, 0.1, 0.1, 0.1, 0.1)
    assert durations(0) == (1, 0.0, 0.0, 0.0, 0.0)


def test_rows_of_other_scopes() -> None:
    """Routes are in the order of their numbers; endpoints know their pods; requests without a route have no host."""
    assert [row.route for row in rows(canary(), "route")] == ["", "2", "10", "redirect"]
    assert [row.pod for row in rows(canary(), "endpoint", {"127.0.0.1:2": "echo-v2-a"})] == ["", "echo-v2-a"]
    assert [(row.virtual_host, row.requests) for row in rows(canary(), "virtual_host")] == [("", 1), ("any", 6)]
    assert [(row.cluster, row.requests) for row in rows(canary(), "cluster")] == [("echo", 5)]


def test_a_tally_that_takes_the_place_of_another() -> None:
    """What comes after a reset is counted in the new tally alone, under the names that were told before it."""
    named, before, after = Named(), Tally(), Tally()
    columns = (1, 0, 200, 5, 1, 0, 1, 1)
    before.take(Growth(True, ((1,), ("any",), ("2",), ("echo",), (V1,)), ("127.0.0.1:1",), 3, columns), named)
    after.take(Growth(False, (), (), 2, columns), named)
    assert {key: counts[TOTAL] for key, counts in before.counts.items()} == {key(): 3}
    assert {key: counts[TOTAL] for key, counts in after.counts.items()} == {key(): 2}


def test_answers_of_endpoints_outlast_a_reset() -> None:
    """What endpoints answered is counted on where all else begins anew, as often as it does."""
    before = canary()
    after = Tally(counts={key(endpoint="127.0.0.1:2"): counted((200, 1000), (503, 2000))})
    after.forgotten = before.answers_by_place()
    last = Tally(forgotten=after.answers_by_place())
    assert last.answers_by_place() == {
        ("", ""): {-301: 1, -404: 1},
        ("echo", "127.0.0.1:1"): {-200: 2},
        ("echo", "127.0.0.1:2"): {-200: 2, -503: 2, -404: 1},
    }
    assert last.by("cluster") == {}
