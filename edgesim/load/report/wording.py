"""Numbers as a report writes them."""

from __future__ import annotations

from collections.abc import Iterator

from edgesim.load.results import LoadResult
from edgesim.load.scenario import Closed, Open, Stage

OTHERS = "all others"
UNTOLD = "not told"
"""The destination of answers that did not say it."""


def milliseconds(microseconds: float) -> str:
    """Return a duration with its unit, in three digits or so."""
    value = microseconds / 1000
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:.2f} ms" if value < 100 else f"{value:,.0f} ms"


def share(part: int, whole: int) -> str:
    """Return a share in percent; one that is not 0 does not read as 0."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    return f"{percent:.1f}%" if percent >= 0.1 or not part else f"{percent:.2g}%"


def rate(number: float, seconds: float) -> str:
    """Return a number a second."""
    value = number / seconds if seconds else 0.0
    return f"{value:,.0f}/s" if value >= 1000 else f"{value:.1f}/s"


def size(count: float) -> str:
    """Return a number of bytes, in units of 1024."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:,.0f} {units[0]}" if units[0] == "B" else f"{value:,.1f} {units[0]}"


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < 120:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def moment(started: str) -> str:
    """Return a time of RFC 3339 to the second."""
    return started[:19].replace("T", " ") + (" UTC" if started.endswith(("+00:00", "Z")) else started[19:])


def url(result: LoadResult) -> str:
    """Return what was loaded."""
    target = result.scenario.target
    path = target.path if len(result.scenario.requests) == 1 else ""
    return f"{target.scheme}://{target.authority}{path}"


def processes(result: LoadResult) -> str:
    """Return how many client processes there were."""
    return "1 client process" if result.client.workers == 1 else f"{result.client.workers} client processes"


def load(result: LoadResult) -> str:
    """Return how requests were sent, in one line."""
    mode, users = result.scenario.mode, result.scenario.sessions.users
    if isinstance(mode, Closed):
        loops = f"{users:,} users" if users else f"{mode.connections:,} connections"
        return f"Closed loop: {loops}, each sends when it has its answer"
    return f"Open loop: {', then '.join(_stages(mode))}"


def _stages(mode: Open) -> Iterator[str]:
    if mode.times:
        yield f"{len(mode.times):,} requests of a log replayed"
        return
    spread = "evenly" if mode.arrivals == "even" else "at random (Poisson)"
    shown = mode.stages[:6]
    for index, stage in enumerate(shown):
        yield f"{_stage(stage)}{f', {spread}' if index == len(shown) - 1 else ''}"
    if len(mode.stages) > len(shown):
        yield f"{len(mode.stages) - len(shown)} more stages"


def _stage(stage: Stage) -> str:
    to = "" if stage.start == stage.end else f" to {stage.end:,g}"
    return f"{stage.start:,g}{to} requests/s for {duration(stage.seconds)}"
