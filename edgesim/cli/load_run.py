"""Running what `edgesim load` was asked for, with a line a second for whoever looks on."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edgesim.cli.console import err, out, out_json
from edgesim.cli.load_given import Given, scenario_of
from edgesim.cli.load_text import highest_lines, lines, second_line
from edgesim.cli.options import Report
from edgesim.cli.problems import printable
from edgesim.load import driver
from edgesim.load.adding import Sums
from edgesim.load.find_max import Highest, Trial, search
from edgesim.load.results import Cell, LoadResult, Second
from edgesim.load.scenario import Open, Scenario
from edgesim.load.stops import Condition, Looked, condition, look
from edgesim.model.codes import failure
from edgesim.telemetry import slots

_INTERRUPTED = 130
_WINDOW = "5s"
T = TypeVar("T")


def once(scenario: Scenario, fail_if: Sequence[str], workers: int, save: Path | None, output: Report) -> int:
    """Run once, report, and return the exit code. Raises EdgesimError."""
    conditions = [condition("--fail-if", each) for each in fail_if]
    _can_be_written(save)
    result = _run(_watched(scenario, conditions, workers))
    looked = [look(each, result.cells) for each in conditions]
    if save is not None:
        _write(save, result)
    if output is Report.JSON:
        out_json(as_json(result, looked))
    else:
        for line in lines(result):
            out(printable(line))
    failed = [each for each in looked if each.true]
    for each in failed:
        err(f"--fail-if {each.sentence}")
    return _code(result, failed)


def _code(result: LoadResult, failed: Sequence[Looked]) -> int:
    if failed:
        return 1
    if result.stopped == driver.INTERRUPTED:
        return _INTERRUPTED
    if not any(cell.status for cell in result.cells):
        err("nothing was answered")
        return 1
    return 0


def find(given: Given, bounds: Sequence[str], workers: int, save: Path | None, output: Report) -> int:
    """Search the highest rate, report, and return the exit code. Raises EdgesimError."""
    asked = [_bound(each) for each in bounds]
    _can_be_written(save)
    scenario = scenario_of(given if given.duration else replace(given, duration=_WINDOW))
    if not isinstance(scenario.mode, Open) or len(scenario.mode.stages) != 1:
        raise failure("ES0900", "--find-max: give one --rate to start at, and no --closed", exit_code=2)
    stage = scenario.mode.stages[0]
    found = _run(_searched(scenario, asked, max(stage.start, 1.0), stage.seconds, workers, output))
    if save is not None:
        save.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    if output is Report.JSON:
        out_json(found)
    else:
        for line in highest_lines(found):
            out(printable(line))
    return 0 if found.rate else 1


def _bound(text: str) -> Condition:
    read = condition("--find-max", text)
    if read.above:
        raise failure("ES0901", f"--find-max `{text}`: a bound says what must hold: write `p99<20ms`", exit_code=2)
    return read


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@dataclass(slots=True)
class _Screen:
    """One line on standard error, rewritten; nothing where nobody looks."""

    shown: bool = field(default_factory=sys.stderr.isatty)

    def show(self, line: str) -> None:
        """Show a line in the place of the last."""
        if self.shown:
            sys.stderr.write(f"\r{printable(line)}\x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take it away."""
        self.show("")


@contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """Yield what Ctrl-C sets; a second one ends everything at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    task = asyncio.current_task()

    def asked() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    try:
        yield stop
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _watched(scenario: Scenario, conditions: Sequence[Condition], workers: int) -> LoadResult:
    screen = _Screen()

    def watch(second: Second, sums: Sums) -> str:
        screen.show(second_line(second))
        return _met(conditions, list(sums.cells.values()))

    with _stopping() as stop:
        try:
            return await driver.run(scenario, workers, watch, stop)
        finally:
            screen.clear()


def _met(conditions: Sequence[Condition], cells: list[Cell]) -> str:
    looked = (look(each, cells) for each in conditions)
    return next((each.sentence for each in looked if each.true and each.enough), "")


async def _searched(
    scenario: Scenario, bounds: list[Condition], start: float, seconds: float, workers: int, output: Report
) -> Highest:
    screen = _Screen()

    def tell(trial: Trial) -> None:
        if output is Report.TEXT:
            screen.clear()
            err(f"{trial.rate:,.0f}/s: p50 {trial.p50_ms:.2f} ms, p99 {trial.p99_ms:.2f} ms, {_verdict(trial)}")

    with _stopping() as stop:

        def watch(second: Second, _sums: Sums) -> str:
            screen.show(second_line(second))
            return ""

        async def run(one: Scenario) -> LoadResult:
            return await driver.run(one, workers, watch, stop)

        try:
            return await search(scenario, bounds, start, seconds, run, tell)
        finally:
            screen.clear()


def _verdict(trial: Trial) -> str:
    return "holds" if trial.holds else trial.why


def _can_be_written(save: Path | None) -> None:
    """Find out before the run. Raises EdgesimError."""
    if save is not None:
        try:
            save.open("ab").close()
        except OSError as reason:
            said = str(reason.strerror).lower()
            raise failure("ES0900", f"--save {save}: {said}", exit_code=2) from None


def _write(save: Path, result: LoadResult) -> None:
    save.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")


def as_json(result: LoadResult, looked: Sequence[Looked] = ()) -> dict[str, Any]:
    """Return a result with its percentiles, milliseconds, and what its conditions were found to be."""
    data: dict[str, Any] = msgspec.to_builtins(result, str_keys=True)
    answered = [cell for cell in result.cells if cell.status]
    data["percentiles"] = {
        "latency": _percentiles(slots.total(cell.latency for cell in answered)),
        "service": _percentiles(slots.total(cell.service for cell in answered)),
    }
    data["conditions"] = [{"condition": each.condition.text, "met": each.true, "is": each.figure} for each in looked]
    return data


_PERCENTS = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0)


def _percentiles(counted: dict[int, int]) -> dict[str, float]:
    return {f"p{p:g}": us / 1000 for p, us in zip(_PERCENTS, slots.percentiles(counted, _PERCENTS), strict=True)}
