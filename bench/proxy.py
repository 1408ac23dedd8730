"""Requests a second and latency of edgesim beside Envoy, nginx and HAProxy: `python -m bench.proxy --help`.

The proxy has core 0 to itself; the client (wrk), the backend (nginx) and edgesim's parent process share core 1. The
peers of a scenario all run, and are loaded in turn, round after round, so that what the machine does meanwhile hits
all of them alike. Ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench import report
from bench.wrk import Load, Measurement, measure
from edgesim.bench.machine import can_pin
from edgesim.bench.peers import PEERS, USUAL, Peer, backend, check
from edgesim.bench.processes import Unavailable
from edgesim.bench.scenario import SCENARIOS, Backends, Scenario

_WARM_UP_SECONDS = 2


@dataclass(slots=True)
class Row:
    """What one peer did in one scenario, a measurement a round."""

    peer: Peer
    rounds: list[Measurement] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario: the client's ceiling (requests a second with no proxy between) and a row a peer."""

    scenario: Scenario
    ceiling: float
    rows: list[Row]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if shutil.which("wrk") is None:
        print("bench/proxy: wrk is not installed; nothing to measure with")
        return 0
    if not can_pin():
        print("bench/proxy: this system cannot pin processes to cores; the numbers will be noisier")
    outcomes = []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        try:
            backends = stack.enter_context(backend(folder))
        except Unavailable as missing:
            print(f"bench/proxy: no backend: {missing}")
            return 0
        for scenario in SCENARIOS:
            if scenario.name in options.scenario:
                outcomes.append(_run(scenario, backends, folder, options))
                print(_section(outcomes[-1]), end="\n\n")
    raw = [asdict(outcome) for outcome in outcomes]
    title = "The proxy beside Envoy, nginx and HAProxy"
    report.write("proxy", title, [_METHOD, *map(_section, outcomes)], raw, options.output)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.proxy", description="Load edgesim and its peers in turn.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each peer is loaded (default 5)")
    parser.add_argument("--seconds", type=int, default=3, help="for how long each time (default 3)")
    parser.add_argument("--peer", action="append", choices=sorted(PEERS), help="only this one (may be repeated)")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--scenario", action="append", choices=names, help="only this one (may be repeated)")
    parser.add_argument("--output", type=Path, default=report.RESULTS, help="folder for proxy.json and proxy.md")
    options = parser.parse_args(arguments)
    options.peer = options.peer or list(PEERS)
    options.scenario = options.scenario or names
    return options


def _run(scenario: Scenario, backends: Backends, folder: Path, options: argparse.Namespace) -> Outcome:
    print(f"{scenario.title}: starting", flush=True)
    load = Load(scenario.connections, scenario.headers, _paths(scenario, folder))
    with contextlib.ExitStack() as stack:
        names = [name for name in scenario.peers or USUAL if name in options.peer]
        rows = [Row(peer) for peer in _start(scenario, backends, folder, names, stack)]
        ceiling = measure(backends.v1, load, options.seconds).rate
        for row in rows:
            measure(row.peer.port, load, _WARM_UP_SECONDS)
        for number in range(options.rounds):
            # Every other round runs backwards, so that nobody always follows the same neighbour.
            for row in rows if number % 2 == 0 else reversed(rows):
                row.rounds.append(measure(row.peer.port, load, options.seconds))
            print(f"  round {number + 1} of {options.rounds}: {_line(rows)}", flush=True)
    return Outcome(scenario, ceiling, rows)


def _start(
    scenario: Scenario, backends: Backends, folder: Path, names: Sequence[str], stack: contextlib.ExitStack
) -> list[Peer]:
    peers = []
    for name in names:
        try:
            peer = stack.enter_context(PEERS[name](scenario, backends, folder))
            check(peer, scenario)
        except Unavailable as reason:
            print(f"  {name}: left out: {reason}")
        else:
            peers.append(peer)
    return peers


def _paths(scenario: Scenario, folder: Path) -> Path:
    file = folder / f"{scenario.name}.paths"
    file.write_text("".join(f"{path}\n" for path in scenario.paths))
    return file


def _line(rows: list[Row]) -> str:
    return ", ".join(f"{row.peer.name} {row.rounds[-1].rate:,.0f}/s" for row in rows)


_METHOD = """\
One worker (or thread) each, alone on one core; the client (wrk) and the backend (nginx) share the other, unless there
is a third. Medians over alternating rounds, with the lowest and highest; the ratio (to Envoy, or to the first) is taken
within each round. `core busy` is the share of the time the proxy's core was at work (well under 100%, the client and the backend held it back), and
`limit` what those two reach without a proxy. Unless a scenario says otherwise the client sends one request again and
again, as wrk does; edgesim gains by that, since it parses a head it has seen only once. Where no two are alike, 50,000
different requests come in random order and every answer has a header of its own."""


def _section(outcome: Outcome) -> str:
    envoy = next((row for row in outcome.rows if row.peer.name == "envoy"), None)
    other = envoy or next(iter(outcome.rows), None)
    against = "against Envoy" if envoy else f"against {other.peer.name}" if other else ""
    columns = ["proxy", "requests/s", against, "p50 ms", "p99 ms", "core busy", "failed"]
    rows = [_cells(row, other) for row in outcome.rows]
    rows.append(["limit", f"{outcome.ceiling:,.0f}", "", "", "", "", ""])
    return "\n".join([f"## {outcome.scenario.title}\n", report.table(columns, rows)])


def _cells(row: Row, other: Row | None) -> list[str]:
    rates = [one.rate for one in row.rounds]
    ratios = [mine / theirs.rate for mine, theirs in zip(rates, other.rounds, strict=True)] if other else []
    return [
        f"{row.peer.name} {row.peer.version}",
        f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})",
        report.spread(ratios) if ratios else "",
        report.spread([one.p50 for one in row.rounds]),
        report.spread([one.p99 for one in row.rounds]),
        f"{median(one.busy for one in row.rounds if one.busy is not None):.0%}" if can_pin() else "",
        str(sum(one.failed for one in row.rounds)),
    ]


if __name__ == "__main__":
    sys.exit(main())
