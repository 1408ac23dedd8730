"""`edgesim load` beside wrk, on the same nginx: `python -m bench.load --help`.

Each client has one process or thread on one core, nginx another. Rounds alternate. Where nginx is the slower of the two,
the rates are nginx's; what a client could do by itself is the processor time that it uses for a request.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench import report
from edgesim.bench.machine import CLIENT_CORE, PROXY_CORE, can_pin, on_core
from edgesim.bench.processes import free_port, get, running, wait
from edgesim.load import driver
from edgesim.load.results import LoadResult
from edgesim.load.scenario import By, Closed, Destination, Open, RequestClass, Scenario, Stage, Target
from edgesim.telemetry import slots

CONNECTIONS = 64
_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True)
class Round:
    """What one client measured once: requests a second, milliseconds, microseconds of processor time for a request."""

    rate: float
    p50: float
    p99: float
    microseconds: float
    failed: int


@dataclass(slots=True)
class Row:
    """A client, and its rounds."""

    client: str
    rounds: list[Round] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description="Measure edgesim load beside wrk.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each client is run (default 5)")
    parser.add_argument("--seconds", type=int, default=5, help="for how long each time (default 5)")
    parser.add_argument("--output", type=Path, default=report.RESULTS, help="folder for load.json and load.md")
    options = parser.parse_args(arguments)
    missing = [name for name in ("wrk", "nginx") if shutil.which(name) is None]
    if missing:
        print(f"bench/load: {' and '.join(missing)} not installed; nothing to measure with")
        return 0
    if can_pin():
        os.sched_setaffinity(0, {CLIENT_CORE})
    with tempfile.TemporaryDirectory() as name, _nginx(Path(name)) as port:
        rows = _measure(port, Path(name), options.rounds, options.seconds)
    print(_table(rows))
    raw = [asdict(row) for row in rows]
    report.write("load", "edgesim load beside wrk", [_METHOD, _table(rows)], raw, options.output)
    return 0


@contextlib.contextmanager
def _nginx(folder: Path) -> Iterator[int]:
    port, config, log = free_port(), folder / "nginx.conf", folder / "nginx.log"
    config.write_text(_CONFIG.format(folder=folder, port=port))
    with running([shutil.which("nginx") or "nginx", "-c", str(config)], PROXY_CORE, log) as process:
        wait(lambda: _answers(port), process, log)
        yield port


def _answers(port: int) -> bool:
    try:
        return get(port) == "version:v1\n"
    except OSError:
        return False


def _measure(port: int, folder: Path, rounds: int, seconds: int) -> list[Row]:
    closed, open_half = Row("edgesim, closed loop"), Row("edgesim, open loop at half of wrk's rate")
    wrk = Row("wrk")
    for number in range(rounds):
        # Every other round runs backwards, so that nobody always follows the same neighbour.
        for row in (wrk, closed) if number % 2 == 0 else (closed, wrk):
            row.rounds.append(_wrk(port, folder, seconds) if row is wrk else _closed(port, seconds))
        open_half.rounds.append(_open(port, seconds, wrk.rounds[-1].rate / 2))
        said = ", ".join(f"{row.client} {row.rounds[-1].rate:,.0f}/s" for row in (wrk, closed, open_half))
        print(f"round {number + 1} of {rounds}: {said}", flush=True)
    return [wrk, closed, open_half]


def _wrk(port: int, folder: Path, seconds: int) -> Round:
    paths = folder / "paths"
    paths.write_text("/\n")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(_SCRIPT), f"http://127.0.0.1:{port}/"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        on_core(CLIENT_CORE, [*command, "--", str(paths)]), capture_output=True, text=True, timeout=60, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    requests, microseconds, p50, p99, broken, timeouts, status = map(int, line.split()[1:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    failed = broken + timeouts + status
    return Round(requests / (microseconds / 1e6), p50 / 1e3, p99 / 1e3, cpu / requests * 1e6, failed)


def _closed(port: int, seconds: int) -> Round:
    return _ours(Scenario(_target(port), (RequestClass("GET /"),), Closed(CONNECTIONS, seconds), destination=_BY))


def _open(port: int, seconds: int, rate: float) -> Round:
    mode = Open((Stage(seconds, rate, rate),))
    return _ours(Scenario(_target(port), (RequestClass("GET /"),), mode, destination=_BY, connections=CONNECTIONS))


_BY = Destination(By.BODY, r"version:(\S+)")


def _target(port: int) -> Target:
    return Target("http", "127.0.0.1", port, f"127.0.0.1:{port}")


def _ours(scenario: Scenario) -> Round:
    result: LoadResult = asyncio.run(driver.run(scenario))
    latency = slots.total(cell.latency for cell in result.cells if cell.status)
    p50, p99 = slots.percentiles(latency, [50, 99])
    whole = [each for each in result.timeline if each.asked]
    cpu = sum(each.busy for each in whole) / sum(each.done for each in whole) * 1e6
    failed = sum(cell.count for cell in result.cells if not 200 <= cell.status < 400) + result.client.unsent
    return Round(slots.count(latency) / result.seconds, p50 / 1e3, p99 / 1e3, cpu, failed)


_METHOD = f"""\
One process (edgesim) or thread (wrk) on one core, {CONNECTIONS} connections, nginx with one worker on the other core, which
answers `version:v1`; edgesim reads the version of each answer and keeps histograms by it. Medians over alternating rounds,
with the lowest and highest; the ratio to wrk is taken within each round. `us a request` is the client's processor time:
its inverse is what one core could drive if nginx were no limit. The open loop's latencies count from the intended time; at
half the rate nearly every answer and every send wakes its process by itself, which costs more for each than at full rate."""


def _table(rows: Sequence[Row]) -> str:
    wrk = rows[0]
    columns = ["client", "requests/s", "of wrk", "us a request", "a core could", "p50 ms", "p99 ms", "failed"]
    return report.table(columns, [_cells(row, wrk) for row in rows])


def _cells(row: Row, wrk: Row) -> list[str]:
    rates = [one.rate for one in row.rounds]
    ratios = [mine / theirs.rate for mine, theirs in zip(rates, wrk.rounds, strict=True)]
    return [
        row.client,
        f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})",
        report.spread(ratios),
        report.spread([one.microseconds for one in row.rounds]),
        f"{1e6 / median(one.microseconds for one in row.rounds):,.0f}/s",
        report.spread([one.p50 for one in row.rounds]),
        report.spread([one.p99 for one in row.rounds]),
        str(sum(one.failed for one in row.rounds)),
    ]


_CONFIG = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "version:v1\\n"; }} }}
}}
"""

if __name__ == "__main__":
    sys.exit(main())
