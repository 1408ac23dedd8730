from __future__ import annotations

import json
from pathlib import Path

from bench import writes


def test_a_small_run_measures_both_ways(tmp_path: Path) -> None:
    """A few writes with each kind of state give the times of all parts."""
    assert writes.main(["--count", "20", "--output", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "writes.json").read_text())["results"]
    assert [(row["state"], len(row["parts"])) for row in rows] == [("temporary", 10), ("durable", 10)]
    assert "a change, ms" in (tmp_path / "writes.md").read_text()
