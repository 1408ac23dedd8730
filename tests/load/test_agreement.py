"""Closed loops of wrk, h2load and edgesim on the same server measure the same."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edgesim.load import driver
from edgesim.telemetry import slots
from edgesim.telemetry.slots import Slots, slot_of
from tests.load.driving import closed
from tests.load.servers import Asked, ok, serving
from tests.running import DEADLINE, ROOT

CONNECTIONS, SECONDS = 10, 5
SHORT, LONG = 0.02, 0.08
NOISE = 10_000
"""Microseconds that a busy machine may add to a percentile."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("wrk") and shutil.which("h2load")), reason="wrk or h2load is not installed"),
]


@dataclass(frozen=True, slots=True)
class Measured:
    """Requests answered, and their latencies in microseconds at p50 and p99."""

    answered: int
    p50: int
    p99: int


def answer(asked: Asked) -> tuple[bytes, float]:
    """Take 20 ms, every tenth time 80 ms."""
    return ok(b"version:v1\n"), LONG if asked.number % 10 == 9 else SHORT


async def output(command: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert process.returncode == 0
    return out.decode()


async def by_wrk(port: int, paths: Path) -> Measured:
    script = str(ROOT / "bench" / "wrk.lua")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script, f"http://127.0.0.1:{port}/", "--"]
    found = await output([*command, str(paths)])
    words = next(line for line in found.splitlines() if line.startswith("RESULT ")).split()
    return Measured(int(words[1]), int(words[3]), int(words[4]))


async def by_h2load(port: int, log: Path, requests: int) -> Measured:
    command = ["h2load", "--h1", f"-c{CONNECTIONS}", f"-n{requests}", f"--log-file={log}"]
    await output([*command, f"http://127.0.0.1:{port}/"])
    return measured(logged(log))


def logged(log: Path) -> Slots:
    """Return the times of h2load's log, its third column."""
    times = [int(line.split("\t")[2]) for line in log.read_text().splitlines()]
    return slots.total({slot_of(each): 1} for each in times)


def measured(latency: Slots) -> Measured:
    return Measured(slots.count(latency), *slots.percentiles(latency, [50, 99]))


@pytest.fixture
def paths(tmp_path: Path) -> Path:
    made = tmp_path / "paths"
    made.write_text("/\n")
    return made


async def test_histograms_agree_with_wrk_and_h2load(tmp_path: Path, paths: Path) -> None:
    """On a server whose answers take 20 ms, and 80 ms every tenth time, all three find both, and as many answers in time."""
    async with serving(answer) as server:
        theirs = await by_wrk(server.port, paths)
        result = await driver.run(replace(closed(server.port, CONNECTIONS, SECONDS), connections=CONNECTIONS))
        ours = measured(slots.total(cell.latency for cell in result.cells))
        other = await by_h2load(server.port, tmp_path / "log", ours.answered)
    for each in (theirs, other):
        assert abs(each.p50 - ours.p50) <= NOISE
        assert abs(each.p99 - ours.p99) <= NOISE
    assert SHORT * 1e6 <= ours.p50 < LONG * 1e6 <= ours.p99
    assert other.answered == ours.answered
    assert 0.7 < ours.answered / theirs.answered < 1.4
