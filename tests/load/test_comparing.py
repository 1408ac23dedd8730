from __future__ import annotations

import re
from dataclasses import replace

import pytest

from edgesim.analysis import Kind
from edgesim.load.comparing import Allowed, cautions, compare_runs
from edgesim.load.results import LoadResult, Machine
from tests.load import samples

ALLOWED = Allowed(0.01, 0.1, 0.95)
TURNS = "Two runs differ by what else the machine did"


@pytest.fixture(scope="module")
def run() -> LoadResult:
    return samples.result(40, 100, weights=(95, 5))


def test_a_run_is_not_worse_than_itself(run: LoadResult) -> None:
    """The same run again is not worse, and what remains open needs longer runs."""
    verdicts = compare_runs(run, run, ALLOWED)
    assert [each.name for each in verdicts] == ["errors", "latency p50", "latency p99"]
    assert verdicts[0].kind is verdicts[1].kind is Kind.PASS
    assert all(each.kind is not Kind.FAIL for each in verdicts)
    assert verdicts[1].numbers["low"] < 1 < verdicts[1].numbers["high"]


def test_a_slow_version_that_fails_is_worse(run: LoadResult) -> None:
    """A run with twenty times the requests to a slow, failing version is worse in errors and median."""
    errors, median, _tail = compare_runs(run, samples.result(40, 100, weights=(5, 95)), ALLOWED)
    assert errors.kind is median.kind is Kind.FAIL
    assert "beyond the margin of 1 point" in errors.sentence
    assert "slower, beyond the margin of 10%" in median.sentence


def test_a_better_version_is_said_to_be_better(run: LoadResult) -> None:
    """Where all of an interval is on the good side its bound is a least, not a most."""
    errors, median, _tail = compare_runs(samples.result(40, 100, weights=(5, 95)), run, ALLOWED)
    assert errors.kind is median.kind is Kind.PASS
    assert re.search(r"at least \S+ points fewer, within", errors.sentence)
    assert re.search(r"at least \S+ faster, within", median.sentence)


def test_short_runs_say_little(run: LoadResult) -> None:
    """Runs of a few seconds need more, and a run without answers cannot be compared."""
    short = samples.result(5, 100)
    assert all(each.kind is Kind.NEED_MORE_DATA for each in compare_runs(short, short, ALLOWED)[1:])
    nothing = replace(run, cells=(), timeline=())
    for before, after, which in ((run, nothing, "after"), (nothing, run, "before")):
        errors, median, _tail = compare_runs(before, after, ALLOWED)
        assert errors.kind is median.kind is Kind.NEED_MORE_DATA
        assert median.sentence.startswith(f"The run {which} has no answer")


def test_cautions(run: LoadResult) -> None:
    """What may have made the difference is told: the machine, what was sent, the client, an end before its time."""
    (only,) = cautions(run, run)
    assert only.startswith(TURNS)
    seeded = replace(run, scenario=replace(run.scenario, seed=99, target=replace(run.scenario.target, port=1)))
    assert len(list(cautions(run, seeded))) == 1
    elsewhere = replace(samples.limited(), machine=Machine("Other", "cpu", 1, "3.13"), stopped="p99>1ms")
    said = "\n".join(cautions(run, elsewhere))
    for part in (
        "different machines",
        "differ in what was sent: rate, arrivals or duration",
        "In the run after the client",
        "ended early: p99>1ms",
    ):
        assert part in said
    assert any("less than 10 seconds" in each for each in cautions(run, samples.result(5, 100)))
