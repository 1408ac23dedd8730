"""Route decisions a second at any table size: `python -m bench.routes --help`.

A decision is everything between a parsed head of ten headers and the endpoint's pick: host, path, header match, weighted
choice. Requests are made of bytes never hashed before, and making them is not timed. What is in the processor's cache
matters as much as what the index does, so there are three kinds of traffic (edgesim/bench/tables.py): busy, skewed and even.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import median

from bench import report
from edgesim.bench.machine import PROXY_CORE, can_pin, resident_bytes
from edgesim.bench.tables import KINDS, TRAFFIC, Chooser, Kind, requests, services_of, virtual_hosts
from edgesim.routing import RouteTable, compile_table, decide

SIZES = (10, 1_000, 10_000, 50_000)
# A parser hands over one head at a time, still in the cache: few are made ahead.
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One table: nanoseconds a decision by traffic and round, seconds to compile, bytes of memory a route."""

    kind: str
    size: int
    nanoseconds: dict[str, list[float]]
    compile_seconds: float
    bytes_per_route: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.routes", description="Measure route decisions.")
    parser.add_argument("--rounds", type=int, default=15, help="how often each table is measured (default 15)")
    parser.add_argument("--batches", type=int, default=400, help="of 50 decisions a round (default 400)")
    parser.add_argument("--output", type=Path, default=report.RESULTS, help="folder for routes.json and routes.md")
    options = parser.parse_args(arguments)
    rows = []
    # A process for each kind: the memory of one table must not be hidden in what another left behind.
    context = multiprocessing.get_context("spawn")
    for number in range(len(KINDS)):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            measured = pool.submit(_measure, number, options.rounds, options.batches).result()
        print(_table(measured), flush=True)
        rows += measured
    plain = [row for row in rows if row.kind != KINDS[-1].name]
    apart = [row for row in rows if row.kind == KINDS[-1].name]
    sections = [_METHOD, "## Without regexes", _table(plain), "## With regexes", _table(apart)]
    report.write("routes", "Route decisions", sections, [asdict(row) for row in rows], options.output)
    return 0


def _measure(number: int, rounds: int, batches: int) -> list[Row]:
    if can_pin():
        os.sched_setaffinity(0, {PROXY_CORE})
    kind = KINDS[number]
    rows = [_compile(kind, size) for size in SIZES]
    gc.collect()
    gc.freeze()  # as a worker does after it compiled
    for turn in range(rounds):
        # Sizes alternate, so that a slow moment of the machine does not fall on one of them.
        for row, table in rows:
            for name, traffic in TRAFFIC.items():
                choose = traffic(services_of(kind, row.size))
                row.nanoseconds[name].append(_decide(kind, table, choose, batches, Random(turn)))
    return [row for row, _ in rows]


def _compile(kind: Kind, size: int) -> tuple[Row, RouteTable]:
    hosts = virtual_hosts(kind, size)
    gc.collect()
    memory, start = resident_bytes(), time.perf_counter()
    table = compile_table(hosts)
    seconds = time.perf_counter() - start
    return Row(kind.name, size, {name: [] for name in TRAFFIC}, seconds, (resident_bytes() - memory) / size), table


def _decide(kind: Kind, table: RouteTable, choose: Chooser, batches: int, random: Random) -> float:
    """Return nanoseconds a decision. Raises AssertionError where a request found no route."""
    spent = 0
    for _ in range(batches):
        work = [(head, random.getrandbits(64)) for head in requests(kind, choose(random, _BATCH), random)]
        start = time.perf_counter_ns()
        for head, draw in work:
            decision = decide(table, head, draw)
        spent += time.perf_counter_ns() - start
        assert decision is not None
    return spent / (batches * _BATCH)


_METHOD = """\
A decision takes a parsed head of ten headers through host, path, header match and weighted choice; requests are made
of bytes not seen before. Medians over alternating rounds on one core, with the lowest and highest. `flat` is the speed
against the ten-route table of the same kind, round by round, by traffic: `busy` goes to a hundred services anywhere
in the table, `skewed` to the nth most popular 1/n as often (Zipf), `even` to every service equally often, where a large
table finds nothing in the processor's cache. The times are those of `busy`."""


def _table(rows: Sequence[Row]) -> str:
    small = {row.kind: row for row in rows if row.size == SIZES[0]}
    flat = [f"flat, {name}" for name in TRAFFIC]
    columns = ["routes differ by", "routes", "ns", "decisions/s", *flat, "compile s", "bytes/route"]
    return report.table(columns, [_cells(row, small[row.kind]) for row in rows])


def _cells(row: Row, small: Row) -> list[str]:
    busy = row.nanoseconds["busy"]
    return [
        row.kind,
        f"{row.size:,}",
        report.spread(busy, 0),
        f"{1e9 / median(busy):,.0f}",
        *(_flatness(row.nanoseconds[name], small.nanoseconds[name]) for name in TRAFFIC),
        f"{row.compile_seconds:.2f}",
        # A small table vanishes in the allocator's page size.
        f"{row.bytes_per_route:,.0f}" if row.size >= 1_000 else "",
    ]


def _flatness(times: Sequence[float], small: Sequence[float]) -> str:
    return f"{median(base / mine for mine, base in zip(times, small, strict=True)):.2f}"


if __name__ == "__main__":
    sys.exit(main())
