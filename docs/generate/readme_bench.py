"""Fill the README's benchmark section from bench/results/."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench import report
from docs.generate.pages import ROOT, run

README = ROOT / "README.md"
RESULTS = report.RESULTS
_SECTION = re.compile(r"(<!-- bench: [^\n]* -->\n).*?(<!-- /bench -->)", re.DOTALL)
_NONE = """\
No results are kept here yet. `make bench` (a quarter of an hour; wrk and nginx are needed, Envoy comes
with `make install`, HAProxy is welcome) measures edgesim, Envoy, nginx and HAProxy in alternating rounds on the same
core, writes `bench/results/`, and fills this section.
"""
Results = Mapping[str, Any]


def filled(text: str, proxy: Results | None, routes: Results | None, reload: Results | None = None) -> str:
    """Return the README with its section made of the results there are."""
    makers = ((proxy, _proxy), (routes, _routes), (reload, _reload))
    parts = [make(found) for found, make in makers if found is not None]
    section = "\n".join(parts) or _NONE
    return _SECTION.sub(lambda match: f"{match[1]}\n{section}\n{match[2]}", text)


def _read(file: Path) -> Results | None:
    return json.loads(file.read_text()) if file.exists() else None


def _machine(results: Results) -> str:
    machine = results["machine"]
    return f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, Python {machine['python']}"


def _proxy(results: Results) -> str:
    outcomes = results["results"]
    peers = [name for name in ("envoy", "nginx", "haproxy") if any(name in _rounds(each) for each in outcomes)]
    columns = ["one worker on one core", "requests/s", *(f"x {name}" for name in peers), "p99 ms", "Envoy's p99 ms"]
    rows = [[outcome["scenario"]["title"], *_cells(_rounds(outcome), peers)] for outcome in outcomes]
    versions = ", ".join(f"{name} {version}" for name, version in _versions(outcomes).items() if name in peers)
    return (
        f"Medians and ratios of alternating rounds beside {versions or 'nobody'}, every proxy with one worker on a core of "
        f"its own ({_machine(results)}). [bench/results/proxy.md](bench/results/proxy.md) has the spread, p50, and the "
        f"client's limit.\n\n{report.table(columns, rows)}\n"
    )


def _rounds(outcome: Results) -> dict[str, list[Results]]:
    return {row["peer"]["name"]: row["rounds"] for row in outcome["rows"]}


def _versions(outcomes: Sequence[Results]) -> dict[str, str]:
    return {row["peer"]["name"]: row["peer"]["version"] for outcome in outcomes for row in outcome["rows"]}


def _cells(rounds: Mapping[str, list[Results]], peers: Sequence[str]) -> list[str]:
    mine = rounds["edgesim"]
    return [
        f"{median(one['rate'] for one in mine):,.0f}",
        *(_ratio(mine, rounds.get(name, [])) for name in peers),
        _p99(mine),
        _p99(rounds.get("envoy", [])),
    ]


def _ratio(mine: Sequence[Results], theirs: Sequence[Results]) -> str:
    return f"{median(a['rate'] / b['rate'] for a, b in zip(mine, theirs, strict=True)):.2f}" if theirs else ""


def _p99(rounds: Sequence[Results]) -> str:
    return f"{median(one['p99'] for one in rounds):.2f}" if rounds else ""


def _routes(results: Results) -> str:
    kinds: dict[str, dict[int, float]] = {}
    for row in results["results"]:
        kinds.setdefault(row["kind"], {})[row["size"]] = 1e9 / median(row["nanoseconds"]["busy"])
    sizes = sorted({size for rates in kinds.values() for size in rates})
    columns = ["route decisions a second, by what routes differ in", *(f"{size:,} routes" for size in sizes)]
    rows = [
        [kind, *(f"{rates[size]:,.0f}" if size in rates else "" for size in sizes)] for kind, rates in kinds.items()
    ]
    return (
        f"Deciding alone, on one core ({_machine(results)}); [bench/results/routes.md](bench/results/routes.md) has the "
        f"spread, the time to compile, and the memory.\n\n{report.table(columns, rows)}\n"
    )


def _reload(results: Results) -> str:
    columns = [
        "5,000 VirtualServices, 20,000 RouteTables",
        "serves after (s)",
        "one table changed by",
        "served after (ms): median, most",
        "p99 (ms)",
        "x p99 without",
    ]
    rows = [
        [row["layout"], f"{row['load']:.1f}", way, *_changed(row, way)]
        for row in results["results"]
        for way in row["windows"]
    ]
    busy = max(row["load_average"] for row in results["results"])
    others = f", beside other work: load average {busy:.1f}" if busy > 1 else ""
    return (
        f"Changing one table among many under load ({_machine(results)}{others}); [bench/results/reload.md](bench/results/reload.md) "
        f"has the spread, and what a change takes at rest.\n\n{report.table(columns, rows)}\n"
    )


def _changed(row: Results, way: str) -> list[str]:
    took, windows = row["under_load"][way], row["windows"][way]
    ratio = median(one["p99"] / calm["p99"] for one, calm in zip(windows, row["calm"], strict=True))
    most = f"{1000 * median(took):.0f}, {1000 * max(took):.0f}"
    return [most, f"{median(one['p99'] for one in windows):.2f}", f"{ratio:.2f}"]


if __name__ == "__main__":
    sys.exit(
        run(
            {
                README: filled(
                    README.read_text(), *(_read(RESULTS / f"{name}.json") for name in ("proxy", "routes", "reload"))
                )
            }
        )
    )
