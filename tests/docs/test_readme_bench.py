from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "generate" / "readme_bench.py"
EMPTY = "# t\n<!-- bench: filled -->\nold\n<!-- /bench -->\nafter\n"
MACHINE = {"date": "2026-11-24", "cpu": "a CPU", "cores": "2", "kernel": "Linux 6", "python": "3.11.7"}


def _row(name: str, *rates: float) -> dict[str, Any]:
    return {
        "peer": {"name": name, "version": "1.0"},
        "rounds": [{"rate": rate, "p50": 1.0, "p99": 2.5, "busy": None, "failed": 0} for rate in rates],
    }


PROXY = {
    "machine": MACHINE,
    "results": [
        {
            "scenario": {"title": "Canary table"},
            "ceiling": 9.0,
            "rows": [_row("edgesim", 300, 330), _row("envoy", 200, 220)],
        }
    ],
}
ROUTES = {
    "machine": MACHINE,
    "results": [
        {
            "kind": "host",
            "size": size,
            "nanoseconds": {"busy": [1000.0], "calm": [500.0]},
            "compile_seconds": 0.1,
            "bytes_per_route": 1.0,
        }
        for size in (10, 50_000)
    ],
}
RELOAD = {
    "machine": MACHINE,
    "results": [
        {
            "layout": "one selects all",
            "load": 7.04,
            "load_average": 2.5,
            "under_load": {"apply": [0.1, 0.2, 0.4]},
            "calm": [{"p99": 2.0}, {"p99": 4.0}],
            "windows": {"apply": [{"p99": 3.0}, {"p99": 7.0}]},
        }
    ],
}


@pytest.fixture
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_readme_bench", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_results_it_says_how_to_make_them(bench: ModuleType) -> None:
    """The section names the command that measures, and what is around it stays."""
    text = bench.filled(EMPTY, None, None)
    assert "make bench" in text
    assert "old" not in text
    assert text.startswith("# t\n<!-- bench: filled -->\n")
    assert text.endswith("<!-- /bench -->\nafter\n")


def test_results_become_tables(bench: ModuleType) -> None:
    """Ratios are medians within rounds, peers that did not run are left out, and the machine is named."""
    text = bench.filled(EMPTY, PROXY, ROUTES)
    cells = [line.strip("| ").split() for line in text.splitlines() if line.startswith("| Canary table")]
    assert cells == [["Canary", "table", "|", "315", "|", "1.50", "|", "2.50", "|", "2.50"]]
    assert "| x envoy |" in text
    assert "nginx" not in text
    assert "1,000,000" in text
    assert "50,000 routes" in text
    assert "2026-11-24, a CPU, 2 cores, Linux 6, Python 3.11.7" in text


def test_reloads_become_a_table(bench: ModuleType) -> None:
    """Changes give their median and the longest, windows their p99 and its median ratio to the one beside."""
    text = bench.filled(EMPTY, None, None, RELOAD)
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| one selects all")]
    assert [[each.strip() for each in row] for row in cells] == [
        ["one selects all", "7.0", "apply", "200, 400", "5.00", "1.62"]
    ]
    assert "Python 3.11.7, beside other work: load average 2.5)" in text
