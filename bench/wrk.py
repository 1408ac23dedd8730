"""The client: wrk on one thread, and what it measured."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from edgesim.bench.machine import CLIENT_CORE, PROXY_CORE, core_times, on_core

_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run: requests a second, latencies in milliseconds, how many answers were lost or not 2xx or 3xx.

    `busy` is the share of the run the proxy's core was at work: well under 1, the client was the bottleneck.
    """

    rate: float
    p50: float
    p99: float
    failed: int
    busy: float | None


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk is asked to do; `paths` is a file with a path on each line, to be asked for in random order."""

    connections: int
    headers: tuple[str, ...]
    paths: Path


def measure(port: int, load: Load, seconds: int) -> Measurement:
    """Run wrk against 127.0.0.1:`port`. Raises RuntimeError when wrk fails or says nothing."""
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "5s", "-s", str(_SCRIPT)]
    for header in load.headers:
        command += ["-H", header]
    command += [f"http://127.0.0.1:{port}/", "--", str(load.paths)]
    before = core_times(PROXY_CORE)
    done = subprocess.run(
        on_core(CLIENT_CORE, command), capture_output=True, text=True, timeout=seconds + 30, check=False
    )
    after = core_times(PROXY_CORE)
    words = next((line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RESULT ")), [])
    if not words:
        raise RuntimeError(f"wrk measured nothing: {done.stdout}{done.stderr}")
    requests, microseconds, p50, p99, broken, timeouts, status = map(int, words)
    return Measurement(
        rate=requests / (microseconds / 1e6),
        p50=p50 / 1e3,
        p99=p99 / 1e3,
        failed=broken + timeouts + status,
        busy=(after[0] - before[0]) / (after[1] - before[1]) if before and after else None,
    )
