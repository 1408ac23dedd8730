"""`edgesim compare`, and verdicts as text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.analysis import Kind
from edgesim.cli.verdict_text import verdict_lines
from edgesim.load.formats_json import as_json
from edgesim.load.outcome import Outcome
from tests.load import samples
from tests.running import edgesim


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, weights in (("before", (95, 5)), ("after", (5, 95))):
        (folder / f"{name}.json").write_bytes(as_json(Outcome(samples.result(40, 100, weights=weights))))
    return folder


def test_a_run_that_is_worse_ends_with_1(runs: Path) -> None:
    """The verdicts stand one below the other, what to mind below them, and the exit code is 1."""
    done = edgesim("compare", runs / "before.json", runs / "after.json")
    assert done.code == 1, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("FAIL errors: After, ")
    assert lines[1].startswith("FAIL latency p50: After, p50 is ")
    assert lines[-1].startswith("Two runs differ by what else the machine did")


def test_machines_get_the_numbers(runs: Path) -> None:
    """JSON has the gravest word, each verdict's numbers, and the cautions."""
    done = edgesim("compare", runs / "before.json", runs / "before.json", "-o", "json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["verdict"] in {"PASS", "NEED-MORE-DATA"}
    assert found["verdicts"][1]["numbers"]["ratio"] == 1.0
    assert len(found["cautions"]) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.json", "before.json"], "ES1231"),
        (["before.json", "before.json", "--margin", "1"], "ES1230"),
        (["before.json", "before.json", "--confidence", "2"], "ES1230"),
    ],
)
def test_a_wrong_command_line_ends_with_2(runs: Path, words: list[str], said: str) -> None:
    """A file that is not there and an option that cannot be read are named, and end with 2."""
    done = edgesim("compare", *(str(runs / word) if word.endswith(".json") else word for word in words))
    assert done.code == 2
    assert said in done.err


def test_verdicts_as_text() -> None:
    """A split shows its arms with their intervals, then p-value, power and what is needed; notes stand below."""
    lines = [line for each in samples.verdicts() for line in verdict_lines(each)]
    assert lines == [
        "PASS split: 5,598 requests are split as 90/10: nothing speaks against it (p = 0.83).",
        "  v1: 5,038, 90.00%; 89.20% to 90.75% (99%); expected 90.00%",
        "  v2: 560, 10.00%; 9.25% to 10.80% (99%); expected 10.00%",
        "  p-value 0.83",
        "FAIL errors: v2 fails more often than v1: 4.1% of 560 against 0.0% of 5,038.",
        "NEED-MORE-DATA latency p50: Whether v2 is slower than v1 cannot be told yet.",
        "  Some 1,200 more are needed.",
    ]


def test_a_split_that_needs_more_says_how_many() -> None:
    """Power and what is needed stand beside the p-value where they are known."""
    split = replace(samples.verdicts()[0], kind=Kind.NEED_MORE_DATA, power=0.123, needed=1500, unit="users")
    assert "  p-value 0.83, power 0.123, 1,500 more users needed" in list(verdict_lines(split))
    assert len(list(verdict_lines(replace(split, p_value=None, power=None, needed=0)))) == 3
