"""What `edgesim load` shows: a line a second while it runs, and a table at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from edgesim.cli.columns import table
from edgesim.load.find_max import Highest
from edgesim.load.results import Cell, LoadResult, Second
from edgesim.load.scenario import Closed, Open
from edgesim.load.span import connects_per_second
from edgesim.load.stops import is_error
from edgesim.telemetry import slots

_PERCENTS = (50, 75, 90, 99, 99.9, 100)
_TITLES = ("p50", "p75", "p90", "p99", "p99.9", "max")


def second_line(second: Second) -> str:
    """Return what a second was like, on one line."""
    p50, p99 = slots.percentiles(second.latency, [50, 99])
    wrong = sum(second.errors.values())
    answered = sum(second.destinations.values())
    split = [f"{name} {number / answered:.1%}" for name, number in sorted(second.destinations.items()) if name]
    parts = [
        f"{second.at + 1:>4} s",
        f"asked {second.asked:,}/s",
        f"done {second.done:,}/s",
        f"p50 {_ms(p50)} ms",
        f"p99 {_ms(p99)} ms",
        *([f"errors {wrong:,}"] if wrong else []),
        *([f"waiting {second.waiting:,}"] if second.waiting else []),
        *split,
    ]
    return "  ".join(parts)


def lines(result: LoadResult) -> Iterator[str]:
    """Yield the report of a run."""
    yield from _what(result)
    yield ""
    yield from table(["request", "status", "destination", "count", "share", *_TITLES], _cells(result), left=3)
    yield ""
    yield from table(["milliseconds", *_TITLES], [*_all(result), *_opened(result)], left=1)
    yield from _warnings(result)


def _what(result: LoadResult) -> Iterator[str]:
    target, side = result.scenario.target, result.client
    done = sum(cell.count for cell in result.cells if cell.status)
    failed = sum(cell.count for cell in result.cells if not cell.status)
    received = sum(cell.received for cell in result.cells)
    processes = "1 client process" if side.workers == 1 else f"{side.workers} client processes"
    yield f"{_mode(result)} of {target.scheme}://{target.authority}, {result.seconds:.1f} s measured, {processes}"
    late = "" if isinstance(result.scenario.mode, Closed) else f" ({side.late:,} late, {side.unsent:,} unsent)"
    yield f"asked {result.asked:,}, sent {result.sent:,}{late}, answered {done:,}, without an answer {failed:,}"
    yield f"{done / result.seconds:,.1f} answers/s, {received / result.seconds / 1024:,.1f} KiB/s"


def _mode(result: LoadResult) -> str:
    mode = result.scenario.mode
    if isinstance(mode, Closed):
        users = result.scenario.sessions.users
        return f"closed loop with {_counted(users, 'user') if users else _counted(mode.connections, 'connection')}"
    replayed = result.scenario.labels.get("replay")
    return f"open loop ({replayed} replayed)" if replayed else f"open loop ({_rates(mode)})"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _rates(mode: Open) -> str:
    rates = [each for stage in mode.stages for each in (stage.start, stage.end)]
    low, high = min(rates), max(rates)
    return f"{low:,g}/s, {mode.arrivals}" if low == high else f"{low:,g} to {high:,g}/s, {mode.arrivals}"


def _cells(result: LoadResult) -> list[list[str]]:
    every = sum(cell.count for cell in result.cells)
    return [
        [
            cell.request,
            str(cell.status) if cell.status else cell.error,
            cell.destination or "-",
            f"{cell.count:,}",
            f"{cell.count / every:.1%}",
            *_row(cell.latency),
        ]
        for cell in result.cells
    ]


def _all(result: LoadResult) -> list[list[str]]:
    answered = [cell for cell in result.cells if cell.status]
    service = slots.total(cell.service for cell in answered)
    latency = slots.total(cell.latency for cell in answered)
    if isinstance(result.scenario.mode, Closed):
        return [["service time, in a closed loop", *_row(service)]]
    return [["latency, from the intended time", *_row(latency)], ["service time, from the send", *_row(service)]]


def _opened(result: LoadResult) -> Iterator[list[str]]:
    connects = slots.count(result.connects)
    if connects:
        what = "TLS connection" if result.scenario.target.scheme == "https" else "connection"
        rate = f", {connects_per_second(result):,.1f}/s" if result.scenario.per_connection else ""
        yield [f"{_counted(connects, what)} opened{rate}", *_row(result.connects)]


def _row(counted: Mapping[int, int]) -> list[str]:
    if not counted:
        return ["-"] * len(_PERCENTS)
    return [_ms(value) for value in slots.percentiles(counted, _PERCENTS)]


def _ms(microseconds: float) -> str:
    value = microseconds / 1000
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _warnings(result: LoadResult) -> Iterator[str]:
    wrong = [cell for cell in result.cells if is_error(cell)]
    if wrong:
        yield ""
        yield f"errors: {_errors(wrong)}"
    if result.client.limits:
        yield ""
        yield "the client may be what was measured:"
        yield from (f"  {sentence}" for sentence in result.client.limits)
    if result.stopped:
        yield ""
        yield f"ended early: {result.stopped}"


def _errors(cells: Iterable[Cell]) -> str:
    kinds: dict[str, int] = {}
    for cell in cells:
        kind = str(cell.status) if cell.status else cell.error
        kinds[kind] = kinds.get(kind, 0) + cell.count
    return ", ".join(f"{kind} {number:,}" for kind, number in sorted(kinds.items()))


def highest_lines(found: Highest) -> Iterator[str]:
    """Yield what a search found."""
    rows = [
        [
            f"{each.rate:,.0f}/s",
            f"{each.achieved:,.0f}/s",
            f"{each.p50_ms:.2f}",
            f"{each.p99_ms:.2f}",
            f"{each.errors:,}",
            "holds" if each.holds else each.why,
        ]
        for each in sorted(found.trials, key=lambda each: each.rate)
    ]
    yield from table(["rate", "achieved", "p50 ms", "p99 ms", "errors", ""], rows, left=0, text=1)
    yield ""
    yield found.sentence
    if found.limited:
        yield found.limited
