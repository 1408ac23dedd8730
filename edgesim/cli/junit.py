"""Route tests as JUnit XML, for the test pages of CI systems: a suite for each file, a case for each request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from edgesim.cli.cases import case_lines, coverage_line, coverage_lines
from edgesim.inspect import Case, CoverageReport, RouteTestReport
from edgesim.inspect.junit import clean, document
from edgesim.model import Problem


def junit(report: RouteTestReport, problems: Sequence[Problem], seconds: float, fail_under: float = 0) -> bytes:
    """Return the document; what could not be read of a file is an error of its suite, coverage a case where asked for."""
    root = ET.Element("testsuites", name="edgesim test", time=f"{seconds:.3f}")
    files = dict.fromkeys([*(case.file for case in report.cases), *(_file(problem) for problem in problems)])
    by_file: dict[str, list[Case]] = {file: [] for file in files}
    for case in report.cases:
        by_file[case.file].append(case)
    for file, cases in by_file.items():
        _suite(root, file, cases, [problem for problem in problems if _file(problem) == file])
    if fail_under:
        _coverage(root, report.coverage, fail_under)
    return document(root)


def _coverage(root: ET.Element, coverage: CoverageReport, fail_under: float) -> None:
    """Write a suite of its own with one case, so that the exit code is never 1 where the document shows no failure."""
    below = coverage.percent < fail_under
    suite = ET.SubElement(
        root, "testsuite", name="coverage", tests="1", failures=str(int(below)), errors="0", skipped="0"
    )
    made = ET.SubElement(suite, "testcase", name="coverage of routes", classname="coverage", time="0")
    if below:
        failure = ET.SubElement(made, "failure", message=coverage_line(coverage, fail_under), type="coverage")
        failure.text = clean("\n".join(coverage_lines(coverage)))


def _file(problem: Problem) -> str:
    return problem.position.file if problem.position is not None else ""


def _suite(root: ET.Element, file: str, cases: Iterable[Case], problems: Sequence[Problem]) -> None:
    suite = ET.SubElement(root, "testsuite", name=clean(file))
    failures = tests = 0
    for case in cases:
        tests += 1
        failures += not case.passed
        _case(suite, case)
    for problem in problems:
        made = ET.SubElement(suite, "testcase", name=clean(problem.field or file), classname=_class(file))
        error = ET.SubElement(made, "error", message=clean(problem.message), type=problem.code)
        error.text = clean(f"{problem.position}: {problem.code} {problem.message}")
    suite.set("tests", str(tests + len(problems)))
    suite.set("failures", str(failures))
    suite.set("errors", str(len(problems)))
    suite.set("skipped", "0")


def _case(suite: ET.Element, case: Case) -> None:
    """Write a case; its name is the same whether it passes or not, and no other of the file has it: CI systems follow it."""
    name = clean(f"{case.name} [{case.request}]")
    made = ET.SubElement(suite, "testcase", name=name, classname=_class(case.file), time="0")
    if case.passed:
        return
    made.set("file", clean(case.file))
    made.set("line", str(case.line))
    first = case.failed[0]
    message = f"{first.name}: expected {first.expected}, got {first.actual}"
    ET.SubElement(made, "failure", message=clean(message), type="mismatch").text = clean("\n".join(case_lines(case)))


def _class(file: str) -> str:
    """Return a class name: CI systems cut one at its dots."""
    return clean(Path(file).name.partition(".")[0])
