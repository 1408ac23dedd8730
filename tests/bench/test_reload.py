"""The benchmark of reloads measures what it says, and writes what it found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench import reload
from bench.config import LAYOUTS


@pytest.mark.slow
def test_every_change_is_served_and_no_request_fails(tmp_path: Path) -> None:
    """A small run of both layouts changes every table in both ways, at rest and under load."""
    if shutil.which("wrk") is None or shutil.which("nginx", path="/usr/bin:/usr/sbin:/usr/local/sbin") is None:
        pytest.skip("wrk or nginx is not installed")
    assert reload.main(["--scale", "0.01", "--rounds", "1", "--seconds", "4", "--output", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "reload.json").read_text())["results"]
    assert [row["layout"] for row in rows] == list(LAYOUTS)
    for row in rows:
        assert all(len(row[when][way]) == reload.CHANGES for when in ("at_rest", "under_load") for way in reload.WAYS)
        windows = [*row["calm"], *(one for way in reload.WAYS for one in row["windows"][way])]
        assert [one["failed"] for one in windows] == [0, 0, 0]
    assert "| one selects all " in (tmp_path / "reload.md").read_text()
