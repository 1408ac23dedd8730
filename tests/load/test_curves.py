from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from edgesim.load.curves import clock, day, file_curve, lasting, rate_of, through
from edgesim.load.scenario import Stage
from edgesim.load.schedule import expected
from edgesim.model import EdgesimError
from tests.running import ROOT


def test_a_day_is_pressed_into_seconds() -> None:
    """It ends as it began, and its highest rate is the one asked for."""
    stages = day(200, 48)
    assert sum(each.seconds for each in stages) == pytest.approx(48)
    assert max(each.start for each in stages) == 200
    assert stages[0].start == stages[-1].end == 70
    assert all(before.end == after.start for before, after in pairwise(stages))


def test_a_rate_may_be_a_curve(tmp_path: Path) -> None:
    """`day:PEAK:TIME` or a file; a duration stretches either, and stages stay what they are."""
    assert rate_of("day:500:10m", None, 10) == day(500, 600)
    assert rate_of("day:500", 30.0, 10) == day(500, 30)
    assert rate_of("day:500", None, 10) == day(500, 10)
    assert rate_of("100", None, 10) == (Stage(10, 100, 100),)
    file = tmp_path / "curve.csv"
    file.write_text("rate,time\n10,0\n20,1m\n20,1m30s\n")
    assert rate_of(f"@{file}", None, 10) == (Stage(60, 10, 20), Stage(30, 20, 20))
    assert rate_of(f"@{file}", 9.0, 10) == (Stage(6, 10, 20), Stage(3, 20, 20))


def test_a_curve_keeps_its_rates_where_its_time_is_changed() -> None:
    """So that a day can be rehearsed in a minute."""
    stages = file_curve(ROOT / "configs" / "load" / "day.csv")
    assert sum(each.seconds for each in stages) == 86_400
    pressed = lasting(stages, 60)
    assert expected(pressed) == pytest.approx(expected(stages) / 1440)


def test_two_points_of_one_time_are_a_step() -> None:
    """The rate jumps there."""
    assert through([(0, 10), (5, 10), (5, 50), (8, 50)]) == (Stage(5, 10, 10), Stage(3, 50, 50))


def test_times_are_read() -> None:
    """Of the day, as durations, and as seconds."""
    assert [clock(each) for each in ("06:30", "06:30:15", "90s", "2.5")] == [23400, 23415, 90, 2.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,rat\n0,1\n", "curve.csv:1:1: ES1211 there is no column `rate`"),
        ("time,rate\n0,1\nnoon,2\n", "curve.csv:3:1: ES1211 `noon` and `2` are no time"),
        ("time,rate\n5,1\n3,2\n", "curve.csv:3:1: ES1211 its time is before that of the point above it"),
        ("time,rate\n0,1\n3,-2\n", "curve.csv:3:1: ES1211 `-2` is not between 0 and 10,000,000"),
        ("time,rate\n0,1\n", "curve.csv:2:1: ES1211 a curve has two points at different times"),
    ],
)
def test_what_is_no_curve_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """With its line."""
    (tmp_path / "curve.csv").write_text(text)
    with pytest.raises(EdgesimError) as refused:
        file_curve(tmp_path / "curve.csv")
    assert said in str(refused.value)


def test_a_day_without_time_is_refused() -> None:
    """And a peak that is no number."""
    for text in ("day:5:0", "day:x"):
        with pytest.raises(EdgesimError, match="ES1200 --rate"):
            rate_of(text, None, 10)
