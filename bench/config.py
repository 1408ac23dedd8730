"""Seconds from text to model, and after one change: `python -m bench.config --help`.

5,000 VirtualServices and 20,000 RouteTables in two layouts: each VirtualService selects four tables by label, or one
selects all 20,000, so that only flattening them is left to do after a change. The last columns are what a change of one
RouteTable costs: decode and translate it with the memo, and assign endpoints.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import report
from edgesim.bench.machine import PROXY_CORE, can_pin, resident_bytes
from edgesim.config.files import decode_all
from edgesim.config.read import read_text
from edgesim.dialects import Memo, Resource, Translation, assign, translate

HOSTS = 5_000
TABLES = 20_000
UPSTREAMS = 1_000
LAYOUTS = ("four tables each", "one selects all")
_CHANGES = 20


@dataclass(slots=True)
class Row:
    """One layout: seconds of each step, of each round of one change, and mebibytes held at the end."""

    layout: str
    read: float = 0.0
    decode: float = 0.0
    translate: float = 0.0
    assign: float = 0.0
    changes: list[float] = field(default_factory=list)
    mebibytes: float = 0.0

    @property
    def load(self) -> float:
        """Return the seconds from text to endpoints."""
        return self.read + self.decode + self.translate + self.assign


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both layouts, and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.config", description="Measure loading and changing.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the configuration (default 1: 25,000 resources)")
    parser.add_argument("--output", type=Path, default=report.RESULTS, help="folder for config.json and config.md")
    options = parser.parse_args(arguments)
    rows = []
    # A process for each layout: what one leaves behind must not slow the other.
    context = multiprocessing.get_context("spawn")
    for layout in LAYOUTS:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            rows.append(pool.submit(_measure_pinned, layout, options.scale).result())
        print(_table(rows[-1:]), flush=True)
    report.write(
        "config", "Loading and changing", [_METHOD, _table(rows)], [asdict(row) for row in rows], options.output
    )
    return 0


def _measure_pinned(layout: str, scale: float) -> Row:
    if can_pin():
        os.sched_setaffinity(0, {PROXY_CORE})
    return measure(layout, scale)


def measure(layout: str, scale: float) -> Row:
    """Load one layout, then change one table after another."""
    text = "---\n".join(documents(layout, scale))
    row = Row(layout)
    memo = Memo()
    begin = time.perf_counter()
    read = read_text(text, "all.yaml")
    row.read, begin = _since(begin)
    decoded = decode_all(read.documents)
    resources = [each.resource for each in decoded if each.resource is not None]
    row.decode, begin = _since(begin)
    translation = translate(resources, memo=memo)
    row.translate, begin = _since(begin)
    assign(translation.model.clusters, resources, memo)
    row.assign, begin = _since(begin)
    assert not read.problems
    assert not translation.problems
    gc.collect()
    gc.freeze()  # as a served configuration is
    for number in range(_CHANGES):
        row.changes.append(_change(resources, number, memo, translation))
    row.mebibytes = resident_bytes() / 2**20
    return row


def _since(begin: float) -> tuple[float, float]:
    now = time.perf_counter()
    return now - begin, now


def _change(resources: list[Resource], number: int, memo: Memo, before: Translation) -> float:
    """Change one table, and return how long it takes until model and endpoints are there."""
    tables = [index for index, each in enumerate(resources) if each.kind.kind == "RouteTable"]
    index = tables[len(tables) * number // _CHANGES]
    text = table(resources[index].name, resources[index].typed.metadata.labels["host"], f"echo-{number % 10}")
    begin = time.perf_counter()
    (decoded,) = decode_all(read_text(text, "one.yaml").documents)
    assert decoded.resource is not None
    resources[index] = decoded.resource
    translation = translate(resources, memo=memo)
    assign(translation.model.clusters, resources, memo)
    took, _ = _since(begin)
    assert (
        sum(one is other for one, other in zip(_routes(before), _routes(translation), strict=True)) >= len(tables) - 40
    )
    return took


def _routes(translation: Translation) -> list[object]:
    return [route for host in translation.model.virtual_hosts for route in host.routes]


def documents(layout: str, scale: float = 1.0, ports: Sequence[int] = range(10_000, 11_000)) -> Iterator[str]:
    """Write every document of a layout; its upstreams are on these ports, in turn."""
    hosts, tables, upstreams = (max(1, round(scale * each)) for each in (HOSTS, TABLES, UPSTREAMS))
    for number in range(upstreams):
        yield _UPSTREAM.format(name=f"echo-{number}", port=ports[number % len(ports)])
    for number in range(hosts):
        selects_all = layout == LAYOUTS[1] and number == 0
        selector = "{namespaces: ['*']}" if selects_all else f"{{labels: {{host: h{number}}}}}"
        if layout == LAYOUTS[1] and number:
            action = f"routeAction: {{single: {{upstream: {{name: echo-{number % upstreams}}}}}}}"
        else:
            action = f"delegateAction: {{selector: {selector}}}"
        yield _HOST.format(number=number, action=action)
    for number in range(tables):
        yield table(f"t{number}", f"h{number % hosts}", f"echo-{number % upstreams}")


def table(name: str, host: str, upstream: str) -> str:
    """Write a RouteTable of one route."""
    return _TABLE.format(name=name, host=host, upstream=upstream)


_UPSTREAM = """\
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata:
  name: {name}
spec:
  static:
    hosts:
    - addr: 127.0.0.1
      port: {port}
"""
_HOST = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata:
  name: h{number}
spec:
  virtualHost:
    domains:
    - h{number}.example
    routes:
    - matchers:
      - prefix: /
      {action}
"""
_TABLE = """\
apiVersion: gateway.solo.io/v1
kind: RouteTable
metadata:
  name: {name}
  labels:
    host: {host}
spec:
  routes:
  - matchers:
    - prefix: /{name}
    routeAction:
      single:
        upstream:
          name: {upstream}
"""
_METHOD = f"""\
{HOSTS:,} VirtualServices, {TABLES:,} RouteTables and {UPSTREAMS:,} Upstreams in one YAML text, on one core (`bench/config.py`).
Seconds to read the text, to check it against the schemas, to translate it to the model and to assign endpoints; then
milliseconds from the text of one changed RouteTable to the new model (median, lowest and highest of {_CHANGES})."""


def _table(rows: Sequence[Row]) -> str:
    columns = ("layout", "read", "decode", "translate", "assign", "all", "one change (ms)", "memory (MiB)")
    cells = [
        (
            row.layout,
            *(f"{each:.2f}" for each in (row.read, row.decode, row.translate, row.assign, row.load)),
            report.spread([1000 * each for each in row.changes], 1),
            f"{row.mebibytes:.0f}",
        )
        for row in rows
    ]
    return report.table(columns, cells)


if __name__ == "__main__":
    raise SystemExit(main())
