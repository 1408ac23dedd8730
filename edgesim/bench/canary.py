"""A release rehearsed: each step is applied under load, loaded for a while, and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edgesim.analysis import Kind, Verdict, gravest
from edgesim.bench.limits import one_of_each
from edgesim.bench.results import Better, Series
from edgesim.inspect import RouteReport
from edgesim.load import driver
from edgesim.load.adding import Sums
from edgesim.load.answers import deployment_of
from edgesim.load.expectations import Comparison, Split
from edgesim.load.outcome import Mark, Outcome
from edgesim.load.results import Cell, LoadResult, Second
from edgesim.load.scenario import By, Destination, Open, RequestClass, Scenario, Sessions, Stage
from edgesim.load.seconds import without_stragglers
from edgesim.model import EdgesimError
from edgesim.telemetry import slots
from edgesim.telemetry.tasks import spawn

_CHANGE_SECONDS = 2.0
"""How long a step's change is loaded: applied after the first second, it has the second to take place."""
_BOTH_ENOUGH = 30
"""Answers of either version below which nothing is said of which is worse."""

Watch = Callable[[Second], None]


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent at every step."""

    request: RequestClass
    rate: float
    seconds: float
    destination: Destination
    workers: int = 1
    seed: int = 1
    sessions: Sessions = field(default_factory=Sessions)


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to requests while a step was applied."""

    sent: int
    lost: int
    """Not answered, or with 500 and more; but for those of a version that fails also while nothing changes."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Shares by destination, {"": 1} where the gateway answers itself; the old version and the new one where two arms are two."""

    shares: dict[str, float]
    versions: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step: what was expected, what was found, and what is to be said of it."""

    name: str
    expected: Expected
    counts: dict[str, int]
    failed: int
    """Requests without an answer, or with 500 and more."""
    change: Change | None
    verdicts: tuple[Verdict, ...]
    result: LoadResult

    @property
    def kind(self) -> Kind:
        """Return the word for all of it; a request that a change lost fails it."""
        return Kind.FAIL if self.change is not None and self.change.lost else gravest(self.verdicts)


def expected(report: RouteReport, by: By, pods: frozenset[str]) -> Expected:
    """Return what a configuration says of a request, destinations being named as answers name them.

    By `--route-header` that is the Deployment of each pod behind an arm, each endpoint being taken as often as any other.
    """
    shares: dict[str, float] = {}
    versions = []
    for arm in report.destinations:
        named = _workloads(arm.endpoints or (), pods) if by is By.ROUTE else []
        names = named or [_told(arm.subset, arm.upstream)]
        for name in names:
            shares[name] = shares.get(name, 0.0) + arm.percent / 100 / len(names)
        if arm.percent:
            versions.append(frozenset(names))
    distinct = len(versions) == 2 and all(len(each) == 1 for each in versions) and versions[0] != versions[1]
    pair = (next(iter(versions[0])), next(iter(versions[1]))) if distinct else None
    return Expected(shares or {"": 1.0}, pair)


def _workloads(targets: Iterable[object], pods: frozenset[str]) -> list[str]:
    return [_workload(each, pods) for each in targets]


def _workload(target: object, pods: frozenset[str]) -> str:
    pod, address, port = (getattr(target, name) for name in ("pod", "address", "port"))
    return deployment_of(pod) if pod in pods else f"{address}:{port}"


def _told(subset: Mapping[str, str], upstream: str) -> str:
    return ",".join(subset.values()) or upstream.rpartition("/")[2]


def scenario_of(load: Load, url: str, seconds: float) -> Scenario:
    """Return an open loop at the rate asked for."""
    from edgesim.load.typed import target_of  # noqa: PLC0415 - names are resolved there

    return Scenario(
        target_of(url),
        (load.request,),
        Open((Stage(seconds, load.rate, load.rate),)),
        sessions=load.sessions,
        destination=load.destination,
        seed=load.seed,
    )


async def change(load: Load, url: str, apply: Callable[[], None], watch: Watch) -> LoadResult:
    """Apply a step while requests come in."""
    begun = asyncio.Event()

    def seen(second: Second, _sums: Sums) -> str:
        begun.set()
        watch(second)
        return ""

    stop = asyncio.Event()
    running = spawn(driver.run(scenario_of(load, url, _CHANGE_SECONDS), load.workers, seen, stop), "load of a change")
    waiting = spawn(begun.wait(), "first second")
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if not running.done():
            await asyncio.to_thread(apply)
    except EdgesimError:
        stop.set()
        await running
        raise
    return await running


def change_of(result: LoadResult, around: Iterable[LoadResult]) -> Change:
    """Count what a change lost; `around` are the steps before and after it."""
    failing = {cell.destination for each in around for cell in each.cells if cell.status >= 500}
    lost = (
        cell for cell in result.cells if not cell.status or (cell.status >= 500 and cell.destination not in failing)
    )
    return Change(result.sent, sum(cell.count for cell in lost))


async def loaded(load: Load, url: str, watch: Watch) -> LoadResult:
    """Load one step."""

    def seen(second: Second, _sums: Sums) -> str:
        watch(second)
        return ""

    return await driver.run(scenario_of(load, url, load.seconds), load.workers, seen)


def judged(
    name: str, result: LoadResult, asked: Expected, changed: Change | None, split: Split, versions: Comparison
) -> StepResult:
    """Judge a step; `split` and `versions` say how sure to be and what to tolerate, the rest is the step's own."""
    from edgesim.load.verdicts import judge_versions, judge_weights  # noqa: PLC0415 - numpy and scipy

    verdicts: tuple[Verdict, ...] = ()
    counts = _counts(result.cells)
    if set(asked.shares) != {""}:
        verdicts = (judge_weights(result, replace(split, weights=asked.shares)),)
    if asked.versions and _lesser(counts, asked.versions) >= _BOTH_ENOUGH:
        before, after = asked.versions
        verdicts += judge_versions(result, replace(versions, before=before, after=after))
    return StepResult(name, asked, counts, _failed(result.cells), changed, verdicts, result)


def _lesser(counts: Mapping[str, int], versions: tuple[str, str]) -> int:
    return min(counts.get(each, 0) for each in versions)


def telling(steps: Iterable[StepResult]) -> StepResult | None:
    """Return the step that says most of which version is worse: the one with most answers of the rarer version.

    Versions are compared within a step only: those who answered at another time had another machine, as it were.
    """
    compared = [step for step in steps if step.expected.versions and len(step.verdicts) > 1]
    return max(compared, key=lambda step: _lesser(step.counts, step.expected.versions or ("", "")), default=None)


def _counts(cells: Iterable[Cell]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cell in cells:
        if cell.status:
            counts[cell.destination] = counts.get(cell.destination, 0) + cell.count
    return counts


def _failed(cells: Iterable[Cell]) -> int:
    return sum(cell.count for cell in cells if not cell.status or cell.status >= 500)


def joined(steps: Sequence[StepResult]) -> LoadResult:
    """Return the whole walk as one run, step after step."""
    results = [each.result for each in steps]
    first = results[0]
    stages = _merged(
        stage for each in results if isinstance(each.scenario.mode, Open) for stage in each.scenario.mode.stages
    )
    client = first.client
    for each in results[1:]:
        client = replace(
            client,
            busy=max(client.busy, each.client.busy),
            late=client.late + each.client.late,
            unsent=client.unsent + each.client.unsent,
            most_waiting=max(client.most_waiting, each.client.most_waiting),
            limits=one_of_each((*client.limits, *each.client.limits)),
        )
    return replace(
        first,
        scenario=replace(first.scenario, mode=Open(stages), labels={"steps": ", ".join(each.name for each in steps)}),
        seconds=sum(each.seconds for each in results),
        asked=sum(each.asked for each in results),
        sent=sum(each.sent for each in results),
        client=client,
        cells=_summed(cell for each in results for cell in each.cells),
        timeline=tuple(_laid(results)),
        sessions=tuple(pattern for each in results for pattern in each.sessions),
        connects=slots.total(each.connects for each in results),
    )


def _merged(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Put stages of one rate together."""
    found: list[Stage] = []
    for stage in stages:
        if found and found[-1].end == found[-1].start == stage.start == stage.end:
            stage = replace(stage, seconds=found.pop().seconds + stage.seconds)  # noqa: PLW2901 - grown
        found.append(stage)
    return tuple(found)


def _summed(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    found: dict[tuple[str, int, str, str], Cell] = {}
    for cell in cells:
        key = (cell.request, cell.status, cell.destination, cell.error)
        before = found.get(key)
        found[key] = cell if before is None else _sum(before, cell)
    return tuple(cell for _key, cell in sorted(found.items()))


def _sum(one: Cell, other: Cell) -> Cell:
    return replace(
        one,
        count=one.count + other.count,
        received=one.received + other.received,
        latency=slots.total((one.latency, other.latency)),
        service=slots.total((one.service, other.service)),
    )


def _laid(results: Iterable[LoadResult]) -> Iterator[Second]:
    """Yield the seconds of all, counted through."""
    number = 0
    for each in results:
        for second in without_stragglers(each.timeline):
            yield replace(second, at=number)
            number += 1


def outcome(steps: Sequence[StepResult]) -> Outcome:
    """Return the walk as an outcome: each step's split, whatever failed, and the comparison that says most."""
    most = telling(steps)
    verdicts = [
        replace(verdict, name=f"{step.name}: {verdict.name}", question=f"{step.name}: {verdict.question}")
        for step in steps
        for verdict in step.verdicts
        if verdict.name == "split" or verdict.kind is Kind.FAIL or step is most
    ]
    return Outcome(joined(steps), (), tuple(verdicts), tuple(_marks(steps)))


def _marks(steps: Iterable[StepResult]) -> Iterator[Mark]:
    """Yield where each step begins in the seconds of all, and the shares that are expected from there on."""
    begin = 0
    for step in steps:
        yield Mark(begin, step.name, {name: share for name, share in step.expected.shares.items() if name})
        begin += len(without_stragglers(step.result.timeline))


def series_of(steps: Sequence[StepResult]) -> Iterator[Series]:
    """Yield what is kept of a walk: percentiles of each second, by step."""
    for step in steps:
        seconds = [each for each in step.result.timeline if each.latency]
        for percent in (50, 99):
            values = tuple(slots.percentiles(each.latency, [percent])[0] / 1000 for each in seconds)
            yield Series(f"{step.name}: p{percent} of each second", "ms", Better.LOWER, values)
