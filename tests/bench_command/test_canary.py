"""A walk's steps: what is expected of each, and how it is judged."""

from __future__ import annotations

from dataclasses import replace

from edgesim.analysis import Kind
from edgesim.bench.canary import Change, Expected, change_of, expected, joined, judged, outcome, series_of, telling
from edgesim.inspect import RouteReport
from edgesim.inspect.arms import Arm, Target
from edgesim.load.expectations import Comparison, Split
from edgesim.load.results import Cell, ClientSide, LoadResult, Second
from edgesim.load.scenario import By, Open, RequestClass, Scenario, Stage
from edgesim.load.scenario import Target as Server

PODS = frozenset(("echo-v1-6c9f8d7b5-abcde", "echo-v1-6c9f8d7b5-fghij", "echo-v2-5d4c3b2a1-klmno"))
SPLIT, VERSIONS = Split({}), Comparison("", "")
HALVES = Expected({"v1": 0.5, "v2": 0.5}, ("v1", "v2"))


def _arm(percent: float, *targets: Target, **more: str) -> Arm:
    return Arm("echo", "", percent, 1, "Upstream ns/echo", dict(more), endpoints=targets)


def test_shares_are_those_of_deployments() -> None:
    """Each pod of an arm gets as much as any other, and pods of one Deployment are one destination."""
    v1, more, v2 = (Target(pod, "127.1.0.1", 80) for pod in sorted(PODS))
    report = RouteReport("GET", "h", "/", destinations=(_arm(90, v1, more), _arm(10, v2)))
    assert expected(report, By.ROUTE, PODS) == Expected({"echo-v1": 0.9, "echo-v2": 0.1}, ("echo-v1", "echo-v2"))
    mixed = RouteReport("GET", "h", "/", destinations=(_arm(100, v1, v2),))
    assert expected(mixed, By.ROUTE, PODS) == Expected({"echo-v1": 0.5, "echo-v2": 0.5})


def test_a_change_has_not_lost_what_fails_anyway() -> None:
    """Answers of 500 are lost unless their version gives them while nothing changes; requests without an answer always."""
    during = _result({"v1": 50, "v2": 7}, 503)
    during = replace(during, cells=(*during.cells, Cell("GET /", 0, "", "reset", 2)))
    quiet, failing = _result({"v1": 900, "v2": 100}), _result({"v2": 10}, 500)
    assert change_of(during, [quiet, quiet]) == Change(57, 59)
    assert change_of(during, [quiet, failing]) == Change(57, 52)


def test_an_arm_without_weight_is_no_version() -> None:
    """With weight 0 there is nothing to compare, and the share is 0."""
    v1, v2 = (Target(pod, "127.1.0.1", 80) for pod in sorted(PODS)[1:])
    report = RouteReport("GET", "h", "/", destinations=(_arm(100, v1), _arm(0, v2)))
    assert expected(report, By.ROUTE, PODS) == Expected({"echo-v1": 1.0, "echo-v2": 0.0})


def test_shares_of_what_is_no_pod() -> None:
    """An address is named as answers name it, an arm without endpoints by its upstream, other answers by the subset."""
    static = RouteReport("GET", "h", "/", destinations=(_arm(100, Target("host.example", "10.0.0.1", 80)),))
    assert expected(static, By.ROUTE, PODS).shares == {"10.0.0.1:80": 1}
    bare = RouteReport("GET", "h", "/", destinations=(_arm(100),))
    assert expected(bare, By.ROUTE, PODS).shares == {"echo": 1}
    arms = (_arm(75, version="v1"), _arm(25, version="v2"))
    by_body = expected(RouteReport("GET", "h", "/", destinations=arms), By.BODY, PODS)
    assert by_body == Expected({"v1": 0.75, "v2": 0.25}, ("v1", "v2"))
    assert expected(RouteReport("GET", "h", "/"), By.ROUTE, PODS) == Expected({"": 1})


def _result(counts: dict[str, int], status: int = 200) -> LoadResult:
    cells = tuple(
        Cell("GET /", status, name, "", count, 0, {1000: count}, {1000: count}) for name, count in counts.items()
    )
    every = sum(counts.values())
    scenario = Scenario(Server("http", "h", 80, "h"), (RequestClass("GET /"),), Open((Stage(1, every, every),)))
    timeline = (Second(0, every, every, 0, every, destinations=counts, latency={1000: every}),)
    return LoadResult(
        scenario,
        "",
        1.0,
        every,
        every,
        ClientSide(1, 0.1, 0, 0, 0, (f"{len(counts) + 3} requests were late.",)),
        cells,
        timeline,
    )


def test_a_step_is_judged_by_its_own_shares() -> None:
    """A split as expected passes, a wrong one fails, and both versions are compared where both answer."""
    good = judged("a", _result({"v1": 5020, "v2": 4980}), HALVES, None, SPLIT, VERSIONS)
    assert [each.name for each in good.verdicts] == ["split", "errors", "latency p50", "latency p99"]
    assert good.verdicts[0].kind is Kind.PASS
    bad = judged("a", _result({"v1": 6000, "v2": 4000}), HALVES, None, SPLIT, VERSIONS)
    assert bad.kind is Kind.FAIL


def test_a_version_that_fails_is_worse() -> None:
    """Errors of the new version beyond the margin fail the step."""
    result = _result({"v1": 5000, "v2": 4500})
    failing = replace(result, cells=(*result.cells, *_result({"v2": 500}, 503).cells))
    found = judged("a", failing, HALVES, None, SPLIT, VERSIONS)
    assert found.failed == 500
    assert {each.name: each.kind for each in found.verdicts}["errors"] is Kind.FAIL


def test_a_request_lost_in_a_change_fails_the_step() -> None:
    """However right the split is; and answers of the gateway itself have no split to judge."""
    fine = _result({"": 1000})
    assert judged("a", fine, Expected({"": 1.0}), Change(2000, 0), SPLIT, VERSIONS).kind is Kind.PASS
    assert judged("a", fine, Expected({"": 1.0}), Change(2000, 1), SPLIT, VERSIONS).kind is Kind.FAIL


def test_a_walk_is_one_run_in_the_report() -> None:
    """Seconds are counted through, cells added up, and verdicts name their step; the comparison is that of the step that says most."""
    steps = [
        judged(
            "one",
            _result({"v1": 9000, "v2": 1000}),
            Expected({"v1": 0.9, "v2": 0.1}, ("v1", "v2")),
            None,
            SPLIT,
            VERSIONS,
        ),
        judged("two", _result({"v1": 5000, "v2": 5000}), HALVES, Change(2000, 0), SPLIT, VERSIONS),
    ]
    whole = joined(steps)
    assert [second.at for second in whole.timeline] == [0, 1]
    assert {cell.destination: cell.count for cell in whole.cells} == {"v1": 14_000, "v2": 6_000}
    assert whole.sent == 20_000
    assert whole.scenario.mode == Open((Stage(2, 10_000, 10_000),))
    assert whole.client.limits == ("5 requests were late.",)
    assert telling(steps) is steps[1]
    names = [each.name for each in outcome(steps).verdicts]
    assert names[:3] == ["one: split", "two: split", "two: errors"]
    assert "one: errors" not in names
    assert telling(steps[:0]) is None
    assert [each.name for each in series_of(steps)][:2] == ["one: p50 of each second", "one: p99 of each second"]
