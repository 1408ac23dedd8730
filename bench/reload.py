"""What a change of one RouteTable among 20,000 costs, and whom it harms: `python -m bench.reload --help`.

The real command serves 5,000 VirtualServices and 20,000 RouteTables, in the two layouts of `bench.config`. One table after
the other is sent to another upstream, by `apply` or by saving a file of its own, and asked for until it is served. Windows
of constant load (wrk, 64 connections) with such changes and without take turns. The worker has core 0 to itself; its
parent, the client, the backend and whoever makes the changes share core 1.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench import report
from bench.config import HOSTS, LAYOUTS, TABLES, documents, table
from bench.wrk import Load, Measurement, measure
from edgesim.bench.machine import CLIENT_CORE, PROXY_CORE, can_pin, cpu_seconds, pin_children
from edgesim.bench.peers import backend
from edgesim.bench.processes import Unavailable, get, running, wait
from edgesim.bench.scenario import Backends

OWN_FILES = 20
"""Tables with a file of their own."""
CHANGES = 20
"""Changes in a window."""
WAYS = ("apply", "file")
_CALM = "calm"
_CONNECTIONS = 64
_UPSTREAMS = 10
"""Upstreams that changed tables are sent to."""
_PATHS = 1000
"""Paths the load asks for, at most."""
_AFTERWARDS = 2.0
"""Seconds in which the parent is done with what it does after a change is served."""
_ANSWERS = 30.0
"""Seconds after which a change that is not served is an error."""


@dataclass(slots=True)
class Row:
    """One layout: seconds until it serves, seconds of each change at rest and under load, the windows of load."""

    layout: str
    load: float
    at_rest: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of processor time a change at rest takes the parent, and the worker."""
    under_load: dict[str, list[float]] = field(default_factory=dict)
    calm: list[Measurement] = field(default_factory=list)
    windows: dict[str, list[Measurement]] = field(default_factory=dict)
    load_average: float = 0.0
    """Of the machine before anything began: what else it did."""

    def ratios(self, way: str) -> list[float]:
        """Return p99 of each window with changes against the one without beside it."""
        return [with_changes.p99 / calm.p99 for with_changes, calm in zip(self.windows[way], self.calm, strict=True)]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running instance: ports on 127.0.0.1, the folder it follows, the seconds it took to serve."""

    pid: int
    proxy: int
    admin: int
    files: Path
    layout: str
    load: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both layouts, and write what was found."""
    options = _options(arguments)
    if shutil.which("wrk") is None:
        print("bench/reload: wrk is not installed; nothing to measure with")
        return 0
    rows = []
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        try:
            backends = stack.enter_context(backend(Path(name)))
        except Unavailable as missing:
            print(f"bench/reload: no backend: {missing}")
            return 0
        if can_pin():
            os.sched_setaffinity(0, {CLIENT_CORE})
        for number, layout in enumerate(LAYOUTS):
            folder = Path(name) / str(number)
            with gateway(layout, options.scale, backends, folder) as served:
                rows.append(_measured(served, options, folder))
                rows[-1].load_average = before
            print(_section(rows[-1:]), flush=True)
    report.write(
        "reload",
        "Reloading",
        [_METHOD + _others(before), _section(rows)],
        [asdict(row) for row in rows],
        options.output,
    )
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.reload", description="Change one table among many.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the configuration (default 1: 25,000 resources)")
    parser.add_argument("--rounds", type=int, default=5, help="windows of each sort (default 5)")
    parser.add_argument("--seconds", type=int, default=10, help="length of a window (default 10)")
    parser.add_argument("--output", type=Path, default=report.RESULTS, help="folder for reload.json and reload.md")
    return parser.parse_args(arguments)


@contextlib.contextmanager
def gateway(layout: str, scale: float, backends: Backends, folder: Path) -> Iterator[Gateway]:
    """Serve a layout. Raises Unavailable if it does not start."""
    files, log = folder / "manifests", folder / "up.log"
    files.mkdir(parents=True)
    _write_documents(files, layout, scale, backends)
    # Of its own state, so that nothing is found of a run before, and nothing left in the home folder.
    state = f"XDG_STATE_HOME={folder / 'state'}"
    up = ["env", state, sys.executable, "-m", "edgesim", "up", str(files), "--port", "0", "--admin-port", "0"]
    begin = time.perf_counter()
    with running(up, CLIENT_CORE, log) as process:
        wait(lambda: len(_ports(log)) > 1, process, log)
        loaded = time.perf_counter() - begin
        proxy, admin = _ports(log)
        pin_children(process.pid, PROXY_CORE)
        yield Gateway(process.pid, proxy, admin, files, layout, loaded)


def _ports(log: Path) -> list[int]:
    return [
        int(port) for port in re.findall(r"^(?:proxy|admin)\s+http://[^\s:]+:(\d+)$", log.read_text(), re.MULTILINE)
    ]


def _write_documents(files: Path, layout: str, scale: float, backends: Backends) -> None:
    """Write one file for all, but for the tables that have their own."""
    own = {f"\n  name: {name}\n": name for name in map(_name, range(OWN_FILES))}
    with (files / "all.yaml").open("w") as common:
        for text in documents(layout, scale, (backends.v1, backends.v2)):
            found = next((own[line] for line in own if "kind: RouteTable" in text and line in text), None)
            if found is None:
                common.write(f"---\n{text}")
            else:
                (files / f"{found}.yaml").write_text(text)


def _name(number: int) -> str:
    return f"t{number}"


def _host(layout: str, number: int) -> str:
    """Return the virtual host that takes a table in."""
    return "h0" if layout == LAYOUTS[1] else f"h{number}"


def _measured(served: Gateway, options: argparse.Namespace, folder: Path) -> Row:
    row = Row(served.layout, served.load)
    load = _load(served, options.scale, folder)
    targets = itertools.count()
    _changes(served, "apply", next(targets), 0.0)  # from here on each change changes something
    for way in WAYS:
        _rest(served, way, next(targets), row)
    measure(served.proxy, load, 2)
    for number in range(options.rounds):
        # Every other round runs backwards, so that nobody always follows the same neighbour.
        for way in (_CALM, *WAYS) if number % 2 == 0 else (*reversed(WAYS), _CALM):
            if way == _CALM:
                row.calm.append(measure(served.proxy, load, options.seconds))
            else:
                _window(served, way, next(targets), row, load, options.seconds)
        print(f"  round {number + 1} of {options.rounds}: p99 {_p99s(row)}", flush=True)
    return row


def _rest(served: Gateway, way: str, to: int, row: Row) -> None:
    """Measure changes while nothing else happens."""
    time.sleep(_AFTERWARDS)
    before = cpu_seconds(served.pid)
    row.at_rest[way] = _changes(served, way, to, 0.0)
    time.sleep(_AFTERWARDS)  # what is taken down of a change after it is served is part of its cost
    row.cpu[way] = [(b - a) / CHANGES for a, b in zip(before, cpu_seconds(served.pid), strict=True)]


def _window(served: Gateway, way: str, to: int, row: Row, load: Load, seconds: int) -> None:
    """Measure changes, one after the other, under load; a second at either end is for the client to start and end."""
    with ThreadPoolExecutor(1) as pool:
        window = pool.submit(measure, served.proxy, load, seconds)
        row.under_load.setdefault(way, []).extend(_changes(served, way, to, (seconds - 2) / CHANGES))
        row.windows.setdefault(way, []).append(window.result())


def _load(served: Gateway, scale: float, folder: Path) -> Load:
    """Return what asks for tables of the virtual host h0, all over it."""
    hosts, tables = round(scale * HOSTS), round(scale * TABLES)
    numbers = range(tables) if served.layout == LAYOUTS[1] else range(0, tables, hosts)
    paths = folder / "paths"
    paths.write_text("".join(f"/{_name(number)}\n" for number in numbers[:: max(1, len(numbers) // _PATHS)]))
    return Load(_CONNECTIONS, ("Host: h0.example",), paths)


def _changes(served: Gateway, way: str, to: int, pause: float) -> list[float]:
    """Send each table with a file of its own to another upstream; return the seconds until each was served.

    Upstreams lead to one version and the other in turn.
    """
    make = {"apply": _apply, "file": _save}[way]
    took = []
    for number in range(CHANGES):
        begin = time.perf_counter()
        make(served, number, table(_name(number), f"h{number}", f"echo-{to % _UPSTREAMS}"))
        _until_served(served, number, f"version:v{to % 2 + 1}\n")
        took.append(time.perf_counter() - begin)
        time.sleep(max(0.0, pause - took[-1]))
    return took


def _apply(served: Gateway, _number: int, text: str) -> None:
    """Do what `edgesim apply` does, without its start."""
    connection = http.client.HTTPConnection("127.0.0.1", served.admin, timeout=_ANSWERS)
    connection.request("POST", "/edgesim/v1/apply", text, {"content-type": "application/yaml"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()


def _save(served: Gateway, number: int, text: str) -> None:
    """Replace a file, as editors do."""
    file = served.files / f"{_name(number)}.yaml"
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


def _until_served(served: Gateway, number: int, wanted: str) -> None:
    end = time.perf_counter() + _ANSWERS
    host = {"Host": f"{_host(served.layout, number)}.example"}
    while (found := get(served.proxy, f"/{_name(number)}", host)) != wanted:
        assert time.perf_counter() < end, f"{_name(number)} answers {found!r} and not {wanted!r}"
        time.sleep(0.002)


def _p99s(row: Row) -> str:
    windows = [(_CALM, row.calm), *row.windows.items()]
    return ", ".join(f"{name} {rounds[-1].p99:.2f} ms ({rounds[-1].rate:,.0f}/s)" for name, rounds in windows)


_METHOD = f"""\
{HOSTS:,} VirtualServices and {TABLES:,} RouteTables are served by one worker on a core of its own; its parent, the client (wrk,
{_CONNECTIONS} connections), the backend (nginx) and who makes the changes share the other (`bench/reload.py`). Seconds from the start of
the command until it serves, on one core; milliseconds from the moment a changed table is sent to the admin API, or its file
saved, until a request is answered by it: median, lowest and highest of {CHANGES} changes at rest, and of all under load; processor time of a change at rest; p99 in
windows with {CHANGES} changes against the window without beside it."""


def _others(load_average: float) -> str:
    return f" The machine's load average before it began was {load_average:.1f}."


def _section(rows: Sequence[Row]) -> str:
    columns = (
        "layout",
        "serves after (s)",
        "changed by",
        "served after (ms), at rest",
        "of CPU, parent + worker",
        "under load",
        "requests/s",
        "p99 (ms)",
        "without changes",
        "ratio",
        "failed",
    )
    return report.table(columns, [_cells(row, way) for row in rows for way in WAYS])


def _cells(row: Row, way: str) -> list[str]:
    windows = row.windows[way]
    return [
        row.layout,
        f"{row.load:.1f}",
        way,
        report.spread([1000 * each for each in row.at_rest[way]], 0),
        " + ".join(f"{1000 * each:.0f}" for each in row.cpu[way]),
        report.spread([1000 * each for each in row.under_load[way]], 0),
        f"{median(each.rate for each in windows):,.0f}",
        report.spread([each.p99 for each in windows]),
        report.spread([each.p99 for each in row.calm]),
        report.spread(row.ratios(way)),
        str(sum(each.failed for each in (*windows, *row.calm))),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
