"""The four ways in which two teams share one gateway, each run for real."""

from __future__ import annotations

import pytest

from tests.running import ROOT, edgesim, running

TEAMS = ROOT / "configs" / "teams"
FOLDERS = sorted(path.name for path in TEAMS.iterdir() if path.is_dir())


def test_there_are_four() -> None:
    """A shared virtual service, a domain each, delegation, and self-service."""
    assert FOLDERS == ["delegation", "domain-each", "self-service", "shared-virtual-service"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_has_no_problem_and_no_note(folder: str) -> None:
    """Lint has nothing to say either."""
    checked = edgesim("check", "--strict", TEAMS / folder)
    assert (checked.code, checked.err) == (0, "")


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_serves_both_teams(folder: str) -> None:
    """Everyone gets version 1 of either application, and who asks for the canary gets version 2."""
    with running(TEAMS / folder) as gateway:
        for team in ("echo", "foxtrot"):
            host = {"Host": f"{team}.example.com"} if folder == "domain-each" else {}
            for headers, version in (({}, "v1"), ({"stage": "canary"}, "v2")):
                status, text = gateway.get(f"/{team}/x", {**host, **headers})
                assert (status, text.strip()) == (200, f"{team}:{version}")
        assert gateway.get("/golf", {"Host": "golf.example.com"})[0] == 404
