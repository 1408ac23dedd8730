"""The routing core alone: decisions between a parsed head and the endpoint's pick, no sockets.

Requests are made of bytes never hashed before, as a parser makes them, and making them is not timed. Processor time is
counted, so that other programs disturb little. Tables alternate within a round, so that a slow moment does not fall on
one of them, and a loop of plain Python is timed in each round too (`calibration`).
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from random import Random
from statistics import median

from edgesim.bench import calibration
from edgesim.bench.tables import KINDS, TRAFFIC, Kind, requests, services_of, virtual_hosts
from edgesim.inspect.examples import Example
from edgesim.inspect.listeners import Tables
from edgesim.model import RequestHead, VirtualHost
from edgesim.routing import RouteTable, compile_table, decide
from edgesim.telemetry.sources import cpu_seconds

BATCH = 50
"""A parser hands over one head at a time, still in the processor's cache: few are made ahead."""
KIND_NAMES = {"distinct": 0, "shared": 1, "header": 2, "regex": 3}
"""What `--kind` takes, and its place in KINDS."""

Asked = tuple[RouteTable, RequestHead]
Draw = Callable[[Random, int], list[Asked]]
"""Makes so many requests, each with the table that decides it."""


@dataclass(slots=True)
class Measured:
    """A table: seconds to compile, bytes of Python's memory a route, nanoseconds a decision and of the loop, by round."""

    name: str
    routes: int
    draw: Draw = field(repr=False)
    made_up: bool = True
    compile_seconds: float = 0.0
    bytes_per_route: float = 0.0
    nanoseconds: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)


def synthetic(kind_name: str, traffic: str, size: int) -> Measured:
    """Make a table of so many routes, and requests spread over it."""
    kind = KINDS[KIND_NAMES[kind_name]]
    table, seconds, held = _compiled(virtual_hosts(kind, size))
    choose = TRAFFIC[traffic](services_of(kind, size))
    draw = _drawn(kind, table, choose)
    return Measured(f"{size:,} routes", size, draw, True, seconds, held / size)


def _drawn(kind: Kind, table: RouteTable, choose: Callable[[Random, int], list[int]]) -> Draw:
    return lambda random, count: [(table, head) for head in requests(kind, choose(random, count), random)]


def configured(name: str, tables: Tables, examples: Sequence[Example]) -> Measured:
    """Take a configuration with requests of its own, each as often as any other."""
    hosts = tables.model.virtual_hosts
    routes = sum(len(host.routes) for host in hosts)
    _table, seconds, held = _compiled(hosts)
    of = {listener.name: tables.of(listener) for listener in tables.model.listeners}
    known = [(of[each.listener], each.head) for each in examples]

    def draw(random: Random, count: int) -> list[Asked]:
        return [(table, fresh(head)) for table, head in random.choices(known, k=count)]

    return Measured(name, routes, draw, False, seconds, held / max(routes, 1))


def _compiled(hosts: Sequence[VirtualHost]) -> tuple[RouteTable, float, int]:
    """Compile twice: first for the memory, what is kept for later tables included, then for the time."""
    gc.collect()
    tracemalloc.start()
    try:
        table = compile_table(hosts)
        gc.collect()
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    begun = cpu_seconds()
    compile_table(hosts)
    return table, cpu_seconds() - begun, held


def fresh(head: RequestHead) -> RequestHead:
    """Return a head of new bytes: hashes are remembered by the bytes, and a parser's have none yet."""
    headers = {name: _new(value) for name, value in head.headers.items()}
    query = None if head.query is None else _new(head.query)
    return RequestHead(_new(head.method), _new(head.authority), _new(head.path), query, headers, head.repeated)


def _new(data: bytes) -> bytes:
    return bytes(bytearray(data))


def measure(measured: Sequence[Measured], rounds: int, batches: int, seed: int) -> Iterator[int]:
    """Add a figure to each table in each round; yield how many rounds are done. One round before is not counted."""
    gc.collect()
    gc.freeze()  # as a worker does after it compiled
    try:
        for turn in range(-1, rounds):
            for index, each in enumerate(measured):
                random = Random(f"{seed}/{turn}/{index}")
                figure, reference = decisions(each.draw, batches, random), calibration.nanoseconds()
                if turn >= 0:
                    each.nanoseconds.append(figure)
                    each.reference.append(reference)
            yield turn + 1
    finally:
        gc.unfreeze()


def decisions(draw: Draw, batches: int, random: Random) -> float:
    """Return nanoseconds of processor time a decision. Raises AssertionError where a request finds no route."""
    spent = 0.0
    for _ in range(batches):
        work = [(table, head, random.getrandbits(64)) for table, head in draw(random, BATCH)]
        begun = cpu_seconds()
        for table, head, number in work:
            decision = decide(table, head, number)
        spent += cpu_seconds() - begun
        assert decision is not None
    return spent / (batches * BATCH) * 1e9


@dataclass(frozen=True, slots=True)
class Growth:
    """From the smallest table to the largest: how many times the routes, and how many times the time a decision takes.

    `exponent` is that of the power of the number of routes the time grows by: 0 for none, 1 where a list is searched.
    """

    routes: float
    time: float
    exponent: float


def growth(measured: Sequence[Measured]) -> Growth | None:
    """Return how the time of made-up tables grows; None with fewer than two sizes."""
    ordered = sorted((each for each in measured if each.nanoseconds and each.made_up), key=lambda each: each.routes)
    if len(ordered) < 2 or ordered[0].routes == ordered[-1].routes:
        return None
    small, large = ordered[0], ordered[-1]
    routes = large.routes / small.routes
    pairs = zip(large.nanoseconds, small.nanoseconds, strict=False)  # Ctrl-C may have come in between
    time = median(one / other for one, other in pairs)
    return Growth(routes, time, log(time) / log(routes))
