"""The charts of a run: its cells and seconds, made into lines. Seconds are joined slot by slot where there are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, takewhile
from math import ceil

from edgesim.analysis.intervals import wilson
from edgesim.load.outcome import Outcome
from edgesim.load.percentiles import is_open, latency_of, service_of
from edgesim.load.report.chart import Axis, Chart, Series, Style, rounded
from edgesim.load.report.wording import OTHERS, UNTOLD, milliseconds, rate, share
from edgesim.load.results import Cell, LoadResult, Second
from edgesim.load.seconds import added, join, without_stragglers
from edgesim.load.span import length
from edgesim.telemetry import slots
from edgesim.telemetry.slots import Slots

_MOST_POINTS = 360
"""Along the time; more are no wider than a pixel."""
_MOST_VERSIONS = 6
"""Destinations with a colour of their own."""
_PER_DECADE = 24
"""Points of the percentile curve."""
_CONFIDENCE = 0.95
_WIDE_SPREAD = 30
"""So many times the median is the slowest where a linear scale shows a flat line and a spike."""


def charts(outcome: Outcome) -> list[Chart]:
    """Return the charts of a run, in order."""
    result = outcome.result
    names = versions(result)
    joined = _joined(result)
    made = [_over_time(result, names, joined), _throughput(result, joined)]
    if any(names):
        made.append(_split(outcome, names, joined))
    if any(second.errors for second in joined):
        made.append(_errors(result, joined))
    marks = [(mark.at, mark.name) for mark in outcome.marks]
    return [_curve(result, names), *(replace(chart, marks=marks) for chart in made)]


def versions(result: LoadResult) -> list[str]:
    """Return the destinations by name; of many, those with most answers, and after them OTHERS for the rest."""
    seen: Counter[str] = Counter()
    for cell in result.cells:
        if cell.status:
            seen[cell.destination] += cell.count
    for second in result.timeline:
        for name in second.destinations:
            seen[name] += 0
    if len(seen) <= _MOST_VERSIONS:
        return sorted(seen)
    return [*sorted(name for name, _ in seen.most_common(_MOST_VERSIONS)), OTHERS]


def shown(name: str, names: Sequence[str]) -> str:
    """Return how a destination is called; where none is known they are all answers."""
    return name or (UNTOLD if any(names) else "all answers")


def of_version(cells: Iterable[Cell], name: str, names: Sequence[str]) -> list[Cell]:
    """Return the answers of a destination, or of all that have no colour of their own."""
    return [cell for cell in cells if cell.status and _is(cell.destination, name, names)]


def _is(destination: str, name: str, names: Sequence[str]) -> bool:
    return destination == name or (name == OTHERS and destination not in names)


def _joined(result: LoadResult) -> list[Second]:
    """Return seconds, or stretches of several, so that there are not too many; `at` is where each begins."""
    seconds, width = without_stragglers(result.timeline), _width(result)
    parts = [seconds[start : start + width] for start in range(0, len(seconds), width)]
    return [part[0] if width == 1 else join(part) for part in parts]


def _width(result: LoadResult) -> int:
    return max(1, ceil(len(result.timeline) / _MOST_POINTS))


def _curve(result: LoadResult, names: Sequence[str]) -> Chart:
    every = latency_of(result.cells)
    most = max(2, slots.count(every))
    decades = (10 ** (step / _PER_DECADE) for step in count())
    x = [*takewhile(lambda value: value < most, decades), float(most)]
    series = list(_curves(result, names, x))
    p50, p99 = slots.percentiles(every, [50, 99])
    measured = "from the intended send time" if is_open(result.scenario) else "from the send, in a closed loop"
    return Chart(
        "percentiles",
        "Latency by percentile",
        f"How many answers came within which time, {measured}"
        + ("; dashed: service time, from the send itself." if is_open(result.scenario) else "."),
        "; ".join(f"{name}: {text}" for name, text in _percentile_texts(result, names)) or "No answers.",
        Axis.PERCENTILE,
        "ms",
        [float(f"{each:.6g}") for each in x],
        series,
        logarithmic=bool(p50) and (p99 > 10 * p50 or slots.highest(every) > _WIDE_SPREAD * p50),
        scalable=True,
        wide=True,
    )


def _percentile_texts(result: LoadResult, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        counted = latency_of(of_version(result.cells, name, names))
        if counted:
            p50, p99, most = slots.percentiles(counted, [50, 99, 100])
            text = f"p50 {milliseconds(p50)}, p99 {milliseconds(p99)}, slowest {milliseconds(most)}"
            yield shown(name, names), text


def _curves(result: LoadResult, names: Sequence[str], x: Sequence[float]) -> Iterator[Series]:
    cells = [of_version(result.cells, name, names) for name in names]
    for index, name in enumerate(names):
        yield Series(shown(name, names), f"--v{index}", _levels(latency_of(cells[index]), x))
    if is_open(result.scenario):
        for index, name in enumerate(names):
            service = _levels(service_of(cells[index]), x)
            yield Series(f"{shown(name, names)}, service", f"--v{index}", service, dashed=True, group="service time")


def _levels(counted: Slots, x: Sequence[float]) -> list[float | None]:
    recorded = slots.count(counted)
    within = [each for each in x if each <= recorded]
    found = slots.percentiles(counted, [100 * (1 - 1 / each) for each in within])
    return rounded([value / 1000 for value in found] + [None] * (len(x) - len(within)))


def _shaded(result: LoadResult) -> list[tuple[float, float, str]]:
    scenario, lasts = result.scenario, length(result.scenario)
    shaded = []
    if scenario.warm_up:
        shaded.append((0.0, scenario.warm_up, "warm-up"))
    if scenario.cool_down and not result.stopped:
        shaded.append((lasts - scenario.cool_down, lasts, "cool-down"))
    return shaded


def _times(joined: Sequence[Second]) -> list[float]:
    return [float(second.at) for second in joined]


def _over_time(result: LoadResult, names: Sequence[str], joined: Sequence[Second]) -> Chart:
    series = [
        Series(f"{shown(name, names)} p99", f"--v{index}", p99, low=p50, high=p99, group=shown(name, names))
        for index, name in enumerate(names)
        for p50, p99 in [_medians(joined, name, names)]
    ]
    p50, p99 = slots.percentiles(slots.total(second.latency for second in joined), [50, 99])
    return Chart(
        "latency",
        "Latency over time",
        f"From the median to the 99th percentile of each {_stretch(result)}.",
        f"Over all seconds p50 is {milliseconds(p50)} and p99 {milliseconds(p99)}.",
        Axis.TIME,
        "ms",
        _times(joined),
        series,
        logarithmic=bool(p50) and _highest(series) > _WIDE_SPREAD * p50 / 1000,
        scalable=True,
        shaded=_shaded(result),
    )


def _stretch(result: LoadResult) -> str:
    width = _width(result)
    return "second" if width == 1 else f"stretch of {width} seconds"


def _highest(series: Iterable[Series]) -> float:
    return max((value or 0.0 for each in series for value in each.values), default=0.0)


def _medians(
    joined: Iterable[Second], name: str, names: Sequence[str]
) -> tuple[list[float | None], list[float | None]]:
    p50: list[float | None] = []
    p99: list[float | None] = []
    for second in joined:
        counted = slots.total(each for version, each in second.by_destination.items() if _is(version, name, names))
        found = [value / 1000 for value in slots.percentiles(counted, [50, 99])] if counted else [None, None]
        p50.append(found[0])
        p99.append(found[1])
    return rounded(p50), rounded(p99)


def _throughput(result: LoadResult, joined: Sequence[Second]) -> Chart:
    width = _width(result)
    asked, done, late = (
        rounded([number / width for number in numbers])
        for numbers in (
            [second.asked for second in joined],
            [second.done for second in joined],
            [second.late for second in joined],
        )
    )
    series = [Series("answered", "--got", done, Style.AREA)]
    if is_open(result.scenario):
        series.append(Series("asked for", "--asked", asked, dashed=True))
        if any(late):
            series.append(Series("sent late", "--late", late))
    answered = sum(cell.count for cell in result.cells if cell.status)
    return Chart(
        "throughput",
        "Throughput",
        "Requests that were asked for and answers that came, a second."
        if is_open(result.scenario)
        else "Answers a second: as fast as the server gives them.",
        f"{rate(result.asked, result.seconds)} were asked for, {rate(answered, result.seconds)} answered.",
        Axis.TIME,
        "/s",
        _times(joined),
        series,
        shaded=_shaded(result),
    )


def _split(outcome: Outcome, names: Sequence[str], joined: Sequence[Second]) -> Chart:
    result = outcome.result
    series = [_share(index, name, names, joined) for index, name in enumerate(names)]
    for index, name in enumerate(names):
        expected = rounded([_expected(outcome, name, second.at) for second in joined])
        if any(value is not None for value in expected):
            series.append(Series(f"{name}, expected", f"--v{index}", expected, dashed=True, group="expected"))
    answered = sum(cell.count for cell in result.cells if cell.status)
    told = (
        f"{shown(name, names)} {share(sum(cell.count for cell in of_version(result.cells, name, names)), answered)}"
        for name in names
    )
    return Chart(
        "split",
        "Split over time",
        f"The share of each destination in each {_stretch(result)}, with its 95% confidence band (Wilson).",
        f"Of all answers: {', '.join(told)}.",
        Axis.TIME,
        "%",
        _times(joined),
        series,
        shaded=_shaded(result),
    )


def _expected(outcome: Outcome, name: str, at: float) -> float | None:
    """Return the share in percent that a destination was to have: by the last mark, or by the one verdict on a split."""
    shares = [mark.expected for mark in outcome.marks if mark.at <= at][-1:]
    arms = [verdict.arms for verdict in outcome.verdicts if verdict.arms]
    if not outcome.marks and len(arms) == 1:
        shares = [{arm.name: arm.expected for arm in arms[0]}]
    found = [each[name] for each in shares if name in each]
    return 100 * found[0] if found else None


def _share(index: int, name: str, names: Sequence[str], joined: Iterable[Second]) -> Series:
    values: list[float | None] = []
    low: list[float | None] = []
    high: list[float | None] = []
    for second in joined:
        every = sum(second.destinations.values())
        here = sum(number for version, number in second.destinations.items() if _is(version, name, names))
        band = wilson(here, every, _CONFIDENCE)
        values.append(100 * here / every if every else None)
        low.append(100 * band.low if every else None)
        high.append(100 * band.high if every else None)
    title = shown(name, names)
    return Series(title, f"--v{index}", rounded(values), low=rounded(low), high=rounded(high))


def _errors(result: LoadResult, joined: Sequence[Second]) -> Chart:
    kinds = sorted({kind for second in joined for kind in second.errors})
    total = added(second.errors for second in joined)
    return Chart(
        "errors",
        "Errors by kind",
        f"Answers of 500 and more, and requests that were not answered, in each {_stretch(result)}.",
        ", ".join(f"{kind}: {total[kind]:,}" for kind in kinds),
        Axis.TIME,
        "",
        _times(joined),
        [
            Series(kind, f"--e{index % 6}", [float(second.errors.get(kind, 0)) for second in joined], Style.BARS)
            for index, kind in enumerate(kinds)
        ],
        shaded=_shaded(result),
    )
