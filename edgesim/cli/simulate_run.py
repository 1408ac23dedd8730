"""Answering what `edgesim simulate` was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgesim.cli.console import err, out, out_json
from edgesim.cli.offline import load
from edgesim.cli.options import Report
from edgesim.cli.problems import print_problems
from edgesim.cli.progress import progress
from edgesim.cli.simulate_json import output
from edgesim.cli.simulate_text import Result, lines
from edgesim.config.files import read_texts
from edgesim.inspect import RequestError, Tables
from edgesim.load.reading import read_run
from edgesim.model import EdgesimError, Severity
from edgesim.model.codes import failure, problem
from edgesim.simulate import asked as typed
from edgesim.simulate.canaries import by_destination
from edgesim.simulate.described import Described, FromRun, read_population
from edgesim.simulate.described import Version as Written
from edgesim.simulate.models import Measured, Version
from edgesim.simulate.outcomes import Outcome
from edgesim.simulate.population import head_of, of_url
from edgesim.simulate.questions import Answered, Questions, answer
from edgesim.simulate.rollout import Check, seconds_of
from edgesim.simulate.splits import Simulated, simulate
from edgesim.telemetry.slots import Slots, total

_MOST_LOOKS = 50_000
_USUAL_SHARE = "5%"
_USUAL_URL = "http://localhost:8080/"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed."""

    paths: list[str]
    url: str
    population: Path | None
    method: str
    headers: list[str]
    requests: int
    runs: int
    rate: float | None
    canary: str | None
    errors: str | None
    detect: str | None
    share: str | None
    plan: str | None
    risk: str | None
    every: str
    confidence: str
    power: str
    rollouts: int
    seed: int
    plot: Path | None
    output: Report


def run(asked: Asked) -> int:
    """Answer; return the exit code. Raises EdgesimError."""
    described = _described(asked)
    questions = _questions(asked, described)
    if asked.plot is not None:
        _plottable(asked.plot)
    loaded = load([Path(path) for path in asked.paths])
    print_problems(each for each in loaded.problems if each.severity is not Severity.NOTE)
    simulated, answered = _simulated(asked, described, questions, Tables(loaded.translation.model))
    result = Result(asked.seed, questions, simulated, answered)
    if asked.output is Report.JSON:
        out_json(output(result))
    else:
        for line in lines(result):
            out(line)
    if asked.plot is not None:
        _draw(result, asked.plot)
    unread = any(each.severity is Severity.ERROR for each in loaded.problems)
    without = answered is not None and answered.search is not None and answered.search.plan is None
    return int(unread or without)


def _described(asked: Asked) -> Described:
    if asked.population is None:
        try:
            population = of_url(asked.url or _USUAL_URL, asked.method, asked.headers)
        except RequestError as error:
            raise failure("ES1103", f"URL `{asked.url}`: {error}", exit_code=2) from None
        try:
            head_of(population, 0)
        except RequestError as error:
            raise failure("ES1103", f"--method, --header: {error}", exit_code=2) from None
        return Described(population)
    if asked.population.is_dir():
        raise typed.wrong("--population", str(asked.population), "it is a folder; name one file")
    texts, problems = read_texts([asked.population])
    if len(texts) != 1:
        problems = problems or [problem("ES1100", f"{asked.population} is no file of one population")]
    described = read_population(texts[0].text, texts[0].file) if not problems else Described(problems=tuple(problems))
    if described.problems:
        print_problems(described.problems)
        raise EdgesimError
    return described


def _questions(asked: Asked, described: Described) -> Questions:
    if asked.share is not None and asked.detect is None:
        raise typed.wrong("--share", asked.share, "it is what `--detect` holds; ask that, as `--detect errors+1%`")
    power = typed.read_share("--power", asked.power)
    confidence = typed.read_share("--confidence", asked.confidence)
    every = typed.read_seconds("--every", asked.every)
    plan = typed.read_plan(asked.plan) if asked.plan is not None else None
    if plan is not None and seconds_of(plan) > every * _MOST_LOOKS:
        raise typed.wrong("--every", asked.every, f"the plan would be looked at more than {_MOST_LOOKS:,} times")
    return Questions(
        asked.rate or described.rate,
        _canary(asked.canary),
        typed.read_rate("--errors", asked.errors) if asked.errors is not None else None,
        typed.read_rise(asked.detect) if asked.detect is not None else None,
        typed.read_share("--share", _USUAL_SHARE if asked.share is None else asked.share),
        plan,
        typed.read_bound(asked.risk, power) if asked.risk is not None else None,
        Check(confidence, every),
        power,
        asked.rollouts,
    )


def _canary(name: str | None) -> str:
    if name == "":  # an empty shell variable asks for nothing by accident
        raise typed.wrong("--canary", name, "name a version, as `v2`, or leave it out")
    return name or ""


def _simulated(
    asked: Asked, described: Described, questions: Questions, tables: Tables
) -> tuple[Simulated, Answered | None]:
    *seeds, last = np.random.SeedSequence(asked.seed).spawn(asked.runs + 1)
    generators = [np.random.Generator(np.random.SFC64(seed)) for seed in seeds]

    def versions(outcomes: Iterable[Outcome]) -> Mapping[str, Version]:
        places = {name: version.place for name, version in described.versions.items()}
        found = by_destination(described.versions, outcomes, places)
        return {name: _version(version) for name, version in found.items()}

    every, done = asked.requests * asked.runs, 0
    try:
        with progress("classes of requests") as deciding, progress("requests") as draw:

            def told(more: int) -> None:
                nonlocal done
                done += more
                draw(done, every)

            simulated = simulate(tables, described.population, versions, generators, asked.requests, told, deciding)
    except RequestError as error:
        raise failure("ES1101", str(error)) from None
    with progress("plans") as tell:
        generator = np.random.Generator(np.random.SFC64(last))
        return simulated, answer(questions, simulated, described.population.users, generator, tell)


def _version(written: Written) -> Version:
    latency = written.latency
    return Version(Measured(_measured(latency)) if isinstance(latency, FromRun) else latency, written.errors)


def _measured(given: FromRun) -> Slots:
    """Return the latencies of a destination in a saved run. Raises EdgesimError."""
    try:
        result = read_run(Path(given.file))
    except EdgesimError as error:
        raise _no_run(given, error.problems[0].message) from None
    answered = [cell for cell in result.cells if cell.status]
    found = total(cell.latency for cell in answered if given.destination in {"", cell.destination})
    if not found:
        names = ", ".join(sorted({cell.destination for cell in answered} - {""}))
        text = f"{given.file} has no answers" + (f" of `{given.destination}`" if given.destination else "")
        raise _no_run(given, text, f"there are: {names}" if names else "")
    return found


def _no_run(given: FromRun, text: str, hint: str = "") -> EdgesimError:
    return EdgesimError(problem("ES1106", text, position=given.place, hint=hint))


def _plottable(file: Path) -> None:
    """Refuse a plot that cannot be drawn, before anything is simulated."""
    from edgesim.cli.simulate_plot import check  # noqa: PLC0415 - matplotlib is an extra, and slow to load

    check(file)


def _draw(result: Result, file: Path) -> None:
    from edgesim.cli.simulate_plot import draw  # noqa: PLC0415 - as above

    draw(result, file)
    err(f"written: {file}")
