"""The benchmark of the Kubernetes API measures what it says, and writes what it found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench import kube
from tests.kube.real import binaries


@pytest.mark.slow
def test_what_is_applied_is_served_and_watched(tmp_path: Path) -> None:
    """A small run applies and lists by kubectl, watches everything under load, and reads the memory."""
    binaries.kubectl()
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    assert kube.main(["--scale", "0.05", "--rounds", "1", "--seconds", "1", "--output", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "kube.json").read_text())["results"]
    assert [len(found[each]["50"]) for each in ("apply", "again", "listing")] == [1, 1, 1]
    assert [each["failed"] for each in (*found["calm"], *found["watched"])] == [0, 0]
    assert found["happenings"] > 0
    assert "| MiB it adds " in (tmp_path / "kube.md").read_text()
