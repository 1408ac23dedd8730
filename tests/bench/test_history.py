"""The history of ratios, and that none of them is far above what it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench import history
from bench.history import Point
from tests.running import ROOT


def test_nothing_costs_far_more_than_it_did() -> None:
    """Decisions, exchanges and memory a route, relative to plain Python beside them, are within the bound of the history."""
    # A process of its own: what traces this one's lines (coverage) must not count as cost.
    done = subprocess.run(
        [sys.executable, "-m", "bench.history"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:  # whatever else the machine did then
        done = subprocess.run(
            [sys.executable, "-m", "bench.history"], cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "decision, 1,000 routes" in done.stdout


def test_the_history_is_of_a_python_that_is_supported() -> None:
    """There is a line to compare with, and every line is of Python 3.11 or newer."""
    versions = {tuple(map(int, point.python.split("."))) for point in history.read()}
    assert versions
    assert min(versions) >= (3, 11)


def test_a_ratio_above_the_bound_is_told(tmp_path: Path) -> None:
    """Ratios are compared with the median of their own Python version; one twice that is named, a new one is not."""
    file = tmp_path / "history.jsonl"
    for commit, value in (("a", 4.0), ("b", 5.0), ("c", 9.0)):
        history.add(Point("2026-11-29", commit, "3.11", {"decision": value}), file)
    history.add(Point("2026-11-29", "a", "3.13", {"decision": 1.0}), file)
    usual = history.usual(history.read(file), "3.11")
    assert usual == {"decision": 5.0}
    assert history.regressions({"decision": 7.9, "new": 99.0}, usual) == []
    (said,) = history.regressions({"decision": 8.1}, usual)
    assert said.startswith("decision: 8.1, over 1.6 times the usual 5")


def test_a_commit_has_one_line_and_the_oldest_go(tmp_path: Path) -> None:
    """What is measured again replaces its line, and a hundred lines are kept."""
    file = tmp_path / "history.jsonl"
    for number in [*range(105), 104]:
        history.add(Point("2026-11-29", str(number), "3.11", {"decision": float(number)}), file)
    points = history.read(file)
    assert [point.commit for point in points] == [str(number) for number in range(5, 105)]
