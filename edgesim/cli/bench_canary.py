"""`edgesim bench canary`: a release from its first weight to its last, under load, each step judged."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from edgesim.admin import File, Files
from edgesim.admin.endpoints import APPLY, ROUTE
from edgesim.cli.background import Background, start
from edgesim.cli.bench_options import INTERRUPTED, Save, Seed, numbers, wrong
from edgesim.cli.client import Client
from edgesim.cli.columns import table
from edgesim.cli.console import err, out, out_json, paint
from edgesim.cli.options import Output, Report
from edgesim.cli.outcomes import send_files
from edgesim.cli.problems import printable
from edgesim.cli.settings import UpSettings
from edgesim.config.files import read_texts
from edgesim.model import EdgesimError, Severity

if TYPE_CHECKING:
    from edgesim.analysis import Verdict
    from edgesim.bench.canary import Expected, Load, StepResult
    from edgesim.bench.walk import Step, Walk
    from edgesim.load.expectations import Comparison, Split
    from edgesim.load.outcome import Outcome
    from edgesim.load.results import Second

_MOST_RATE = 10_000_000  # as `edgesim load --rate`
_NEEDS_MORE = 1
"""The exit code where nothing failed, and something cannot be told yet: who waits for a yes has none."""
_STYLES = {"PASS": "green", "FAIL": "bold red", "NEED-MORE-DATA": "yellow"}


def canary(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Manifests or a folder; files that declare the same object are the steps."),
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights", metavar="N,N,...", help="Walk through percentages of the one split instead of files."
        ),
    ] = None,
    path: Annotated[str, typer.Option("--path", metavar="PATH", help="What is asked for.")] = "/",
    headers: Annotated[
        list[str] | None,
        typer.Option("-H", "--header", metavar="NAME: VALUE", help="A header; may be given several times."),
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", metavar="N", min=1, max=_MOST_RATE, help="Requests a second.")
    ] = 1000.0,
    duration: Annotated[str, typer.Option("--duration", metavar="TIME", help="Of each step, as 10s.")] = "10s",
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="WHAT", help="What tells versions apart: route-header (edgesim's), header:NAME, body:REGEX."
        ),
    ] = "route-header",
    confidence: Annotated[
        str,
        typer.Option("--confidence", metavar="SHARE", help="Of the whole walk: a false alarm is as rare as the rest."),
    ] = "99%",
    tolerance: Annotated[
        str | None,
        typer.Option("--tolerance", metavar="SHARE", help="How far a share may be off; without it what draws explain."),
    ] = None,
    margin: Annotated[
        str | None,
        typer.Option("--margin", metavar="SHARE", help="How many more errors the new version may have.  [default: 1%]"),
    ] = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Walk on where a step fails.")] = False,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, max=64, help="Client processes.")] = 1,
    seed: Seed = 1,
    save: Save = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a page with charts of the whole walk.")
    ] = None,
    output: Output = Report.TEXT,
) -> None:
    """Rehearse a release: serve it, load it, walk its steps, judge each.

    Files that declare the same object are steps, in their order (of a folder: by name, numbers as numbers); all others are
    served from the start. Each step is applied while requests come in, and none may be lost; then it is loaded for
    --duration. What its split must be is asked of the configuration itself, by pods; where two versions get requests
    they are compared. A step that fails ends the walk, unless --keep-going. Exit code 0 where all pass, 1 where one
    fails or needs more requests to tell, 130 after Ctrl-C, which reports the steps that were finished.

    Example:
      edgesim bench canary configs/two-phased-canary/
      edgesim bench canary configs/two-phased-canary/{echo,echo-v2,upstream,vs-5}.yaml --weights 0,5,25,50,100
      edgesim bench canary release/ --rate 500 --duration 30s --report walk.html --save walk.json
    """
    from edgesim.load import outputs  # noqa: PLC0415 - `edgesim --help` needs no engine

    load = _load(path, headers or [], rate, duration, by, workers, seed)
    split, versions = _certainty(confidence, tolerance, margin)
    files = {"report": report} if report is not None else {}
    outputs.check(files)
    if save is not None:
        from edgesim.bench.results import check_writable  # noqa: PLC0415

        check_writable(save)
    tour = _Tour(_walk(paths, weights), load, split, versions, keep_going)
    settings = UpSettings(
        tuple(map(Path, tour.walk.base)), port=0, admin_port=0, tls_port=0, state="off", seed=seed, route_header=True
    )
    instance = start(settings, sys.argv)
    try:
        tour.go(instance)
    finally:
        instance.stop()
    raise typer.Exit(_close(tour, save, files, output))


def _load(path: str, headers: list[str], rate: float, duration: str, by: str, workers: int, seed: int) -> Load:
    from edgesim.bench.canary import Load  # noqa: PLC0415
    from edgesim.load.scenario import RequestClass  # noqa: PLC0415
    from edgesim.load.typed import destination_of, header_of, seconds_of  # noqa: PLC0415

    if not path.startswith("/"):
        raise wrong("--path", path, "a path begins with /")
    if not path.isprintable() or " " in path:
        raise wrong("--path", path, "it has spaces or control characters; encode them, as %20")
    request = RequestClass(f"GET {path}", path=path, headers=tuple(map(header_of, headers)))
    seconds = seconds_of("--duration", duration)
    if seconds < 1:
        raise wrong("--duration", duration, "a step lasts a second at least")
    return Load(request, rate, seconds, destination_of(by), workers, seed)


def _certainty(confidence: str, tolerance: str | None, margin: str | None) -> tuple[Split, Comparison]:
    from edgesim.load.expectations import MARGIN, Comparison, Split, confidence_of, share_of  # noqa: PLC0415

    sure = confidence_of(confidence)
    split = Split({}, share_of("--tolerance", tolerance) if tolerance is not None else None, sure)
    return split, Comparison("", "", share_of("--margin", margin) if margin is not None else MARGIN, confidence=sure)


def _walk(paths: Sequence[Path], weights: str | None) -> Walk:
    """Find the steps. Raises EdgesimError ES1004, and what is wrong with the files."""
    from edgesim.bench.walk import by_files, by_weights  # noqa: PLC0415

    texts, problems = read_texts(paths)
    if problems:
        raise EdgesimError(*problems)
    if weights is not None:
        return by_weights(texts, numbers("--weights", weights, "percentage", "0,10,50,100", 0, 100))
    return by_files(texts, sorted_by_name=any(each.is_dir() for each in paths))


@dataclass(slots=True)
class _Tour:
    """A walk, and what was found so far."""

    walk: Walk
    load: Load
    split: Split
    versions: Comparison
    keep_going: bool
    found: list[StepResult] = field(default_factory=list)
    stopped: bool = False

    def go(self, instance: Background) -> None:
        """Walk until a step fails or Ctrl-C comes. Raises KeyboardInterrupt where that is before the first step's end."""
        client, screen = Client(instance.admin, instance.token), _Screen()
        try:
            for number, step in enumerate(self.walk.steps):
                self.found.append(self._step(number, step, instance.gateway, client, screen))
                if self.found[-1].kind == "FAIL" and not self.keep_going:
                    return
        except KeyboardInterrupt:
            if not self.found:
                raise
            self.stopped = True
        finally:
            screen.clear()

    def _step(self, number: int, step: Step, url: str, client: Client, screen: _Screen) -> StepResult:
        from edgesim.bench.canary import change, change_of, judged, loaded  # noqa: PLC0415

        place = f"step {number + 1} of {len(self.walk.steps)}, {step.name}"
        watch = screen.watching(place)
        screen.show(f"{place}: applying")
        changing = None
        if number:
            changing = asyncio.run(change(self.load, url, lambda: _apply(client, step), watch))
        elif not self.walk.begun:
            _apply(client, step)
        asked = self._expected(url, client)
        result = asyncio.run(loaded(self.load, url, watch))
        around = [*(each.result for each in self.found[-1:]), result]
        changed = None if changing is None else change_of(changing, around)
        part = 1 - (1 - self.split.confidence) / len(self.walk.steps)  # a false alarm of any step is one of the walk
        surely = replace(self.split, confidence=part), replace(self.versions, confidence=part)
        return judged(step.name, result, asked, changed, *surely)

    def _expected(self, url: str, client: Client) -> Expected:
        """Ask the gateway what it would do."""
        from edgesim.bench.canary import expected  # noqa: PLC0415

        lines = [f"{name}: {value}" for name, value in self.load.request.headers]
        query = [("url", f"{url}{self.load.request.path}"), *(("header", line) for line in lines)]
        listed = client.request("GET", "/api/v1/pods")["items"]
        pods = frozenset(each["metadata"]["name"] for each in listed)
        return expected(client.ask(ROUTE, query), self.load.destination.by, pods)


def _apply(client: Client, step: Step) -> None:
    """Apply a step. Raises EdgesimError where it is refused, or cannot be served as it is."""
    done = send_files(client, APPLY, Files((File(step.text.file, step.text.text),)))
    grave = [each for each in (*done.refused, *done.problems) if each.severity is not Severity.NOTE]
    if grave:
        raise EdgesimError(*grave)


@dataclass(slots=True)
class _Screen:
    """One line on standard error, rewritten; nothing where nobody looks."""

    shown: bool = field(default_factory=sys.stderr.isatty)

    def show(self, line: str) -> None:
        """Show a line in the place of the last."""
        if self.shown:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r{printable(line)[:width]}\x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take it away."""
        self.show("")

    def watching(self, place: str) -> Callable[[Second], None]:
        """Return what shows a second of a step."""
        from edgesim.cli.load_text import second_line  # noqa: PLC0415

        return lambda second: self.show(f"{place}: {second_line(second).strip()}")


def _close(tour: _Tour, save: Path | None, files: dict[str, Path], output: Report) -> int:
    """Report, write what was asked for, and return the exit code."""
    from edgesim.bench import canary as engine  # noqa: PLC0415
    from edgesim.bench import results  # noqa: PLC0415
    from edgesim.load import outputs  # noqa: PLC0415

    outcome = engine.outcome(tour.found)
    asked = {"rate": f"{tour.load.rate:g}", "seconds": f"{tour.load.seconds:g}", "path": tour.load.request.path}
    series = tuple(engine.series_of(tour.found))
    made = results.result("canary", tour.load.seed, series, asked=asked, notes=outcome.result.client.limits)
    if save is not None:
        results.save(made, save)
    for file in outputs.write(files, outcome):
        err(f"written: {file}")
    word = _word(tour, outcome)
    if output is Report.JSON:
        out_json({**msgspec.to_builtins(made), **_more(tour, outcome), "verdict": word})
    else:
        _print(tour, outcome, word)
    return _code(tour, word)


def _code(tour: _Tour, word: str) -> int:
    if word == "FAIL":
        return 1
    if tour.stopped:
        err("interrupted: these are the steps that were finished")
        return INTERRUPTED
    return _NEEDS_MORE if word == "NEED-MORE-DATA" else 0


def _word(tour: _Tour, outcome: Outcome) -> str:
    from edgesim.analysis import gravest  # noqa: PLC0415

    if any(step.kind == "FAIL" for step in tour.found):
        return "FAIL"
    return gravest(outcome.verdicts).value


def _more(tour: _Tour, outcome: Outcome) -> dict[str, Any]:
    steps = [
        {
            "name": step.name,
            "verdict": step.kind.value,
            "expected": step.expected.shares,
            "counts": step.counts,
            "failed": step.failed,
            "change": None if step.change is None else asdict(step.change),
            "milliseconds": dict(zip(("p50", "p99"), _latency(step), strict=True)),
            "verdicts": msgspec.to_builtins(step.verdicts),
            "limits": list(step.result.client.limits),
        }
        for step in tour.found
    ]
    return {
        "steps": steps,
        "left": [step.name for step in tour.walk.steps[len(tour.found) :]],
        "verdicts": msgspec.to_builtins(outcome.verdicts),
        "interrupted": tour.stopped,
    }


def _latency(step: StepResult) -> tuple[float, float]:
    from edgesim.telemetry import slots  # noqa: PLC0415

    p50, p99 = slots.percentiles(slots.total(cell.latency for cell in step.result.cells if cell.status), [50, 99])
    return p50 / 1000, p99 / 1000


def _print(tour: _Tour, outcome: Outcome, word: str) -> None:
    for line in _lines(tour):
        out(printable(line))
    out()
    for verdict in _told(outcome):
        first, *rest = verdict.sentences
        kind = verdict.kind.value
        out(f"{paint(kind, _STYLES[kind], sys.stdout)} {printable(verdict.name)}: {printable(first)}")
        for sentence in rest if kind != "PASS" else ():
            out(f"  {printable(sentence)}")
    for limit in outcome.result.client.limits:
        out(printable(f"client: {limit}"))
    out(f"{paint(word, _STYLES[word], sys.stdout)} {printable(_sum(tour))}")


def _told(outcome: Outcome) -> Iterator[Verdict]:
    """Yield what to read: splits that did not pass, whatever failed, and the comparison that says most."""
    for verdict in outcome.verdicts:
        if verdict.kind != "PASS" or not verdict.name.endswith(": split"):
            yield verdict


def _lines(tour: _Tour) -> list[str]:
    titles = ["step", "expected", "got", "requests", "failed", "lost", "p50 ms", "p99 ms", ""]
    return table(titles, map(_row, tour.found), left=3, text=1)


def _row(step: StepResult) -> list[str]:
    every = max(1, sum(step.counts.values()))
    p50, p99 = _latency(step)
    split = next((each.kind.value for each in step.verdicts if each.name == "split"), "")
    return [
        step.name,
        _shares(step.expected.shares, "the gateway"),
        _shares(
            {name: step.counts.get(name, 0) / every for name in dict.fromkeys((*step.expected.shares, *step.counts))},
            "the gateway" if "" in step.expected.shares else "no version",  # a pod may have answered, and not told
        ),
        f"{step.result.sent:,}",
        f"{step.failed:,}",
        "-" if step.change is None else f"{step.change.lost:,} of {step.change.sent:,}",
        f"{p50:.2f}",
        f"{p99:.2f}",
        "FAIL" if step.kind == "FAIL" else split or "-",
    ]


def _shares(shares: dict[str, float], nameless: str) -> str:
    return ", ".join(f"{name or nameless} {share:.1%}" for name, share in shares.items())


def _steps(count: int) -> str:
    return f"{count} steps" if count != 1 else "1 step"


def _sum(tour: _Tour) -> str:
    requests = sum(step.result.sent for step in tour.found)
    changes = [step.change for step in tour.found if step.change is not None]
    lost = sum(each.lost for each in changes)
    left = len(tour.walk.steps) - len(tour.found)
    walked = f"{len(tour.found)} of {len(tour.walk.steps)} steps" if left else _steps(len(tour.found))
    if not changes:
        return f"{walked}, {requests:,} requests"
    said = f"{lost:,} lost" if lost else "none lost"
    return f"{walked}, {requests:,} requests, {said} of {sum(each.sent for each in changes):,} while steps were applied"
