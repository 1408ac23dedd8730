"""`edgesim test` on 10,000 cases: `python -m bench.route_tests --help`.

What is timed is the whole command, from the start of its process to its end, as a CI job waits for it: Envoy's form as
YAML and as JSON, and edgesim's own, against a table of many routes written as manifests.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import report
from edgesim.bench.machine import PROXY_CORE, on_core

CASES, ROUTES = 10_000, 1_000
_UPSTREAM = """\
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: echo, namespace: gloo-system}
spec: {static: {hosts: [{addr: 127.0.0.1, port: 5678}]}}
"""
_VIRTUAL_SERVICE = """\
---
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: echo, namespace: gloo-system}
spec:
  virtualHost:
    domains: [echo.example]
    routes:
"""
_ROUTE = """\
    - matchers: [{{prefix: /service-{0}/}}]
      routeAction:
        multi:
          destinations:
          - {{weight: 90, destination: {{upstream: {{name: echo, namespace: gloo-system}}}}}}
          - {{weight: 10, destination: {{upstream: {{name: echo, namespace: gloo-system}}}}}}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One form: seconds of the whole command and of the processor, round by round."""

    form: str
    cases: int
    routes: int
    seconds: list[float]
    processor: list[float]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.route_tests", description="Measure `edgesim test`.")
    parser.add_argument("--rounds", type=int, default=7, help="how often each form is measured (default 7)")
    parser.add_argument("--output", type=Path, default=report.RESULTS, help="folder for route_tests.json and .md")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        rows = _measure(Path(folder), options.rounds)
    sections = [_METHOD, _table(rows)]
    print(sections[-1])
    report.write("route_tests", "Route tests", sections, [asdict(row) for row in rows], options.output)
    return 0


def _measure(folder: Path, rounds: int) -> list[Row]:
    manifests = folder / "manifests.yaml"
    manifests.write_text(_UPSTREAM + _VIRTUAL_SERVICE + "".join(map(_ROUTE.format, range(ROUTES))))
    files = {form: folder / name for form, name, _write in FORMS}
    for form, _name, write in FORMS:
        files[form].write_text(write())
    rows = [Row(form, CASES, ROUTES, [], []) for form in files]
    for _ in range(rounds):
        for row in rows:  # forms alternate, so that a slow moment of the machine does not fall on one of them
            seconds, processor = _run(files[row.form], manifests)
            row.seconds.append(seconds)
            row.processor.append(processor)
    return rows


def _run(tests: Path, manifests: Path) -> tuple[float, float]:
    """Return the seconds of one run and those of the processor. Raises AssertionError where not all cases passed."""
    command = on_core(PROXY_CORE, [sys.executable, "-m", "edgesim", "test", str(tests), str(manifests)])
    start, before = time.perf_counter(), _processor()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    assert f"{CASES} passed, 0 failed" in done.stdout, done.stdout + done.stderr
    return seconds, _processor() - before


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cases() -> dict[str, Any]:
    return {
        "tests": [
            {
                "test_name": f"case {number}",
                "input": {
                    "authority": "echo.example",
                    "path": f"/service-{number % ROUTES}/items?id={number}",
                    "method": "GET",
                    "random_value": number,
                    "additional_request_headers": [{"key": "stage", "value": "canary"}],
                },
                "validate": {"cluster_name": "echo_gloo-system", "virtual_host_name": "gloo-system_echo"},
            }
            for number in range(CASES)
        ]
    }


def _as_yaml() -> str:
    lines = ["tests:"]
    for case in _cases()["tests"]:
        given = case["input"]
        lines += [
            f"- test_name: {case['test_name']}",
            "  input:",
            f"    authority: {given['authority']}",
            f"    path: {given['path']}",
            "    method: GET",
            f"    random_value: {given['random_value']}",
            "    additional_request_headers:",
            "    - {key: stage, value: canary}",
            "  validate:",
            "    cluster_name: echo_gloo-system",
            "    virtual_host_name: gloo-system_echo",
        ]
    return "\n".join([*lines, ""])


def _short() -> str:
    paths = ", ".join(f"/service-{number}/items" for number in range(ROUTES))
    draws = ", ".join(map(str, range(CASES // ROUTES)))
    return (
        f"routes:\n- name: every service\n  request: {{host: echo.example, path: [{paths}], random: [{draws}]}}\n"
        "  expect: {upstream: echo, split: {echo: 100%}}\n"
    )


FORMS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("Envoy's, YAML", "envoy.test.yaml", _as_yaml),
    ("Envoy's, JSON", "envoy.test.json", lambda: json.dumps(_cases())),
    ("edgesim's, lists", "short.test.yaml", _short),
)
"""Each form with the name of its file, and what writes it."""

_METHOD = f"""\
`edgesim test` on {CASES:,} cases and {ROUTES:,} routes, on one core: seconds of the whole command, the start of Python, the
reading of tests and manifests and the translation included.
On a busy machine the processor's seconds are the ones to look at. Medians of alternating rounds with the lowest and highest."""


def _table(rows: Sequence[Row]) -> str:
    return report.table(["form", "cases", "routes", "seconds", "processor seconds"], [*map(_cells, rows)])


def _cells(row: Row) -> list[str]:
    return [row.form, f"{row.cases:,}", f"{row.routes:,}", report.spread(row.seconds), report.spread(row.processor)]


if __name__ == "__main__":
    sys.exit(main())
