"""The tables of a report: what the charts draw, in numbers, and what no chart shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from edgesim.load.outcome import Outcome
from edgesim.load.percentiles import is_open, latency_of, service_of
from edgesim.load.report.chart import Axis, Chart, Series
from edgesim.load.report.elements import Child, Markup, element
from edgesim.load.report.series import of_version, shown, versions
from edgesim.load.report.wording import duration, load, milliseconds, processes, share, size, url
from edgesim.load.results import Cell, LoadResult
from edgesim.load.scenario import By, RequestClass
from edgesim.load.span import connects_per_second
from edgesim.load.stops import is_error
from edgesim.telemetry import slots

_PERCENTS = (50, 90, 99, 99.9, 100)
_TITLES = ("p50", "p90", "p99", "p99.9", "slowest")
_MOST_ROWS = 500
"""Of kinds of answers; the file of --save has them all."""


def table(name: str, titles: Sequence[str], rows: Iterable[Sequence[Child]], words: int = 1) -> Markup:
    """Return a table that scrolls by itself; its first `words` columns are words, the others numbers."""
    head = [element("th", each, scope="col", class_=_kind(index, words)) for index, each in enumerate(titles)]
    body = [element("tr", [_cell(cell, index, words) for index, cell in enumerate(row)]) for row in rows]
    made = element("table", element("thead", element("tr", head)), element("tbody", body))
    return element("div", made, class_="table", role="region", aria_label=name, tabindex="0")


def _cell(cell: Child, index: int, words: int) -> Markup:
    return element("td", cell, class_=_kind(index, words)) if index else element("th", cell, scope="row")


def _kind(index: int, words: int) -> str | None:
    return "word" if index < words else None


def by_destination(outcome: Outcome) -> Markup | None:
    """Return a row for each destination."""
    result = outcome.result
    names = versions(result)
    answered = outcome.answered
    rows = [
        _destination(of_version(result.cells, name, names), index, shown(name, names), answered)
        for index, name in enumerate(names)
    ]
    if not rows:
        return None
    title = "Destinations" if any(names) else "Answers"
    what = "Latency from the intended send time" if is_open(result.scenario) else "Time from the send"
    made = table(title, ["destination", "answers", "share", "errors", *_TITLES, "service p99"], rows)
    return element("section", element("h2", title), element("p", f"{what}.", class_="about"), made, class_="card")


def _destination(cells: Sequence[Cell], index: int, name: str, answered: int) -> list[Child]:
    number = sum(cell.count for cell in cells)
    wrong = sum(cell.count for cell in cells if is_error(cell))
    (service,) = slots.percentiles(service_of(cells), [99])
    swatch = element("i", class_=f"swatch v{index}")
    return [
        [swatch, name],
        f"{number:,}",
        share(number, answered),
        share(wrong, number),
        *(milliseconds(value) for value in slots.percentiles(latency_of(cells), _PERCENTS)),
        milliseconds(service),
    ]


def by_answer(outcome: Outcome) -> Markup:
    """Return a row for each kind of answer: of a request, with a status, from a destination."""
    cells = outcome.result.cells
    every = sum(cell.count for cell in cells)
    rows = [
        [
            cell.request,
            element("span", str(cell.status or cell.error), class_="status bad" if is_error(cell) else "status"),
            cell.destination or "-",
            f"{cell.count:,}",
            share(cell.count, every),
            size(cell.received / cell.count) if cell.count and cell.status else "-",
            *(milliseconds(value) for value in slots.percentiles(cell.latency, _PERCENTS)),
        ]
        for cell in cells[:_MOST_ROWS]
    ]
    titles = ["request", "status", "destination", "count", "share", "size", *_TITLES]
    more = len(cells) - len(rows)
    note = element("p", f"and {more:,} more kinds of answers", class_="about") if more else None
    return element(
        "section",
        element("h2", "Answers by kind"),
        table("Answers by kind", titles, rows, words=3),
        note,
        class_="card",
    )


def of_chart(chart: Chart) -> Markup:
    """Return the numbers of a chart."""
    columns = [column for each in chart.series for column in _columns(each)]
    titles = [_X_TITLES[chart.axis], *(f"{name}{f' ({chart.unit})' if chart.unit else ''}" for name, _ in columns)]
    rows = [
        [_x(chart.axis, value), *(_number(values[index]) for _, values in columns)]
        for index, value in enumerate(chart.x)
    ]
    summary = element("summary", "Numbers")
    return element("details", summary, table(f"{chart.title}, in numbers", titles, rows), class_="data")


_X_TITLES = {Axis.TIME: "second", Axis.PERCENTILE: "percentile", Axis.RATE: "requests/s"}


def _columns(series: Series) -> Iterator[tuple[str, Sequence[float | None]]]:
    if series.low is not None and series.high == series.values:
        yield f"{series.group or series.name} p50", series.low
        yield series.name, series.values
        return
    yield series.name, series.values
    if series.low is not None and series.high is not None:
        yield f"{series.name} from", series.low
        yield f"{series.name} to", series.high


def _x(axis: Axis, value: float) -> str:
    return f"{100 * (1 - 1 / value):.6g}%" if axis is Axis.PERCENTILE else f"{value:,g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def details(outcome: Outcome) -> Markup:
    """Return the scenario, and where it ran."""
    result = outcome.result
    lists = [("Scenario", _scenario(result)), ("Where it ran", _machine(result))]
    return element(
        "section",
        [element("div", element("h2", title), _list(rows)) for title, rows in lists],
        class_="card details",
    )


def _list(rows: Iterable[tuple[str, Child]]) -> Markup:
    return element("dl", [element("div", element("dt", name), element("dd", value)) for name, value in rows])


def _scenario(result: LoadResult) -> Iterator[tuple[str, Child]]:
    scenario, side = result.scenario, result.client
    yield "Target", url(result)
    yield "Load", load(result)
    yield "Requests", [element("p", each) for each in _requests(scenario.requests)]
    yield (
        "Connections",
        f"at most {scenario.connections:,}"
        + (f", a new one after {scenario.per_connection:,} requests" if scenario.per_connection else ""),
    )
    opened = slots.count(result.connects)
    if opened:
        what = "TLS handshakes" if scenario.target.scheme == "https" else "connections"
        p50, p99 = slots.percentiles(result.connects, [50, 99])
        rate = f", {connects_per_second(result):,.1f}/s" if scenario.per_connection else ""
        yield "Opened", f"{opened:,} {what}{rate}, median {milliseconds(p50)}, 99th percentile {milliseconds(p99)}"
    if scenario.sessions.users:
        yield "Users", f"{scenario.sessions.users:,} at a time, with cookies{_stayed(result)}"
    if scenario.destination.by is not By.NOTHING:
        yield "Destination", f"{scenario.destination.by} {scenario.destination.what}"
    if scenario.warm_up or scenario.cool_down:
        left_out = f"{duration(scenario.warm_up)} at the start, {duration(scenario.cool_down)} at the end"
        yield "Left out", left_out
    if is_open(scenario):
        yield (
            "Schedule",
            f"{result.asked:,} asked, {result.sent:,} sent, {side.late:,} late, {side.unsent:,} never sent",
        )
    yield "Timeout", duration(scenario.timeout)
    yield "Seed", str(scenario.seed)
    yield from scenario.labels.items()


def _stayed(result: LoadResult) -> str:
    """Return how many users of those with several answers had them all from one destination."""
    several = [each for each in result.sessions if sum(each.answers.values()) > 1]
    users = sum(each.users for each in several)
    stayed = sum(each.users for each in several if sum(map(bool, each.answers.values())) == 1)
    return f"; of {users:,} with several answers {share(stayed, users)} stayed with one destination" if users else ""


def _requests(requests: Sequence[RequestClass]) -> Iterator[str]:
    every = sum(each.weight for each in requests)
    for each in requests[:20]:
        weight = f" ({each.weight / every:.0%})" if len(requests) > 1 and every else ""
        what = f"{each.method} {each.path}"
        yield f"{each.name}{weight}" if each.name in {what, each.method} else f"{each.name}: {what}{weight}"
    if len(requests) > 20:
        yield f"and {len(requests) - 20} more"


def _machine(result: LoadResult) -> Iterator[tuple[str, Child]]:
    machine, side = result.machine, result.client
    yield "Client", f"{processes(result)}, the busiest at {side.busy:.0%} of its core"
    yield "Most waiting", f"{side.most_waiting:,} requests without a free connection"
    yield "System", machine.system
    yield "Processor", f"{machine.cpu}, {machine.cores} cores"
    yield "Python", machine.python
    yield "edgesim", result.version + (f" ({result.commit})" if result.commit else "")
    yield "Began", result.started
