"""Ratios that tell a regression on any machine: `python -m bench.history --help`.

Each is the processor time of something divided by that of a fixed loop of plain Python, timed beside it in the same process,
the least of several rounds of both; or a count. `history.jsonl` has a line for each commit that was measured; now is compared
with the median of the lines of the same minor version of Python, since interpreters differ more than commits do.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import median

from bench import hotpath
from edgesim.bench import calibration
from edgesim.bench.machine import describe
from edgesim.bench.routing import Measured, decisions, synthetic
from edgesim.load.commit import commit

FILE = Path(__file__).with_name("history.jsonl")
BOUND = 1.6
"""How many times the median something may be. Busy machines stay below; what costs twice as much does not."""
_MOST = 100
"""Lines kept."""
_SIZES = (10, 1_000, 10_000)
_KINDS = ("repeated", "distinct")
_EXCHANGES = 1_500


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at one commit."""

    date: str
    commit: str
    python: str
    ratios: dict[str, float]


def measure(rounds: int = 7) -> Point:
    """Measure now."""
    tables = [synthetic("distinct", "busy", size) for size in _SIZES]
    ratios = {f"bytes a route, {each.routes:,} routes": round(each.bytes_per_route, 1) for each in tables[1:]}
    least: dict[str, float] = {}
    for turn in range(rounds):
        for name, nanoseconds in _round(tables, turn):
            least[name] = min(nanoseconds, least.get(name, nanoseconds))
    plain = least.pop("plain")
    ratios |= {name: round(nanoseconds / plain, 2) for name, nanoseconds in least.items()}
    return Point(describe()["date"], commit(), python(), ratios)


def _round(tables: Iterable[Measured], turn: int) -> Iterable[tuple[str, float]]:
    yield "plain", calibration.nanoseconds(40)
    for each in tables:
        yield f"decision, {each.routes:,} routes", decisions(each.draw, 20, Random(turn))
    for kind in _KINDS:
        scene, pairs = hotpath.Scene(), hotpath.traffic(kind, _EXCHANGES)
        hotpath.microseconds(scene.exchange, pairs[: _EXCHANGES // 3])
        yield f"exchange, {kind}", 1000 * hotpath.microseconds(scene.exchange, pairs)
    yield "plain", calibration.nanoseconds(40)


def python() -> str:
    """Return the version that ratios are compared within."""
    return ".".join(map(str, sys.version_info[:2]))


def read(file: Path = FILE) -> list[Point]:
    """Return the history, oldest first."""
    return [Point(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def usual(history: Sequence[Point], version: str) -> dict[str, float]:
    """Return the median of each ratio under a version of Python."""
    of = [point.ratios for point in history if point.python == version]
    names = {name for ratios in of for name in ratios}
    return {name: median(ratios[name] for ratios in of if name in ratios) for name in sorted(names)}


def regressions(now: Mapping[str, float], before: Mapping[str, float], bound: float = BOUND) -> list[str]:
    """Say what is more than so many times what it was."""
    return [
        f"{name}: {now[name]:g}, over {bound:g} times the usual {value:g}"
        for name, value in before.items()
        if name in now and now[name] > bound * value
    ]


def add(point: Point, file: Path = FILE) -> None:
    """Append a line, in the place of one of the same commit, version and date; the oldest go."""
    same = (point.commit, point.python, point.date)
    kept = [each for each in read(file) if (each.commit, each.python, each.date) != same]
    lines = [json.dumps(asdict(each)) for each in [*kept, point][-_MOST:]]
    file.write_text("\n".join(lines) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.history", description="Compare ratios with the history's.")
    parser.add_argument("--add", action="store_true", help="append what was measured to history.jsonl")
    parser.add_argument("--file", type=Path, default=FILE, help="the history (default bench/history.jsonl)")
    options = parser.parse_args(arguments)
    before = usual(read(options.file), python())
    now = measure()
    for name, value in now.ratios.items():
        usually = f", usually {before[name]:g}" if name in before else ""
        print(f"{name:28} {value:10,.2f}{usually}")
    worse = regressions(now.ratios, before)
    for line in worse:
        print(f"regression: {line}")
    if options.add:
        add(now, options.file)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
