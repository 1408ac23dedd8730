"""A scenario file: YAML (or JSON) becomes a scenario, or every reason why it cannot, each with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edgesim.config.files import read_texts
from edgesim.config.read import read_text
from edgesim.dialects import Document, FieldPath, show_path
from edgesim.dialects.check import Finding, check
from edgesim.load import curves, scenario_schema, typed
from edgesim.load.expectations import Wanted, expectations
from edgesim.load.replay import read_log, speed_of
from edgesim.load.scenario import (
    Arrivals,
    Closed,
    Destination,
    Open,
    Order,
    RequestClass,
    Scenario,
    Sessions,
    Stage,
    Target,
    Think,
    Variables,
)
from edgesim.load.span import length
from edgesim.load.stops import condition
from edgesim.load.variables import breaks_lines, names_of, read_rows, unknown
from edgesim.model import EdgesimError, Position, Problem
from edgesim.model.codes import problem

DURATION = 10.0
"""Seconds of a rate that says no other."""
_RATE = 100.0
_OF_OPTIONS = frozenset({"ES1200", "ES1201", "ES1230"})
"""Codes of options that cannot be read; here it is a field."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """What a scenario file says: what is sent, and, as the options of these names take it, what is expected of it."""

    scenario: Scenario
    fail_if: tuple[str, ...] = ()
    expect_split: str = ""
    tolerance: str = ""
    compare: str = ""
    margin: str = ""
    confidence: float | None = None
    latency_margin: str = ""
    notes: tuple[str, ...] = ()
    """Sentences about what a replay cannot do."""


@dataclass(frozen=True, slots=True)
class ReadScenario:
    """A scenario file as it was read; with problems there is no scenario."""

    written: Written | None = None
    problems: tuple[Problem, ...] = ()


def read_scenario(file: Path, url: str = "") -> ReadScenario:
    """Read a scenario file, `-` for standard input; files it names are beside it. Nothing it holds is raised.

    A `url` that was typed is taken in the place of the file's. Raises EdgesimError where that cannot be read.
    """
    if file.is_dir():
        said = "this is a folder, and a scenario is one file"
        return ReadScenario(problems=(problem("ES1210", said, position=Position(str(file), 1, 1)),))
    texts, unread = read_texts([file])
    if not texts:
        return ReadScenario(problems=tuple(unread))
    read = read_text(texts[0].text, texts[0].file)
    if read.problems:
        return ReadScenario(problems=read.problems)
    if len(read.documents) != 1:
        said = f"a scenario file holds one document, and this one {len(read.documents) or 'is empty'}"
        at = read.documents[1].source.locate(()) if read.documents else Position(str(file), 1, 1)
        return ReadScenario(problems=(problem("ES1210", said, position=at),))
    return _read(read.documents[0], file.parent, url)


def _read(document: Document, folder: Path, url: str) -> ReadScenario:
    reading = _Reading(folder, url)
    reading.findings += check(scenario_schema.ScenarioFile, document.manifest)
    written = None
    if not reading.findings:
        plain = _without_nulls(document.manifest)
        written = reading.written(msgspec.convert(plain, scenario_schema.ScenarioFile))
    problems = sorted((_problem(each, document) for each in reading.findings), key=_line)
    if problems or reading.elsewhere:
        return ReadScenario(None, (*problems, *reading.elsewhere))
    return ReadScenario(written)


def _line(found: Problem) -> int:
    return found.position.line if found.position is not None else 0


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _problem(finding: Finding, document: Document) -> Problem:
    at = document.source.locate(finding.path)
    return problem(finding.code, finding.message, field=show_path(finding.path), position=at, hint=finding.hint)


_NOWHERE = Target("http", "", 0, "")


@dataclass(slots=True)
class _Reading:
    """One file being read: what is wrong is collected, and something harmless stands in its place."""

    folder: Path
    url: str
    findings: list[Finding] = field(default_factory=list)
    elsewhere: list[Problem] = field(default_factory=list)
    """Problems with places of their own, in files that the scenario names."""
    notes: tuple[str, ...] = ()

    def wrong(self, path: FieldPath, why: str, hint: str = "", code: str = "ES1210") -> None:
        """Keep what is wrong."""
        self.findings.append(Finding(code, path, why, hint))

    def told(self, path: FieldPath, otherwise: T, read: Callable[[], T]) -> T:
        """Return what a reader of options makes of a value; what it refuses is a problem of this field."""
        try:
            return read()
        except EdgesimError as refused:
            for each in refused.problems:
                if each.position is not None:
                    self.elsewhere.append(each)
                else:
                    code = "ES1210" if each.code in _OF_OPTIONS else each.code
                    self.wrong(path, _without_option(each.message), each.hint, code)
            return otherwise

    def seconds(self, path: FieldPath, value: scenario_schema.Time, otherwise: float = 0.0) -> float:
        """Read a duration."""
        return self.told(path, otherwise, lambda: typed.seconds_of("duration", str(value)))

    def written(self, given: scenario_schema.ScenarioFile) -> Written:
        """Make a scenario of the fields."""
        target = self._target(given)
        mode, logged = self._mode(given)
        scenario = Scenario(
            target,
            logged or tuple(self._requests(given, target)),
            mode,
            self._variables(given),
            self._sessions(given),
            self._destination(given.by),
            mode.connections if isinstance(mode, Closed) else given.connections,
            given.requests_per_connection,
            self.seconds(("timeout",), given.timeout),
            given.count,
            self.seconds(("warmUp",), given.warm_up),
            self.seconds(("coolDown",), given.cool_down),
            seed=given.seed,
            labels=dict(given.labels),
        )
        if not self.findings and not self.elsewhere:
            self._together(scenario)
        return self._with_expectations(scenario, given)

    def _target(self, given: scenario_schema.ScenarioFile) -> Target:
        if self.url:
            target = typed.target_of(self.url)
        elif given.url:
            target = self.told(("url",), _NOWHERE, lambda: typed.target_of(given.url))
        else:
            self.wrong((), "there is no `url`, neither here nor on the command line")
            target = _NOWHERE
        tls = given.tls
        ca_file = str(self.folder / tls.ca_file) if tls.ca_file else ""
        return replace(target, insecure=tls.insecure, ca_file=ca_file, server_name=tls.server_name)

    def _destination(self, by: str) -> Destination:
        return self.told(("by",), Destination(), lambda: typed.destination_of(by)) if by else Destination()

    def _mode(self, given: scenario_schema.ScenarioFile) -> tuple[Open | Closed, tuple[RequestClass, ...]]:
        lasts = None if given.duration is None else self.seconds(("duration",), given.duration, DURATION)
        if lasts == 0:
            self.wrong(("duration",), "a load lasts longer than 0 s")
            lasts = None
        if given.closed is not None:
            return Closed(given.closed.connections, DURATION if lasts is None else lasts), ()
        if given.replay is not None:
            return self._replayed(given.replay)
        return Open(self._stages(given, lasts), Arrivals(given.arrivals)), ()

    def _replayed(self, given: scenario_schema.Replay) -> tuple[Open, tuple[RequestClass, ...]]:
        speed = self.told(("replay", "speed"), 1.0, lambda: speed_of(str(given.speed)))
        replay = self.told(("replay", "file"), None, lambda: read_log(self.folder / given.file, speed))
        if replay is None:
            return Open(()), ()
        self.notes = replay.notes
        return replay.mode, replay.requests

    def _stages(self, given: scenario_schema.ScenarioFile, lasts: float | None) -> tuple[Stage, ...]:
        if given.stages is not None:
            return tuple(stage for index, each in enumerate(given.stages) for stage in self._stage(index, each))
        if given.points is not None:
            return curves.lasting(self._points(given.points), lasts)
        if given.curve is not None:
            text = given.curve if given.curve.startswith(curves.DAY) else f"@{self.folder / given.curve}"
            return self.told(("curve",), (), lambda: curves.rate_of(text, lasts, DURATION))
        rate = str(_RATE if given.rate is None else given.rate)
        return self.told(("rate",), (), lambda: curves.rate_of(rate, lasts, DURATION))

    def _stage(self, index: int, given: scenario_schema.Stage) -> tuple[Stage, ...]:
        path: FieldPath = ("stages", index)
        seconds = self.seconds((*path, "duration"), given.duration)
        return self.told((*path, "rate"), (), lambda: typed.stages_of(str(given.rate), seconds))

    def _points(self, given: tuple[scenario_schema.Point, ...]) -> tuple[Stage, ...]:
        points: list[tuple[float, float]] = []
        for index, each in enumerate(given):
            try:
                points.append((curves.clock(str(each.at)), each.rate))
            except ValueError:
                self.wrong(("points", index, "at"), f"`{each.at}` is no time: write `90s` or `06:30`")
                return ()
        try:
            return curves.through(points)
        except ValueError as refused:
            self.wrong(("points", refused.args[0]), refused.args[1])
            return ()

    def _requests(self, given: scenario_schema.ScenarioFile, target: Target) -> Iterator[RequestClass]:
        for index, each in enumerate(given.requests or (scenario_schema.Request(),)):
            path: FieldPath = ("requests", index)
            if each.path and not each.path.startswith(("/", "*")):
                self.wrong((*path, "path"), f"`{each.path}` is no path: it begins with `/`, or is `*`")
            elif any(not c.isprintable() or c.isspace() for c in each.path):
                self.wrong((*path, "path"), "a path has no spaces or control characters", "write %20 for a space")
            if each.weight < 0:
                self.wrong((*path, "weight"), f"a weight is 0 or more, and this one {each.weight:g}")
            where = typed.in_a_path(each.path) if each.path else target.path
            headers = tuple(self._header(path, name, value) for name, value in each.headers.items())
            body = self._body(path, each)
            name = each.name or f"{each.method} {where}"
            yield RequestClass(name, each.method, where, headers, body, each.weight)

    def _header(self, path: FieldPath, name: str, value: str) -> tuple[str, str]:
        return self.told((*path, "headers", name), (name, value), lambda: typed.header_of(f"{name}: {value}"))

    def _body(self, path: FieldPath, given: scenario_schema.Request) -> bytes:
        if given.body_file is None:
            return (given.body or "").encode("utf-8", "surrogateescape")
        try:
            return (self.folder / given.body_file).read_bytes()
        except (OSError, ValueError) as reason:
            said = getattr(reason, "strerror", None) or str(reason)
            self.wrong((*path, "bodyFile"), f"{given.body_file}: {said.lower()}")
            return b""

    def _variables(self, given: scenario_schema.ScenarioFile) -> Variables:
        asked = given.variables
        if asked is None:
            return Variables()
        path: FieldPath = ("variables", "file")
        return self.told(path, Variables(), lambda: read_rows(self.folder / asked.file, Order(asked.order)))

    def _sessions(self, given: scenario_schema.ScenarioFile) -> Sessions:
        asked, path = given.sessions, ("sessions", "think")
        low, _, high = str(asked.think).partition("-")
        think = Think(self.seconds(path, low), self.seconds(path, high or low))
        if think.low > think.high:
            self.wrong(path, f"`{asked.think}`: the shorter pause comes first")
        return Sessions(asked.users, asked.requests, think)

    def _together(self, scenario: Scenario) -> None:
        """Find what is wrong only together with other fields."""
        lasts = length(scenario)
        if scenario.requests and not any(each.weight for each in scenario.requests):
            self.wrong(("requests",), "all weights are 0: nothing would be sent")
        if lasts <= 0:
            self.wrong(("duration",), "a load lasts longer than 0 s")
        elif scenario.warm_up + scenario.cool_down >= lasts:
            self.wrong(("warmUp",), f"warmUp and coolDown leave nothing of {lasts:g} s to measure")
        if scenario.timeout <= 0:
            self.wrong(("timeout",), "a timeout is longer than 0 s")
        if scenario.variables.names:
            self._check_names(scenario)

    def _check_names(self, scenario: Scenario) -> None:
        for index, request in enumerate(scenario.requests):
            for where, names in names_of(request):
                path: FieldPath = ("requests", index, *where)
                for name in names:
                    self._check_name(path, name, scenario.variables, in_header=where[0] == "headers")

    def _check_name(self, path: FieldPath, name: str, variables: Variables, *, in_header: bool) -> None:
        if name not in variables.names:
            self.wrong(path, f"there is no variable `{name}`", unknown(name, variables), "ES1212")
        elif in_header and breaks_lines(name, variables):
            self.wrong(path, f"`{name}` holds line breaks in some row, and the value of a header has none")

    def _with_expectations(self, scenario: Scenario, given: scenario_schema.ScenarioFile) -> Written:
        for index, each in enumerate(given.fail_if):
            self.told(("failIf", index), None, lambda text=each: condition("failIf", text))  # type: ignore[misc]
        wanted = Wanted(
            ",".join(f"{name}={share:g}" for name, share in given.expect_split.items()),
            str(given.tolerance),
            ",".join(given.compare),
            str(given.margin),
            str(given.latency_margin),
            "" if given.confidence is None else f"{given.confidence:g}",
        )
        self._check_expectations(wanted)
        return Written(
            scenario,
            given.fail_if,
            wanted.expect_split,
            wanted.tolerance,
            wanted.compare,
            wanted.margin,
            given.confidence,
            wanted.latency_margin,
            self.notes,
        )

    def _check_expectations(self, wanted: Wanted) -> None:
        try:
            expectations(wanted)
        except EdgesimError as refused:
            option, _, why = refused.problems[0].message.partition("`: ")
            first, *words = option.partition(" ")[0].removeprefix("--").split("-")
            self.wrong((first + "".join(word.capitalize() for word in words),), why)


def _without_option(message: str) -> str:
    """Return a message without the option that a field stands for, and the value that the field shows."""
    option, found, why = message.partition("`: " if "`: " in message else ": ")
    return why if found and option.startswith(("--", "-H", "URL", "duration", "failIf")) else message
