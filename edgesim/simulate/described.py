"""A file that describes a population, read: strictly, and every mistake told with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from edgesim.config import read_text
from edgesim.dialects import Document
from edgesim.dialects.check import Finding, check
from edgesim.dialects.fields import show_path
from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.route_tests.shares import share
from edgesim.inspect import RequestError, read_url, request_head
from edgesim.model import Position, Problem
from edgesim.model.codes import problem
from edgesim.simulate import schema
from edgesim.simulate.models import Constant, LogNormal
from edgesim.simulate.population import MOST_CLASSES, Axis, Population, Users

_RANGE = re.compile(r"\{([0-9]+)\.\.([0-9]+)\}")
_MOST_PATHS = 1_000_000
_MOST_DIGITS = 9
_HEADER, _PARAMETER = "{}: {}", "{}={}"
_ACTIVITY = re.compile(r"zipf(?:\s+([0-9]+(?:\.[0-9]+)?))?\Z")


@dataclass(frozen=True, slots=True)
class FromRun:
    """A latency as a run measured it: the file that `edgesim load --save` wrote, and a destination in it."""

    file: str
    destination: str
    place: Position


@dataclass(frozen=True, slots=True)
class Version:
    """What a file says of one version, with its place."""

    latency: Constant | LogNormal | FromRun | None
    errors: float | None
    place: Position


@dataclass(frozen=True, slots=True)
class Described:
    """What a file says: a population, requests a second, and versions by name; or what is wrong with it."""

    population: Population = field(default_factory=Population)
    rate: float | None = None
    versions: Mapping[str, Version] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def read_population(text: str, file: str) -> Described:
    """Read a file of one document. Never raises: with problems there is no population to use."""
    read = read_text(text, file)
    if read.problems:
        return Described(problems=read.problems)
    if len(read.documents) != 1 or "kind" in read.documents[0].manifest:
        what = "a population is one mapping, without `kind`"
        return Described(problems=(problem("ES1100", what, position=Position(file, 1, 1)),))
    document = read.documents[0]
    findings = check(schema.Population, document.manifest)
    if findings:
        return Described(problems=_problems(document, findings))
    return _read(msgspec.convert(document.manifest, schema.Population), document)


def _read(typed: schema.Population, document: Document) -> Described:
    wrong: list[Finding] = []
    paths = _axis(typed.paths or {"/": 1}, ("paths",), wrong, _paths)
    hosts = _axis(typed.hosts or {"localhost:8080": 1}, ("hosts",), wrong, _host)
    methods = _axis(typed.methods or {"GET": 1}, ("methods",), wrong, _method)
    headers = tuple(_parts(typed.headers, "headers", _HEADER, wrong))
    query = tuple(_parts(typed.query, "query", _PARAMETER, wrong))
    users = _users(typed, wrong)
    versions = {name: _version(name, given, document, wrong) for name, given in typed.versions.items()}
    if typed.rate is not None and not typed.rate > 0:
        wrong.append(_bad(("rate",), "a rate is more than 0 requests a second"))
    population = Population(hosts, paths, methods, headers, query, users)
    if population.classes > MOST_CLASSES:
        text = f"hosts, paths, methods, headers and parameters have {population.classes:,} combinations"
        wrong.append(_bad((), f"{text}; at most {MOST_CLASSES:,} can be drawn from"))
    return Described(population, typed.rate, versions, _problems(document, wrong))


def _bad(path: FieldPath, text: str, hint: str = "") -> Finding:
    return Finding("ES1101", path, text, hint)


def _axis(
    given: Mapping[str, schema.Weight], path: FieldPath, wrong: list[Finding], values_of: Callable[[str], list[str]]
) -> Axis:
    values: list[str] = []
    weights: list[float] = []
    for text, weight in given.items():
        try:
            found, number = values_of(text), _weight(weight)
        except ValueError as error:
            wrong.append(_bad((*path, text), str(error)))
            continue
        values += found
        weights += [number / len(found)] * len(found)
    if values and not sum(weights):
        wrong.append(_bad(path, "all weights are 0: nothing would be sent"))
    return Axis(tuple(values), tuple(weights))


def _weight(given: schema.Weight) -> float:
    text = str(given).strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e15:
        raise ValueError(f"`{given}` is no weight: write a number or a share as `5%`")
    return number


def _paths(text: str) -> list[str]:
    """Return the paths a text stands for: `/items/{1..3}` is three."""
    if not text.startswith("/") or "#" in text:
        raise ValueError(f"a path begins with `/` and ends before `#`, unlike `{text}`")
    paths = [text]
    while (found := _RANGE.search(paths[0])) is not None:
        numbers = _counted(found)
        if not 0 < len(numbers) * len(paths) <= _MOST_PATHS:
            raise ValueError(f"`{found[0]}` counts upwards, to at most {_MOST_PATHS:,} paths in all")
        paths = [_RANGE.sub(str(number), path, count=1) for path in paths for number in numbers]
    request_head(f"http://localhost{paths[0]}")
    return paths


def _counted(found: re.Match[str]) -> range:
    first, last = found.groups()
    return range(int(first), int(last) + 1) if max(len(first), len(last)) <= _MOST_DIGITS else range(0)


def _host(text: str) -> list[str]:
    url = text if "://" in text else f"http://{text}"
    if read_url(f"{url}/").target != "/" or not text.isprintable() or " " in text:
        raise ValueError(f"`{text}` is more than a host")
    request_head(f"{url}/")
    return [url]


def _method(text: str) -> list[str]:
    request_head("/", text)
    return [text]


def _parts(
    given: Mapping[str, Mapping[str, schema.Share]], what: str, form: str, wrong: list[Finding]
) -> Iterator[Axis]:
    """Yield an axis for each header or parameter: its values, and the rest that does not send it."""
    for name, values in given.items():
        shares = {}
        for value, text in values.items():
            try:
                shares[_sent(form, name, value)] = float(share(text))
            except RequestError as error:
                wrong.append(_bad((what, name), str(error)))
            except ValueError as error:
                wrong.append(_bad((what, name, value), f"`{text}` is no share: {error}"))
        rest = 1 - sum(shares.values())
        if rest < -1e-9:
            wrong.append(_bad((what, name), f"the shares add up to {1 - rest:.6g}, more than everything"))
        yield Axis(("", *shares), (rest if rest > 1e-9 else 0.0, *shares.values()))


def _sent(form: str, name: str, value: str) -> str:
    sent = form.format(name, value)
    request_head("/" if form == _HEADER else f"/?{sent}", "GET", [sent] if form == _HEADER else ())
    return sent


def _users(typed: schema.Population, wrong: list[Finding]) -> Users | None:
    given = typed.users
    if given is None:
        return None
    if given.header.lower() in {name.lower() for name in typed.headers}:
        wrong.append(_bad(("users", "header"), f"`{given.header}` is among `headers` already"))
    found = _ACTIVITY.match(given.activity.strip())
    if found is None and given.activity.strip() != "equal":
        wrong.append(_bad(("users", "activity"), f"`{given.activity}` is no activity: write `equal` or `zipf 1.1`"))
    return Users(given.count, 0.0 if found is None else float(found[1] or 1), given.cookie, given.header)


def _version(name: str, given: schema.Version, document: Document, wrong: list[Finding]) -> Version:
    path: FieldPath = ("versions", name)
    errors = None
    if given.errors is not None:
        try:
            errors = float(share(given.errors))
        except ValueError as error:
            wrong.append(_bad((*path, "errors"), f"`{given.errors}` is no share: {error}"))
    latency = None if given.latency is None else _latency(given.latency, (*path, "latency"), document, wrong)
    return Version(latency, errors, document.source.locate(path))


def _latency(
    given: schema.Latency, path: FieldPath, document: Document, wrong: list[Finding]
) -> Constant | LogNormal | FromRun | None:
    if given.from_ is not None:
        return FromRun(given.from_, given.destination or "", document.source.locate((*path, "from")))
    said = {"constant": given.constant, "median": given.median, "p99": given.p99}
    times = {name: seconds(text) * 1e6 for name, text in said.items() if text is not None}
    if times.keys() == {"constant"} and times["constant"] >= 0:
        return Constant(round(times["constant"]))
    if times.keys() != {"median", "p99"}:
        wrong.append(_bad(path, "a latency is `constant`, or `median` and `p99`, or `from` a run"))
        return None
    if not 0 < times["median"] <= times["p99"]:
        wrong.append(_bad(path, "the median is more than 0 and at most the p99"))
        return None
    return LogNormal(times["median"], times["p99"])


def _problems(document: Document, findings: Iterable[Finding]) -> tuple[Problem, ...]:
    return tuple(
        problem(
            each.code,
            each.message,
            field=show_path(each.path),
            position=document.source.locate(each.path),
            hint=each.hint,
        )
        for each in findings
    )
