"""The machine a benchmark ran on, and who may use which core of it."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from edgesim.telemetry.sources import today


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


_ALLOWED = _cores()
"""The cores this process may use, before it pins itself."""
PROXY_CORE = _ALLOWED[0]
CLIENT_CORE = _ALLOWED[1 % len(_ALLOWED)]
BACKEND_CORE = _ALLOWED[2] if len(_ALLOWED) > 2 else CLIENT_CORE
"""The client's, where there is no third."""


def describe() -> dict[str, str]:
    """Name what a reader needs to judge the numbers: processor, cores, kernel, Python and the date."""
    return {
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "date": today().strftime("%Y-%m-%d"),
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def can_pin() -> bool:
    """Pinning needs Linux and a core for each side."""
    return hasattr(os, "sched_setaffinity") and len(_ALLOWED) > 1


def on_core(core: int, command: list[str]) -> list[str]:
    """Return `command` so that it starts on `core`, where the system has `taskset`."""
    return ["taskset", "-c", str(core), *command] if can_pin() and shutil.which("taskset") else command


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this thread, and what it starts, on a core for the length of a block, where the system can do that."""
    if not can_pin():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin_children(parent: int, core: int) -> int:
    """Move every descendant of the process `parent` to `core`, threads too; return how many processes that were."""
    moved = 0
    for pid in _descendants(parent) if can_pin() else []:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})
        moved += 1
    return moved


def resident_bytes() -> int:
    """Return how much memory this process holds now; 0 where the system does not say."""
    file = Path("/proc/self/statm")
    return int(file.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if file.exists() else 0


def core_times(core: int) -> tuple[int, int] | None:
    """Return what `core` has done so far as (busy, all), in ticks; None where the system does not say."""
    if not can_pin():
        return None
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, idle, iowait, irq, softirq, *_ = map(int, line.split()[1:])
    busy = user + nice + system + irq + softirq
    return busy, busy + idle + iowait


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Return the processor time that a process has used, and that of all its descendants; 0 where nobody says."""
    if not Path("/proc/self/stat").exists():
        return 0.0, 0.0
    return _used(pid), sum(map(_used, _descendants(pid)))


def _used(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _descendants(parent: int) -> list[int]:
    children = [int(word) for task in _tasks(parent) for word in (task / "children").read_text().split()]
    return [pid for child in children for pid in (child, *_descendants(child))]


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())
