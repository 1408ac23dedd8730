"""Rates that change over time: a day's curve, and points of a file, made into stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from edgesim.backends.behaviour import parse_duration
from edgesim.load.scenario import Stage
from edgesim.load.typed import number_of, seconds_of, stages_of, wrong
from edgesim.load.variables import read_table, wrong_csv

_HOURS = (
    0.35, 0.27, 0.22, 0.19, 0.18, 0.20, 0.28, 0.42, 0.60, 0.74, 0.82, 0.87,
    0.90, 0.89, 0.87, 0.86, 0.87, 0.90, 0.95, 1.00, 0.98, 0.88, 0.70, 0.50,
)  # fmt: skip
"""Shares of the day's highest rate at each full hour, of a shop whose customers live in one time zone."""
DAY = "day:"


def rate_of(text: str, duration: float | None, otherwise: float) -> tuple[Stage, ...]:
    """Read a rate: stages, `day:PEAK[:TIME]`, or `@FILE`, a CSV file of `time,rate`. Raises EdgesimError.

    A curve is stretched or pressed to `duration` seconds where that is given; a rate that is one number has
    `otherwise` instead.
    """
    if text.startswith("@"):
        return lasting(file_curve(Path(text[1:])), duration)
    if not text.startswith(DAY):
        return stages_of(text, otherwise if duration is None else duration)
    peak, colon, lasts = text.removeprefix(DAY).partition(":")
    seconds = seconds_of("--rate", lasts) if colon else otherwise if duration is None else duration
    if seconds <= 0:
        raise wrong("--rate", text, "a day lasts longer than 0 s")
    return day(number_of(text, peak), seconds)


def day(peak: float, seconds: float) -> tuple[Stage, ...]:
    """Return a day pressed into so many seconds, from midnight to midnight; at 19:00 it is `peak` requests a second."""
    return tuple(
        Stage(seconds / len(_HOURS), peak * start, peak * end) for start, end in pairwise((*_HOURS, _HOURS[0]))
    )


def lasting(stages: Sequence[Stage], seconds: float | None) -> tuple[Stage, ...]:
    """Return the same curve in so many seconds, at the same rates."""
    if seconds is None:
        return tuple(stages)
    scale = seconds / sum(each.seconds for each in stages)
    return tuple(Stage(each.seconds * scale, each.start, each.end) for each in stages)


def through(points: Iterable[tuple[float, float]]) -> tuple[Stage, ...]:
    """Return stages through points of (seconds, rate) whose times do not fall; two of one time are a step.

    Raises:
        ValueError: with the number of the point that is wrong, from 0, and why.
    """
    given = list(points)
    for index, (before, after) in enumerate(pairwise(given), 1):
        if after[0] < before[0]:
            raise ValueError(index, "its time is before that of the point above it")
    for index, (_at, rate) in enumerate(given):
        if not 0 <= rate <= 10_000_000:
            raise ValueError(index, f"`{rate:g}` is not between 0 and 10,000,000")
    made = tuple(Stage(b[0] - a[0], a[1], b[1]) for a, b in pairwise(given) if b[0] > a[0])
    if not made:
        raise ValueError(max(0, len(given) - 1), "a curve has two points at different times")
    return made


def file_curve(file: Path) -> tuple[Stage, ...]:
    """Read a CSV file with the columns `time` and `rate`. Raises EdgesimError with the line."""
    rows = read_table(file)
    missing = {"time", "rate"} - set(rows.names)
    if missing:
        raise wrong_csv(f"there is no column `{min(missing)}`: a curve has `time,rate`", str(file), 1)
    time, rate = rows.names.index("time"), rows.names.index("rate")
    points = []
    for index, row in enumerate(rows.rows):
        try:
            points.append((clock(row[time]), float(row[rate])))
        except ValueError:
            why = f"`{row[time]}` and `{row[rate]}` are no time (`06:30`, `90s`) and rate (`120`)"
            raise wrong_csv(why, str(file), rows.lines[index]) from None
    try:
        return through(points)
    except ValueError as refused:
        index, why = refused.args
        raise wrong_csv(why, str(file), rows.lines[index]) from None


def clock(text: str) -> float:
    """Read a time of the day (`06:30`, `06:30:15`) or a duration, in seconds. Raises ValueError."""
    parts = text.strip().split(":")
    if len(parts) > 1:
        return float(sum(int(part) * 60 ** (2 - place) for place, part in enumerate(parts[:3])))
    try:
        return float(text)
    except ValueError:
        return parse_duration(text)
