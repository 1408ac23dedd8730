"""`edgesim test` as people and CI systems run it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from edgesim.config.route_tests import read_tests
from edgesim.model.codes import CODES
from edgesim.model.codes.route_tests import ROUTE_TESTS
from tests.running import CANARY, Gateway, canary, edgesim, running

STEP_5 = canary("echo", "upstream", "echo-v2", "vs-5")
TESTS = CANARY / "vs-5.test.yaml"
FAILING = """\
routes:
- name: all to v2
  request: {path: [/, /x]}
  expect: {subset: {version: v2}, upstream: ecoh}
- name: the canary
  request: {headers: {stage: canary}}
  expect: {subset: {version: v2}}
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running(*STEP_5) as started:
        yield started


def test_tests_that_pass_end_with_0_and_full_coverage() -> None:
    """Totals and coverage are printed, nothing else."""
    done = edgesim("test", TESTS, *STEP_5, "--fail-under", "100")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == ["8 passed, 0 failed", "2 of 2 matchers of routes reached (100%)"]


def test_a_failure_shows_both_sides_and_both_places(tmp_path: Path) -> None:
    """Each failed request has its test's line, what was expected and came, what was meant, and the route's line."""
    file = tmp_path / "routes.yaml"
    file.write_text(FAILING)
    done = edgesim("test", *STEP_5, file)
    assert done.code == 1
    lines = done.out.splitlines()
    vs_5 = CANARY / "vs-5.yaml"
    assert lines[:9] == [
        "FAILED all to v2: GET http://localhost:8080/",
        f"  {file}:2:3",
        "  upstream:",
        "    expected  ecoh",
        "    got       gloo-system/echo (did you mean `echo`?)",
        "  subset:",
        "    expected  version=v2",
        "    got       version=v1 for 50%",
        f"  taken by route 2 of gloo-system_echo: {vs_5}:25 (VirtualService gloo-system/echo)",
    ]
    assert lines[-2:] == ["1 passed, 2 failed", "2 of 2 matchers of routes reached (100%)"]


def test_coverage_below_the_limit_fails(tmp_path: Path) -> None:
    """Routes no test reached are named with their lines; --fail-under makes that a failure."""
    file = tmp_path / "routes.test.yaml"
    file.write_text("routes:\n- {name: one, expect: {split: {v1: 50%, v2: 50%}}}\n")
    done = edgesim("test", file, *STEP_5, "--fail-under", "80")
    assert done.code == 1
    assert "1 of 2 matchers of routes reached (50%)" in done.out
    assert (
        f"  not reached: {CANARY / 'vs-5.yaml'}:12: route 1 of gloo-system_echo (prefix /, header stage is" in done.out
    )
    assert "coverage of 50% is below --fail-under 80" in done.err
    assert edgesim("test", file, *STEP_5, "--fail-under", "50").code == 0


def test_what_cannot_be_read_is_a_problem_and_the_rest_is_run(tmp_path: Path) -> None:
    """A mistake in a tests file has its place, code and hint, ends with 1, and takes no other test away."""
    file = tmp_path / "routes.test.yaml"
    file.write_text(
        "routes:\n- {name: one, expect: {upstream: echo}}\n---\nroutes:\n- {name: two, expect: {upstrem: echo}}\n"
    )
    done = edgesim("test", file, *STEP_5)
    assert done.code == 1
    assert f"{file}:5:24: error ES0103" in done.err
    assert "did you mean `upstream`?" in done.err
    assert "1 passed, 0 failed, 1 not readable" in done.out


def test_json_has_everything(tmp_path: Path) -> None:
    """Totals, every failed request, coverage with every miss, problems with their places."""
    file = tmp_path / "routes.yaml"
    file.write_text(FAILING)
    report = json.loads(edgesim("test", file, *STEP_5, "-o", "json").out)
    assert (report["cases"], report["passed"], report["failed"]) == (3, 1, 2)
    first = report["failures"][0]
    assert (first["name"], first["line"], first["route"], first["origin"][0]["line"]) == ("all to v2", 2, 2, 25)
    assert {failed["name"] for failed in first["failed"]} == {"upstream", "subset"}
    assert report["coverage"]["percent"] == 100
    assert report["problems"] == []


def test_junit_is_what_ci_systems_read(tmp_path: Path) -> None:
    """A suite for each file, a case for each request, failures with their text, problems as errors; sums add up."""
    file, junit = tmp_path / "routes.yaml", tmp_path / "routes.xml"
    file.write_text(FAILING.replace("all to v2", '"all \\x01<&> v2"') + "- {name: none, expect: {}}\n")
    done = edgesim("test", file, TESTS, *STEP_5, "--junit", junit)
    assert done.code == 1
    root = ET.fromstring(junit.read_text())
    assert root.tag == "testsuites"
    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "12",
        "failures": "2",
        "errors": "1",
    }
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == [str(file), str(TESTS)]
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases)
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
        assert all(case.get("name") and case.get("classname") for case in cases)
    failure = suites[0].find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "upstream: expected ecoh, got gloo-system/echo"
    assert "vs-5.yaml:25" in (failure.text or "")
    assert suites[0].findall("testcase")[0].get("name", "").startswith("all \ufffd<&> v2 [GET ")
    names = [case.get("name") for case in suites[1].findall("testcase")]
    assert len(set(names)) == len(names)


def test_a_file_without_tests_passes_nothing(tmp_path: Path) -> None:
    """An empty file of route tests is an error at its first line, not a success."""
    file = tmp_path / "routes.test.yaml"
    file.write_text("# to be written\n")
    done = edgesim("test", file, *STEP_5)
    assert (done.code, done.err) == (1, f"{file}:1:1: error ES0800 there are no route tests: the file is empty\n")


def test_errors_of_manifests_are_in_the_junit_file(tmp_path: Path) -> None:
    """What makes the command fail makes the JUnit file fail, too."""
    manifest, written = tmp_path / "vs.yaml", tmp_path / "routes.xml"
    manifest.write_text("kind: [\n")
    assert edgesim("test", TESTS, *STEP_5, manifest, "--junit", written).code == 1
    root = ET.fromstring(written.read_text())
    assert (root.get("failures"), root.get("errors")) == ("0", "1")


def test_coverage_below_the_limit_is_in_the_junit_file(tmp_path: Path) -> None:
    """With --fail-under coverage is a case of the JUnit file, which fails where the command does."""
    file, written = tmp_path / "routes.test.yaml", tmp_path / "routes.xml"
    file.write_text("routes:\n- {name: one, expect: {split: {v1: 50%, v2: 50%}}}\n")
    found = []
    for limit in ("80", "50"):
        edgesim("test", file, *STEP_5, "--fail-under", limit, "--junit", written)
        root = ET.fromstring(written.read_text())
        said = root.find("testsuite[@name='coverage']/testcase/failure")
        found.append((root.get("tests"), root.get("failures"), None if said is None else said.get("message")))
    assert found == [("2", "1", "coverage of 50% is below --fail-under 80"), ("2", "0", None)]


def test_a_folder_brings_its_tests_along(tmp_path: Path) -> None:
    """`*.test.yaml` in a folder of manifests are its tests; `up` and `check` leave them alone."""
    for path in STEP_5:
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "vs-5.test.yaml").write_text(TESTS.read_text())
    done = edgesim("test", tmp_path)
    assert (done.code, done.out.splitlines()[0]) == (0, "8 passed, 0 failed")
    assert edgesim("check", tmp_path).code == 0


def test_a_file_of_tests_that_is_not_there_fails(gateway: Gateway) -> None:
    """Whether manifests or a running instance is tested: a misspelt name is no success."""
    for done in (gateway.run("test", "gone.test.yaml"), edgesim("test", "gone.test.yaml", *STEP_5)):
        assert (done.code, "gone.test.yaml:1:1: error ES0010" in done.err) == (1, True)


def test_without_manifests_the_running_instance_is_tested(gateway: Gateway, tmp_path: Path) -> None:
    """The tests run on what is served, and the report is the same."""
    done = gateway.run("test", TESTS)
    assert (done.code, done.out.splitlines()) == (
        0,
        ["8 passed, 0 failed", "2 of 2 matchers of routes reached (100%)"],
    )
    file = tmp_path / "routes.yaml"
    file.write_text(FAILING)
    live, offline = gateway.run("test", file), edgesim("test", file, *STEP_5)
    assert (live.code, live.out) == (offline.code, offline.out)


DELEGATED = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: shared, namespace: platform}
spec:
  virtualHost:
    domains: [api.example]
    routes:
    - matchers: [{prefix: /echo}]
      delegateAction: {ref: {name: echo, namespace: team}}
---
apiVersion: gateway.solo.io/v1
kind: RouteTable
metadata: {name: echo, namespace: team}
spec:
  routes:
  - matchers: [{prefix: /echo/fixed}]
    name: fixed
    directResponseAction: {status: 200}
  - matchers: [{prefix: /echo}, {prefix: /echo2}]
    directResponseAction: {status: 418}
"""


def test_tables_reached_by_delegation_are_tested_and_counted(tmp_path: Path) -> None:
    """A test may say which table takes a request; the matchers of tables count, with every file on the way named."""
    manifests, file = tmp_path / "manifests.yaml", tmp_path / "routes.test.yaml"
    manifests.write_text(DELEGATED)
    file.write_text(
        "routes:\n- name: fixed\n  request: {host: api.example, path: /echo/fixed}\n"
        "  expect: {table: team/echo, route: fixed, status: 418}\n"
    )
    path = f"{manifests}:8 (VirtualService platform/shared) -> {manifests}:16 (RouteTable team/echo)"
    lines = edgesim("test", tmp_path).out.splitlines()
    assert lines[2:6] == [
        "  status:",
        "    expected  418",
        "    got       200",
        f'  taken by route 1 "fixed" of platform_shared: {path}',
    ]
    assert lines[7:] == [
        "1 of 3 matchers of routes reached (33.3333%)",
        f"  not reached: {manifests}:19: route 2.1 of platform_shared (prefix /echo)",
        f"  not reached: {manifests}:19: route 2.2 of platform_shared (prefix /echo2)",
    ]


def test_errors_of_manifests_are_told_and_end_with_1(tmp_path: Path) -> None:
    """Routes that are not served as written are nothing to rely on."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {prots: []}\n")
    done = edgesim("test", TESTS, *STEP_5, bad)
    assert done.code == 1
    assert "8 passed, 0 failed" in done.out
    assert "ES0103" in done.err


@pytest.mark.parametrize(
    "arguments",
    [[], ["gone.yaml"], [str(CANARY / "vs-5.yaml")], [str(TESTS), "--fail-under", "101"]],
)
def test_usage_errors(arguments: list[str]) -> None:
    """No tests, or a limit that is none, is a usage error."""
    assert edgesim("test", *arguments).code == 2


def test_a_tests_file_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    """A mistyped name of a tests file is a problem with its hint; any other path that is not there is named."""
    (tmp_path / "routes.test.yaml").write_text(FAILING)
    done = edgesim("test", tmp_path / "rotues.test.yaml", *STEP_5)
    assert done.code == 1
    assert "ES0010 no such file or folder" in done.err
    assert f"did you mean `{tmp_path / 'routes.test.yaml'}`?" in done.err
    assert "there is no gone.yaml" in " ".join(edgesim("test", "gone.yaml").err.split())


def test_a_junit_file_that_cannot_be_written_is_told() -> None:
    """The line says why, without a traceback."""
    done = edgesim("test", TESTS, *STEP_5, "--junit", "/gone/routes.xml")
    assert (done.code, "Traceback" in done.err) == (2, False)
    assert "/gone/routes.xml cannot be written" in done.err


_SHOWN = re.compile(r"\$ cat routes\.test\.yaml\n(.*)\$ edgesim test", re.DOTALL)


@pytest.mark.parametrize(
    "row", [row for row in ROUTE_TESTS if row.code not in {"ES0804", "ES0810"}], ids=lambda row: row.code
)
def test_the_examples_of_each_code_give_it(row: object) -> None:
    """The bad example of a page gives its code and no other, the mended one none."""
    code = CODES[row.code]  # type: ignore[attr-defined]  # a row of the table
    bad, mend = (_SHOWN.match(text) for text in (code.bad, code.mend))
    assert bad is not None
    assert mend is not None
    assert {found.code for found in read_tests(bad[1], "routes.test.yaml")[1]} == {code.code}
    assert read_tests(mend[1], "routes.test.yaml")[1] == ()
