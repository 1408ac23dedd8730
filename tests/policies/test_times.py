"""Time formats, against what Envoy 1.40 wrote for the same moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.policies import times
from edgesim.policies.times import LOCAL_TIME, has_newline, time_format
from tests.policies.records import START


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("%Y-%m-%dT%H:%M:%S.%3fZ", "2026-11-24T16:33:03.871Z"),
        ("%s", "1795537983"),
        ("%s%3f", "1795537983871"),
        ("%s.%9f", "1795537983.871400000"),
        ("%Y/%m/%dT%H:%M:%S%z %s", "2026/11/24T16:33:03+0000 1795537983"),
        ("%3f", "871"),
        ("%f", "871400000"),
        ("%1f-%6f", "8-871400"),
        ("%b %e %a %j %Z %E3S %E4Y %%", "Nov 24 Tue 328 UTC 03.871 2026 %"),
        ("%E*S %E2f %Ez", "03.871400000 87 +00:00"),
        ("plain\x01", "plain"),
    ],
)
def test_a_time_is_written_as_envoy_writes_it(text: str, written: str) -> None:
    """Every directive measured on Envoy comes out the same."""
    assert written == time_format(text)(START).decode()


def test_local_time_is_that_of_the_zone_given() -> None:
    """The offset is the zone's, not the machine's."""
    write = time_format(LOCAL_TIME, timezone(timedelta(hours=2)))
    assert write(START) == b"2026-11-24T18:33:03.871+0200"


def test_a_line_break_is_found() -> None:
    """Both a real line break and the directive for one are seen."""
    assert [has_newline(text) for text in ("%n", "a\nb", "%-2n", "%En", "%Y", "%%")] == [True] * 4 + [False] * 2


@given(st.lists(st.integers(0, 4 * 10**15), min_size=1, max_size=20))
def test_what_is_kept_within_a_second_never_goes_stale(moments: list[int]) -> None:
    """One function called with many times in any order writes each as a fresh one would."""
    write = time_format()
    for micros in moments:
        expected = (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%f")
        # A float of unix seconds is exact to less than a microsecond only: compare what it really holds.
        assert abs(datetime.fromisoformat(write(micros / 1e6).decode()[:-1]) - datetime.fromisoformat(expected)) < (
            timedelta(milliseconds=1, microseconds=2)
        )


def test_texts_are_forgotten_and_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format remembers so many texts; what it forgot it writes as before."""
    monkeypatch.setattr(times, "_MOST_TEXTS", 3)
    write = time_format("%s.%3f")
    moments = [START + number for number in range(10)]
    assert [write(each) for each in moments] == [write(each) for each in moments]
    assert write(START) == b"1795537983.871"
