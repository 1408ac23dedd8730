"""Running what `edgesim load` was asked for, with a line a second for whoever looks on."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edgesim.analysis.verdict import Kind, Verdict, gravest
from edgesim.cli.console import err, out, out_json
from edgesim.cli.load_given import Given, scenario_of
from edgesim.cli.load_text import highest_lines, lines, second_line
from edgesim.cli.options import Report
from edgesim.cli.problems import print_problems, printable
from edgesim.cli.verdict_text import verdict_lines
from edgesim.load import driver, locust_driver, outputs
from edgesim.load.adding import Sums
from edgesim.load.emit import Tool, emit
from edgesim.load.expectations import Expectations, Wanted, check, expectations
from edgesim.load.find_max import Highest, Trial, search
from edgesim.load.formats_json import as_json
from edgesim.load.locust_driver import Locust
from edgesim.load.outcome import Outcome
from edgesim.load.outputs import Files
from edgesim.load.results import Cell, LoadResult, Second
from edgesim.load.scenario import Open, Scenario
from edgesim.load.scenario_file import Written, read_scenario
from edgesim.load.stops import Condition, condition, look
from edgesim.model import EdgesimError
from edgesim.model.codes import failure

_INTERRUPTED = 130
_NEEDS_MORE = 1
"""Who waits for a yes before going on has none yet; the verdict itself tells it from a FAIL."""
_WINDOW = "5s"
T = TypeVar("T")


def written_in(file: Path, url: str) -> Written:
    """Read a scenario file; where it has problems they are printed. Raises EdgesimError."""
    read = read_scenario(file, url)
    if read.written is None:
        print_problems(read.problems)
        raise EdgesimError(exit_code=2)
    for note in read.written.notes:
        err(printable(f"{file}: {note}"))
    return read.written


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a run, beside what is sent."""

    fail_if: Sequence[str] = ()
    wanted: Wanted = field(default_factory=Wanted)
    workers: int = 1
    files: Files = field(default_factory=dict)
    output: Report = Report.TEXT
    locust: Locust | None = None


def _with_file(asked: Asked, written: Written | None) -> Asked:
    """Return what is asked by the scenario file where nothing was typed."""
    if written is None:
        return asked
    file = Wanted(
        written.expect_split,
        written.tolerance,
        written.compare,
        written.margin,
        written.latency_margin,
        confidence=str(written.confidence or ""),
    )
    merged = {each.name: getattr(asked.wanted, each.name) or getattr(file, each.name) for each in fields(Wanted)}
    return replace(asked, fail_if=asked.fail_if or written.fail_if, wanted=Wanted(**merged))


def once(given: Given, written: Written | None, asked: Asked) -> int:
    """Run once, report, and return the exit code. Raises EdgesimError."""
    asked = _with_file(asked, written)
    scenario = scenario_of(given, written.scenario if written else None)
    conditions = [condition("--fail-if", each) for each in asked.fail_if]
    expected = expectations(asked.wanted)
    check(expected, scenario)
    outputs.check(asked.files)
    result = _run(_watched(scenario, conditions, asked))
    outcome = Outcome(result, tuple(look(each, result.cells) for each in conditions), _judged(result, expected))
    files: list[Path] = []
    try:  # before anything is shown: whoever reads the output may have enough of it, and the run would be lost
        files = outputs.write(asked.files, outcome)
    finally:
        _show(outcome, asked.output)
    for file in files:
        _say_written(file)
    return _ended(outcome)


def _show(outcome: Outcome, output: Report) -> None:
    if output is Report.JSON:
        out(as_json(outcome).decode().rstrip())
    else:
        _print(outcome)


def _judged(result: LoadResult, expected: Expectations) -> tuple[Verdict, ...]:
    if not expected:
        return ()
    from edgesim.load.verdicts import judge  # noqa: PLC0415 - it brings numpy and scipy

    return judge(result, expected)


def _print(outcome: Outcome) -> None:
    for line in lines(outcome.result):
        out(printable(line))
    for verdict in outcome.verdicts:
        out()
        for line in verdict_lines(verdict):
            out(line)


def _ended(outcome: Outcome) -> int:
    """Say what failed, and return the exit code."""
    for each in outcome.looked:
        if each.true:
            err(f"--fail-if {each.sentence}")
    if outcome.refused:
        return 1
    if outcome.result.stopped == driver.INTERRUPTED:
        return _INTERRUPTED
    if not outcome.answered:
        err("nothing was answered")
        return 1
    return _NEEDS_MORE if gravest(outcome.verdicts) is Kind.NEED_MORE_DATA else 0


def script(given: Given, written: Written | None, asked: Asked, tool: str) -> int:
    """Print the script of another tool, and on standard error what is not in it. Raises EdgesimError."""
    asked = _with_file(asked, written)
    scenario = scenario_of(given, written.scenario if written else None)
    for each in asked.fail_if:
        condition("--fail-if", each)
    options = {"--expect-split": asked.wanted.expect_split, "--compare": asked.wanted.compare}
    made = emit(scenario, Tool(tool), asked.fail_if, [name for name, text in options.items() if text])
    out(made.text.rstrip("\n"))
    for each in made.lost:
        err(f"not in it: {printable(each)}")
    return 0


def find(given: Given, written: Written | None, asked: Asked, bounds: Sequence[str]) -> int:
    """Search the highest rate, report, and return the exit code. Raises EdgesimError."""
    conditions = [_bound(each) for each in bounds]
    if asked.locust is not None:
        raise failure("ES1200", "--find-max: edgesim's own engine searches, not Locust", exit_code=2)
    _check_search(asked)
    scenario = scenario_of(_in_windows(given, written), written.scenario if written else None)
    if not isinstance(scenario.mode, Open) or len(scenario.mode.stages) != 1:
        raise failure("ES1200", "--find-max: give one --rate to start at, and no --closed", exit_code=2)
    stage = scenario.mode.stages[0]
    found = _run(_searched(scenario, conditions, max(stage.start, 1.0), stage.seconds, asked))
    if asked.output is Report.JSON:
        out_json(found)
    else:
        for line in highest_lines(found):
            out(printable(line))
    _write_search(found, asked.files)
    if found.stopped:
        return _INTERRUPTED
    return 0 if found.rate else 1


def _in_windows(given: Given, written: Written | None) -> Given:
    """Return what was typed, with the usual window where nothing says how long one lasts."""
    mode = written.scenario.mode if written else None
    staged = ":" in given.rate if given.rate else isinstance(mode, Open) and len(mode.stages) != 1
    return given if given.duration or staged or given.replay else replace(given, duration=_WINDOW)


def _check_search(asked: Asked) -> None:
    """Refuse what a search of the highest rate does not do."""
    judged = {
        "--fail-if": asked.fail_if,
        "--expect-split": asked.wanted.expect_split,
        "--compare": asked.wanted.compare,
    }
    for option, typed in judged.items():
        if typed:
            raise failure("ES1200", f"{option}: it judges one run, and --find-max makes many", exit_code=2)
    other = asked.files.keys() - {"save", "report"}
    if other:
        said = f"--{min(other)}: a search of the highest rate can be written by --save and --report"
        raise failure("ES1200", said, exit_code=2)
    outputs.check(asked.files)


def _write_search(found: Highest, files: Files) -> None:
    if "save" in files:
        files["save"].write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    if "report" in files:
        from edgesim.load.report import search_page  # noqa: PLC0415 - only where it is asked for

        files["report"].write_bytes(search_page(found))
    for file in files.values():
        _say_written(file)


def _say_written(file: Path) -> None:
    err(f"written: {printable(str(file))}")


def _bound(text: str) -> Condition:
    read = condition("--find-max", text)
    if read.above:
        raise failure("ES1201", f"--find-max `{text}`: a bound says what must hold: write `p99<20ms`", exit_code=2)
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


async def _watched(scenario: Scenario, conditions: Sequence[Condition], asked: Asked) -> LoadResult:
    screen = _Screen()

    def watch(second: Second, sums: Sums) -> str:
        screen.show(second_line(second))
        return _met(conditions, list(sums.cells.values()))

    with _stopping() as stop:
        try:
            if asked.locust is None:
                return await driver.run(scenario, asked.workers, watch, stop)
            for each in locust_driver.differences(scenario):
                err(f"--engine locust: {each}")
            return await locust_driver.run(scenario, asked.locust, watch, stop, err)
        finally:
            screen.clear()


def _met(conditions: Sequence[Condition], cells: list[Cell]) -> str:
    looked = (look(each, cells) for each in conditions)
    return next((each.sentence for each in looked if each.true and each.enough), "")


async def _searched(scenario: Scenario, bounds: list[Condition], start: float, seconds: float, asked: Asked) -> Highest:
    screen = _Screen()

    def tell(trial: Trial) -> None:
        if asked.output is Report.TEXT:
            screen.clear()
            err(f"{trial.rate:,.0f}/s: p50 {trial.p50_ms:.2f} ms, p99 {trial.p99_ms:.2f} ms, {_verdict(trial)}")

    with _stopping() as stop:

        def watch(second: Second, _sums: Sums) -> str:
            screen.show(second_line(second))
            return ""

        async def run(one: Scenario) -> LoadResult:
            return await driver.run(one, asked.workers, watch, stop)

        try:
            return await search(scenario, bounds, start, seconds, run, tell)
        finally:
            screen.clear()


def _verdict(trial: Trial) -> str:
    return "holds" if trial.holds else trial.why
