from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from edgesim.analysis import Kind, Verdict
from edgesim.load.expectations import Wanted, expectations
from edgesim.load.results import Cell, LoadResult, Second, SessionPattern
from edgesim.load.verdicts import judge, measured
from edgesim.telemetry import slots
from tests.load import samples

NOBODY = replace(samples.result(10, 5), sessions=(), cells=(), timeline=())


def judged(result: LoadResult, split: str = "", compare: str = "", tolerance: str = "") -> tuple[Verdict, ...]:
    return judge(result, expectations(Wanted(split, tolerance, compare)))


def split_of(counts: Mapping[str, int], sessions: Sequence[SessionPattern] = ()) -> LoadResult:
    """Return a run with so many answers by destination."""
    cells = tuple(Cell("get", 200, name, "", count) for name, count in counts.items())
    return replace(NOBODY, cells=cells, sessions=tuple(sessions))


def version(name: str, number: int, errors: int, scale: float = 1.0, seed: int = 1) -> tuple[Cell, ...]:
    """Return the answers of a version: log-normal latency around 5 ms."""
    rng = np.random.default_rng(seed)
    counted: dict[int, int] = {}
    for value in (5000 * scale * rng.lognormal(0, 0.3, number - errors)).astype(int):
        slot = slots.slot_of(int(value))
        counted[slot] = counted.get(slot, 0) + 1
    return Cell("get", 200, name, "", number - errors, 0, counted), Cell("get", 503, name, "", errors, 0, {100: errors})


def test_nothing_asked_nothing_judged() -> None:
    """Without expectations there is no verdict."""
    assert judged(samples.result()) == ()


def test_a_split_is_judged_by_requests() -> None:
    """Where there are no users requests are counted, and answers without a version are told of."""
    (verdict,) = judged(split_of({"v1": 9010, "v2": 990, "": 7}), "v1=90,v2=10")
    assert verdict.kind is Kind.PASS
    assert verdict.unit == "requests"
    assert verdict.sentences[1:] == ("7 answers told no version and are not counted.",)


def test_weight_0_in_a_run() -> None:
    """One answer of a destination of weight 0 fails the run."""
    (verdict,) = judged(split_of({"v1": 5000, "v2": 1}), "v1=100,v2=0")
    assert verdict.kind is Kind.FAIL


def test_answers_that_tell_nothing_fail() -> None:
    """Where no answer told its version the split is not right but unknown, and the run fails; without answers it is open."""
    (verdict,) = judged(split_of({"": 500}), "v1=90,v2=10")
    assert verdict.kind is Kind.FAIL
    assert verdict.sentence.startswith("None of 500 answers told its version")
    (nothing,) = judged(NOBODY, "v1=90,v2=10")
    assert nothing.kind is Kind.NEED_MORE_DATA


def test_sticky_traffic_is_judged_by_user() -> None:
    """Where users stay users are counted: what 40,000 requests would fail, 2,000 users of them do not."""
    users = [SessionPattern({"v1": 20}, 1760), SessionPattern({"v2": 20}, 239), SessionPattern({"v1": 1, "v2": 19}, 1)]
    counts = {"v1": 35_201, "v2": 4799}
    (verdict,) = judged(split_of(counts, users), "v1=88.8,v2=11.2")
    assert verdict.unit == "users"
    assert verdict.kind is not Kind.FAIL
    assert "2,000 users, 1 of whom saw more than one" in verdict.sentences[1]
    (by_request,) = judged(split_of(counts), "v1=88.8,v2=11.2")
    assert by_request.kind is Kind.FAIL


def test_users_who_stick_now_and_then() -> None:
    """Where users stick a little requests count for less, by the design effect."""
    rng = np.random.default_rng(2)
    lean = np.where(rng.random(3000) < 0.5, 0.05, 0.35)
    seen = [SessionPattern({"v1": 20 - int(n), "v2": int(n)}, 1) for n in rng.binomial(20, lean)]
    second = sum(each.answers["v2"] for each in seen)
    (verdict,) = judged(split_of({"v1": 60_000 - second, "v2": second}, seen), "v1=80,v2=20")
    assert verdict.unit == "independent requests"
    assert "design effect" in verdict.sentences[1]
    assert verdict.kind is Kind.PASS
    assert sum(arm.observed for arm in verdict.arms) < 40_000


def _over_seconds(counts: Sequence[tuple[int, int]]) -> LoadResult:
    timeline = tuple(Second(at, destinations={"v1": one, "v2": two}) for at, (one, two) in enumerate(counts))
    every = split_of({"v1": sum(one for one, _ in counts), "v2": sum(two for _, two in counts)})
    return replace(every, timeline=timeline, scenario=samples.scenario(len(counts)))


def test_a_chooser_that_takes_turns_is_named() -> None:
    """Counts of seconds that hardly vary are those of a chooser that takes turns, and the verdict says so."""
    (verdict,) = judged(_over_seconds([(90, 10)] * 30), "v1=90,v2=10")
    assert "takes turns" in verdict.sentences[1]


def test_seconds_of_warm_up_do_not_count() -> None:
    """The seconds that are measured lie between warm-up and cool-down."""
    result = samples.result(10)
    cooled = replace(result, scenario=replace(result.scenario, cool_down=3.0))
    assert [each.at for each in measured(result)] == list(range(2, 10))
    assert [each.at for each in measured(cooled)] == list(range(2, 7))


def test_a_version_that_is_as_good_passes() -> None:
    """Two versions that are alike pass all three questions, with their numbers."""
    cells = (*version("v1", 60_000, 60), *version("v2", 60_000, 60, 1.0, 2))
    errors, median, tail = judged(replace(NOBODY, cells=cells), compare="v1,v2")
    assert [each.kind for each in (errors, median, tail)] == [Kind.PASS] * 3
    assert (errors.name, median.name, tail.name) == ("errors", "latency p50", "latency p99")
    assert errors.numbers["low"] < 0 < errors.numbers["high"] < 0.01
    assert "within the margin of 1 point" in errors.sentence
    assert median.numbers["low"] < 1 < median.numbers["high"] < 1.1
    assert median.numbers["superiority"] == pytest.approx(0.5, abs=0.02)
    assert "Hodges-Lehmann" in median.sentences[1]


def test_a_version_that_fails_more_often_and_is_slower_fails() -> None:
    """5% errors and 40% more latency fail, each in a sentence with its size."""
    cells = (*version("v1", 20_000, 20), *version("v2", 4000, 200, 1.4, 2), Cell("get", 0, "", "timeout", 9))
    errors, median, tail = judged(replace(NOBODY, cells=cells), compare="v1,v2")
    assert [each.kind for each in (errors, median)] == [Kind.FAIL] * 2
    assert errors.sentence.startswith("v2 failed 5.00% (200 of 4,000), v1 0.10% (20 of 20,000): at least ")
    assert errors.sentence.endswith(" points more, beyond the margin of 1 point.")
    assert "9 requests got no answer" in errors.sentences[-1]
    assert "slower, beyond the margin of 10%" in median.sentence
    assert tail.numbers["margin"] == pytest.approx(0.25)


def test_a_version_that_is_better_passes() -> None:
    """A version with fewer errors that is faster passes, and the sentences say fewer and faster."""
    cells = (*version("v1", 20_000, 2000, 1.5), *version("v2", 20_000, 20, 1.0, 2))
    errors, median, _tail = judged(replace(NOBODY, cells=cells), compare="v1,v2")
    assert "points fewer, within" in errors.sentence
    assert "faster, within" in median.sentence


def test_too_few_requests_need_more() -> None:
    """With 60 requests nothing is said but how many more it takes."""
    cells = (*version("v1", 60, 0), *version("v2", 60, 0, 1.0, 2))
    for verdict in judged(replace(NOBODY, cells=cells), compare="v1,v2"):
        assert verdict.kind is Kind.NEED_MORE_DATA
        assert verdict.needed
        assert f"about {verdict.needed:,} more requests" in verdict.sentence


def test_a_version_that_is_not_there() -> None:
    """A version without an answer cannot be compared, whichever it is."""
    for name, cells in (("v2", version("v1", 60, 0)), ("v1", version("v2", 60, 0))):
        errors, median, _tail = judged(replace(NOBODY, cells=cells), compare="v1,v2")
        assert errors.kind is median.kind is Kind.NEED_MORE_DATA
        assert median.sentence == f"{name} gave no answer below 500, so that there is nothing to compare."


def test_errors_in_bursts_are_named() -> None:
    """Where the new version fails in bursts the verdict says that it is less sure, and by how much it varies."""
    bursts = [100 if at % 20 == 0 else 5 for at in range(60)]
    timeline = tuple(
        Second(
            at,
            destinations={"v1": 900, "v2": 300},
            by_destination={"v1": {100: 600, 500: 300}, "v2": {100: 200, 500: 100}},
            failed_by_destination={"v1": 30, "v2": failed},
        )
        for at, failed in enumerate(bursts)
    )
    cells = (*version("v1", 54_000, 1800), *version("v2", 18_000, sum(bursts), 1.0, 2))
    run = replace(NOBODY, cells=cells, timeline=timeline, scenario=samples.scenario(60))
    errors, median, tail = judged(run, compare="v1,v2")
    assert "comes in bursts" in errors.sentences[-1]
    assert errors.numbers["dispersion"] > 1.5
    assert all("dispersion" not in each.numbers for each in (median, tail))


def test_verdicts_are_json() -> None:
    """Verdicts of a run are written and read as JSON without loss."""
    found = judged(samples.result(), "v1=90,v2=10", "v1,v2")
    assert len(found) == 4
    assert msgspec.json.decode(msgspec.json.encode(found), type=tuple[Verdict, ...]) == found
