"""The benchmark measures what it says: the peers serve the same routes, and its report is written."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from bench import proxy
from edgesim.bench.machine import on_core
from edgesim.bench.peers import PEERS, USUAL, backend, check
from edgesim.bench.processes import Unavailable, get
from edgesim.bench.scenario import SCENARIOS, Scenario

CANARY = SCENARIOS[0]
ROUTES = Scenario("routes", "two routes", routes=2, distinct=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scenario"), [*((name, CANARY) for name in PEERS), ("edgesim", ROUTES), ("envoy", ROUTES)]
)
def test_peers_serve_the_same_routes(name: str, scenario: Scenario, tmp_path: Path) -> None:
    """Every peer serves both versions where the table splits, and only v2 to the canary."""
    with contextlib.ExitStack() as stack:
        try:
            backends = stack.enter_context(backend(tmp_path))
            peer = stack.enter_context(PEERS[name](scenario, backends, tmp_path))
        except Unavailable as reason:
            pytest.skip(str(reason))
        check(peer, scenario)
        assert get(backends.v1) == "version:v1\n"


@pytest.mark.slow
def test_report_holds_every_round(tmp_path: Path) -> None:
    """A run writes a measurement for each peer and round, with no failed request."""
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    arguments = ["--rounds", "2", "--seconds", "1", "--scenario", "canary", "--output", str(tmp_path)]
    assert proxy.main(arguments) == 0
    (outcome,) = json.loads((tmp_path / "proxy.json").read_text())["results"]
    assert [row["peer"]["name"] for row in outcome["rows"]] == list(USUAL)
    assert all(len(row["rounds"]) == 2 for row in outcome["rows"])
    assert all(one["failed"] == 0 for row in outcome["rows"] for one in row["rounds"])
    assert all(one["rate"] > 100 and one["p50"] <= one["p99"] for row in outcome["rows"] for one in row["rounds"])
    assert "| edgesim " in (tmp_path / "proxy.md").read_text()


def test_commands_stay_whole_where_pinning_is_not_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without taskset a command starts as it is."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert on_core(0, ["nginx"]) == ["nginx"]
