from __future__ import annotations

import json
from pathlib import Path

from bench import report


def test_spread_is_median_lowest_highest() -> None:
    """A spread names the median, then the lowest and highest; a single value stands alone."""
    assert report.spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0 to 3.0)"
    assert report.spread([1.25]) == "1.25"


def test_table_is_padded() -> None:
    """A table's columns are as wide as their widest cell."""
    assert report.table(["a", "long"], [["wide", "1"]]) == "| a    | long |\n|------|------|\n| wide | 1    |"


def test_results_name_the_machine(tmp_path: Path) -> None:
    """Both files of a result carry the machine and the date, and the raw numbers survive."""
    report.write("x", "Title", ["text"], [{"rate": 1.5}], tmp_path)
    raw = json.loads((tmp_path / "x.json").read_text())
    assert raw["results"] == [{"rate": 1.5}]
    assert set(raw["machine"]) == {"cpu", "cores", "kernel", "python", "date"}
    text = (tmp_path / "x.md").read_text()
    assert text.startswith("# Title\n")
    assert raw["machine"]["date"] in text
