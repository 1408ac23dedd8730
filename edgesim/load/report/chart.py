"""A chart as data: what report.js draws, and the table that says the same without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Values = list[float | None]


class Axis(StrEnum):
    """What stands along the bottom."""

    TIME = "time"
    """Seconds since the start."""
    PERCENTILE = "percentile"
    """1/(1-p), on a logarithmic scale, so that each nine has the same width."""
    RATE = "rate"
    """Requests a second."""


class Style(StrEnum):
    """How a series is drawn."""

    LINE = "line"
    BARS = "bars"
    """Stacked on those after it."""
    POINTS = "points"
    AREA = "area"


@dataclass(frozen=True, slots=True)
class Series:
    """A line, with a band around or below it where `low` and `high` are given."""

    name: str
    colour: str
    """A custom property of report.css, `--v0` for example."""
    values: Values
    style: Style = Style.LINE
    dashed: bool = False
    low: Values | None = None
    high: Values | None = None
    group: str = ""
    """What the legend calls it; series of one group are shown and hidden together. Empty: `name`."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure."""

    name: str
    """Of its element; a word."""
    title: str
    about: str
    """A sentence under the title: what is seen."""
    summary: str
    """For those who cannot see it."""
    axis: Axis
    unit: str
    """`ms`, `/s`, `%` or nothing."""
    x: list[float]
    series: list[Series]
    logarithmic: bool = False
    """Whether the values are at first on a logarithmic scale, which the reader can change."""
    scalable: bool = False
    """Whether the reader can change it."""
    shaded: list[tuple[float, float, str]] = field(default_factory=list)
    """Stretches of `x` that are in no other figure, and why."""
    marks: list[tuple[float, str]] = field(default_factory=list)
    """Points of `x` with a name: a line across the chart."""
    wide: bool = False


def rounded(values: Sequence[float | None], digits: int = 4) -> Values:
    """Return values with so many significant digits, which is more than is seen."""
    return [None if value is None else float(f"{value:.{digits}g}") for value in values]
