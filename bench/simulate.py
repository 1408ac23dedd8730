"""Requests a second that are simulated on one core: `python -m bench.simulate --help`.

A request is everything from the random words to the count of its outcome: its class drawn, routed, the weighted choice
made as the live core makes it. The classes of requests are decided before the clock starts, and the time that takes is
a column of its own. Beside it stands the live core, which decides the same requests one at a time.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench import report
from edgesim.bench.machine import PROXY_CORE, can_pin
from edgesim.inspect import Tables
from edgesim.model import (
    Cluster,
    ClusterType,
    Destination,
    ForwardAction,
    HeaderMatcher,
    Model,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.routing import decide
from edgesim.simulate.columns import zipf
from edgesim.simulate.decided import Decided
from edgesim.simulate.drawing import Traffic, classes_of, count_outcomes, draws_of, traffic_of
from edgesim.simulate.population import Axis, Population, Users, head_of

_ALIVE = 20_000
"""Requests the live core decides a round."""


@dataclass(frozen=True, slots=True)
class Case:
    """One model with its population."""

    name: str
    model: Model
    population: Population


@dataclass(frozen=True, slots=True)
class Row:
    """Nanoseconds a request by round, those of the live core, and the seconds in which the classes were decided."""

    name: str
    classes: int
    deciding: float
    nanoseconds: list[float]
    live: list[float]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.simulate", description="Measure simulated requests.")
    parser.add_argument("--rounds", type=int, default=9, help="how often each case is measured (default 9)")
    parser.add_argument("--requests", type=int, default=4_000_000, help="simulated a round (default 4000000)")
    parser.add_argument("--output", type=Path, default=report.RESULTS, help="folder for simulate.json and simulate.md")
    options = parser.parse_args(arguments)
    if can_pin():
        os.sched_setaffinity(0, {PROXY_CORE})
    rows = measure(cases(), options.rounds, options.requests)
    report.write(
        "simulate", "Simulated requests", [_METHOD, _table(rows)], [asdict(row) for row in rows], options.output
    )
    return 0


def cases() -> list[Case]:
    """Return what is measured."""
    canary = Axis(("", "stage: canary"), (0.9, 0.1))
    hashed = Policies(hash_policies=(HashPolicy(HashKind.COOKIE, "session"),), sticky_weights=True)
    people = Users(100_000, 1.0, cookie="session")
    thousand = Population(paths=_paths(1_000), headers=(canary,))
    return [
        Case("a weighted route with a header match", _model(1), Population(headers=(canary,))),
        Case("1,000 routes", _model(1_000), thousand),
        Case("1,000 routes, every split another", _model(1_000, lambda n: (1_009 + n, n + 1)), thousand),
        Case("10,000 routes", _model(10_000), Population(paths=_paths(10_000), headers=(canary,))),
        Case(
            "a split for 100,000 users who stick",
            _model(1, policies=hashed),
            Population(headers=(canary,), users=people),
        ),
    ]


def _paths(count: int) -> Axis:
    return Axis(tuple(f"/service-{number}/item" for number in range(count)), tuple(zipf(count, 1.0).tolist()))


def _model(
    routes: int, weights: Callable[[int], Sequence[int]] = lambda _: (95, 5), policies: Policies | None = None
) -> Model:
    made = []
    for number in range(routes):
        path = PathMatcher(PathKind.PREFIX, f"/service-{number}/" if routes > 1 else "/")
        canary = RouteMatch(path, (HeaderMatcher("stage", ValueKind.EXACT, "canary"),))
        arms = [WeightedCluster(_version(number, arm), weight) for arm, weight in enumerate(weights(number), 1)]
        made.append(Route((canary,), ForwardAction(_version(number, 2))))
        made.append(Route((RouteMatch(path),), ForwardAction(weighted=tuple(arms)), policies=policies or Policies()))
    clusters = (Cluster(f"service-{number}", ClusterType.STATIC) for number in range(routes))
    return Model((VirtualHost("host", ("*",), tuple(made)),), tuple(clusters))


def _version(number: int, version: int) -> Destination:
    return Destination(f"service-{number}", (("version", f"v{version}"),))


def measure(given: Sequence[Case], rounds: int, requests: int) -> list[Row]:
    """Measure every case in every round, in turns."""
    ready = [(*_decided(case), case) for case in given]
    for turn in range(rounds):
        for row, decided, traffic, case in ready:
            generator = np.random.Generator(np.random.SFC64(turn))
            start = time.process_time()
            count_outcomes(decided, traffic, generator, requests)
            row.nanoseconds.append((time.process_time() - start) / requests * 1e9)
            row.live.append(_live(case, traffic, generator))
    return [row for row, *_ in ready]


def _decided(case: Case) -> tuple[Row, Decided, Traffic]:
    decided, traffic = Decided(Tables(case.model), case.population), traffic_of(case.population)
    classes = np.arange(case.population.classes, dtype=np.uint32)
    users = None if case.population.users is None else np.zeros(len(classes), np.uint32)
    start = time.process_time()
    decided.outcomes_of(classes, np.zeros(len(classes), np.uint64), users)
    return Row(case.name, len(classes), time.process_time() - start, [], []), decided, traffic


def _live(case: Case, traffic: Traffic, generator: np.random.Generator) -> float:
    """Return the nanoseconds the live core takes for a request; the hash of a user is not in it."""
    table = Tables(case.model).of(case.model.listeners[0])
    classes = classes_of(traffic, generator, _ALIVE).tolist()
    heads = {number: head_of(case.population, number) for number in set(classes)}
    work = list(zip(map(heads.__getitem__, classes), draws_of(generator, _ALIVE).tolist(), strict=True))
    start = time.process_time()
    for head, draw in work:
        decide(table, head, draw)
    return (time.process_time() - start) / _ALIVE * 1e9


_METHOD = """\
Every request is drawn, routed and counted. Processor time of one core, medians over alternating rounds with the lowest and
highest. `live` is `routing.decide` for the same classes of requests, one at a time, their heads made before. The decisions are
the same ones (tests/simulate/test_decided.py)."""


def _table(rows: Sequence[Row]) -> str:
    columns = ["", "classes", "ns a request", "million requests/s", "classes decided in, s", "live, ns"]
    return report.table(columns, [_cells(row) for row in rows])


def _cells(row: Row) -> list[str]:
    million = [1e3 / each for each in row.nanoseconds]
    return [
        row.name,
        f"{row.classes:,}",
        report.spread(row.nanoseconds, 1),
        report.spread(million, 1),
        f"{row.deciding:.2f}",
        report.spread(row.live, 0),
    ]


if __name__ == "__main__":
    sys.exit(main())
