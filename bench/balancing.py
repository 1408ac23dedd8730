"""What picking an endpoint costs, and making a hash table: `python -m bench.balancing --help`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random

from bench import report
from edgesim.balancing import Balancer, Table, build, endpoint_set
from edgesim.balancing.hashing import plan_of
from edgesim.balancing.priorities import Level
from edgesim.bench.machine import PROXY_CORE, can_pin
from edgesim.model import BalancerKind, Cluster, ClusterType, Endpoint, LoadBalancer, Locality, SlowStart

SIZES = (1, 10, 1_000)
_METHOD = """\
Processor time of one core, medians over alternating rounds with the lowest and highest. A pick is `Balancer.pick` with the
request's hash; of the loop around it, 30 to 50 ns are in the numbers. Weights are 1 to 7, localities three, and of two
priorities one is half ill. Aim: 1.5 us a pick, and 300 ms a table, with 1,000 endpoints."""


@dataclass(frozen=True, slots=True)
class Picks:
    """Microseconds a pick by round."""

    name: str
    endpoints: int
    microseconds: list[float]


@dataclass(frozen=True, slots=True)
class Tables:
    """Milliseconds a table takes by round."""

    name: str
    endpoints: int
    places: int
    milliseconds: list[float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write what was measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.balancing", description="Measure picks and hash tables.")
    parser.add_argument("--rounds", type=int, default=9, help="how often each case is measured (default 9)")
    parser.add_argument("--picks", type=int, default=50_000, help="made a round (default 50000)")
    parser.add_argument(
        "--output", type=Path, default=report.RESULTS, help="folder for balancing.json and balancing.md"
    )
    options = parser.parse_args(arguments)
    if can_pin():
        os.sched_setaffinity(0, {PROXY_CORE})
    picks, tables = measure_picks(options.rounds, options.picks), measure_tables(options.rounds)
    raw = {"picks": [asdict(row) for row in picks], "tables": [asdict(row) for row in tables]}
    report.write("balancing", "Balancing", [_METHOD, _picks_table(picks), _tables_table(tables)], raw, options.output)
    return 0


def kinds() -> dict[str, tuple[LoadBalancer, Callable[[int], Endpoint]]]:
    """Return what is measured: a balancer, and what makes its endpoints."""
    least, slow = LoadBalancer(BalancerKind.LEAST_REQUEST), SlowStart(1e9)
    return {
        "round robin": (LoadBalancer(), _plain),
        "round robin, weighted": (LoadBalancer(), _weighted),
        "round robin, slow start": (LoadBalancer(slow_start=slow), _plain),
        "round robin, two priorities": (LoadBalancer(), _in_priorities),
        "round robin, localities": (LoadBalancer(locality_weighted=True), _in_localities),
        "least request": (least, _plain),
        "least request, weighted": (least, _weighted),
        "random": (LoadBalancer(BalancerKind.RANDOM), _plain),
        "ring hash": (LoadBalancer(BalancerKind.RING_HASH), _plain),
        "Maglev": (LoadBalancer(BalancerKind.MAGLEV), _plain),
    }


def _plain(number: int) -> Endpoint:
    return Endpoint(f"10.0.{number >> 8}.{number & 255}", 80)


def _weighted(number: int) -> Endpoint:
    return replace(_plain(number), weight=1 + number % 7)


def _in_priorities(number: int) -> Endpoint:
    return replace(_plain(number), priority=number % 2)


def _in_localities(number: int) -> Endpoint:
    return replace(_plain(number), locality=Locality("eu", "abc"[number % 3]), locality_weight=1 + number % 3)


def measure_picks(rounds: int, picks: int, sizes: Sequence[int] = SIZES) -> list[Picks]:
    """Measure every kind with every number of endpoints, in turns."""
    values = [Random(1).getrandbits(64) for _ in range(picks)]
    ready = [
        (Picks(name, size, []), balancer_among(config, [make(number) for number in range(size)]))
        for name, (config, make) in kinds().items()
        for size in sizes
    ]
    for _ in range(rounds):
        for row, balancer in ready:
            row.microseconds.append(_pick_all(balancer, values))
    return [row for row, _ in ready]


def balancer_among(config: LoadBalancer, endpoints: Sequence[Endpoint]) -> Balancer:
    """Return a balancer of endpoints that are busy, and some of them ill where there are priorities."""
    cluster = Cluster("bench", ClusterType.STATIC, balancer=config)
    balancer = Balancer(endpoint_set(cluster, endpoints), lambda: draws.getrandbits(64), time.monotonic)
    draws = Random(2)
    for number, endpoint in enumerate(endpoints):
        record = balancer.health[endpoint.address, endpoint.port]
        record.active = number % 3
        record.active_failed = any(each.priority for each in endpoints) and number % 4 == 0
    balancer.health_changed()
    return balancer


def _pick_all(balancer: Balancer, values: Sequence[int]) -> float:
    pick = balancer.pick
    pick((), 0)
    start = time.process_time()
    for value in values:
        pick((), value)
    return (time.process_time() - start) / len(values) * 1e6


def measure_tables(rounds: int, size: int = SIZES[-1]) -> list[Tables]:
    """Measure how long tables take."""
    made: dict[str, tuple[LoadBalancer, Callable[[int], Endpoint]]] = {
        "Maglev": (LoadBalancer(BalancerKind.MAGLEV), _plain),
        "Maglev, weighted": (LoadBalancer(BalancerKind.MAGLEV), _weighted),
        "ring hash": (LoadBalancer(BalancerKind.RING_HASH), _plain),
        "ring hash, weighted": (LoadBalancer(BalancerKind.RING_HASH), _weighted),
        "ring hash of 100,000": (LoadBalancer(BalancerKind.RING_HASH, minimum_ring_size=100_000), _plain),
    }
    return [
        _tables(name, config, [make(number) for number in range(size)], rounds) for name, (config, make) in made.items()
    ]


def _tables(name: str, config: LoadBalancer, endpoints: Sequence[Endpoint], rounds: int) -> Tables:
    hosts = tuple(endpoints)
    spent: list[float] = []
    table: Table
    for _ in range(rounds):
        start = time.process_time()
        table = build(plan_of(Level(hosts, hosts), hosts, config)[1])
        spent.append((time.process_time() - start) * 1e3)
    return Tables(name, len(hosts), len(table.owners), spent)


def _picks_table(rows: Sequence[Picks]) -> str:
    columns = ["us a pick among", *(f"{size:,}" for size in SIZES)]
    found = {(row.name, row.endpoints): report.spread(row.microseconds, 2) for row in rows}
    return report.table(columns, [[name, *(found[name, size] for size in SIZES)] for name in kinds()])


def _tables_table(rows: Sequence[Tables]) -> str:
    columns = ["table", "endpoints", "places", "ms"]
    cells = [[row.name, f"{row.endpoints:,}", f"{row.places:,}", report.spread(row.milliseconds, 1)] for row in rows]
    return report.table(columns, cells)


if __name__ == "__main__":
    sys.exit(main())
