"""`edgesim test`: routes as unit tests."""
# ruff: noqa: PT028 - the command is named test; it is none

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgesim.admin import File, Files
from edgesim.admin.endpoints import TEST
from edgesim.cli.cases import case_lines, coverage_line, coverage_lines
from edgesim.cli.client import DEFAULT_ADMIN, Client
from edgesim.cli.console import STYLES, err, out, out_json, paint
from edgesim.cli.junit import junit
from edgesim.cli.offline import load
from edgesim.cli.options import AdminUrl, Output, Report, client_at
from edgesim.cli.outcomes import send_files
from edgesim.cli.problems import print_problems
from edgesim.config.files import STDIN, read_texts
from edgesim.config.route_tests import RouteTestFiles, find_route_tests
from edgesim.inspect import Case, CoverageReport, RouteTestReport, Tables, run_route_tests
from edgesim.model import Problem, Severity
from edgesim.model.codes import failure
from edgesim.telemetry.collector import resting_collector
from edgesim.telemetry.sources import stopwatch

_MOST_FAILURES = 50
_MOST_MISSED = 20
"""So many failed cases, and routes without a test, are printed as text; JSON has them all."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What came of the tests, with the problems of their files and those of the manifests."""

    report: RouteTestReport
    problems: tuple[Problem, ...]
    manifests: tuple[Problem, ...]


def test(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="TESTS... [PATH...]",
            help="Files of route tests; manifests or folders of them (without any, the running instance).",
        ),
    ],
    fail_under: Annotated[
        float,
        typer.Option("--fail-under", metavar="PERCENT", min=0, max=100, help="Fail below this coverage of routes."),
    ] = 0,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the results as JUnit XML, too.")
    ] = None,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Run route tests: which upstream, share, rewrite or answer does each request get?

    Tests are Envoy's route table check format or edgesim's shorter one (docs/route-tests.md). Files named
    `*.test.yaml` in a folder of manifests are found. Exit code 0 when all pass, 1 when one fails, cannot
    be read, or coverage is below --fail-under.

    Example:
      edgesim test configs/two-phased-canary/vs-5.test.yaml configs/two-phased-canary/{echo,upstream,vs-5}.yaml
      edgesim test --fail-under 100 --junit routes.xml routes.test.yaml manifests/
    """
    begun = stopwatch()
    with resting_collector():
        found = find_route_tests(paths)
        if not found.files:
            raise typer.BadParameter(_no_tests(found.manifests), param_hint="TESTS")
        every = output is Report.JSON
        run = _offline(found, every=every) if found.manifests else _live(client_at(admin), found)
    if junit_file is not None:
        unread = (*run.problems, *_errors(run.manifests))
        _write(junit_file, junit(run.report, unread, stopwatch() - begun, fail_under))
    if output is Report.JSON:
        out_json(_json(run))
    else:
        _print(run, fail_under)
    bad = run.problems or run.report.failures or _errors(run.manifests)
    raise typer.Exit(1 if bad or run.report.coverage.percent < fail_under else 0)


def _errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(each for each in problems if each.severity is Severity.ERROR)


def _no_tests(paths: Iterable[Path]) -> str:
    missing = [str(path) for path in paths if str(path) != STDIN and not path.exists()]
    said = f"; there is no {', no '.join(missing)}" if missing else ""
    return f"no path holds route tests{said}"


def _offline(found: RouteTestFiles, *, every: bool) -> _Run:
    loaded = load(found.manifests)
    translation = loaded.translation
    most = None if every else _MOST_MISSED
    report = run_route_tests(found.tests, Tables(translation.model), translation.where, most)
    grave = tuple(each for each in loaded.problems if each.severity is not Severity.NOTE)
    return _Run(report, found.problems, grave)


def _live(client: Client, found: RouteTestFiles) -> _Run:
    """Let the running instance run the tests on what it serves."""
    texts, unread = read_texts(found.files)
    outcome = send_files(client, TEST, Files(tuple(File(each.file, each.text) for each in texts)))
    return _Run(outcome.report, (*unread, *outcome.problems), ())


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise failure("ES0710", f"{file} cannot be written: {reason}", exit_code=2) from None


def _json(run: _Run) -> dict[str, object]:
    """Return totals, every failed case, coverage with every miss, and the problems of all files."""
    failures = run.report.failures
    return {
        "cases": len(run.report.cases),
        "passed": len(run.report.cases) - len(failures),
        "failed": len(failures),
        "failures": failures,
        "coverage": run.report.coverage,
        "problems": (*run.problems, *run.manifests),
    }


def _print(run: _Run, fail_under: float) -> None:
    print_problems([*run.manifests, *run.problems])
    failures = run.report.failures
    for case in failures[:_MOST_FAILURES]:
        _print_case(case)
    if len(failures) > _MOST_FAILURES:
        out(f"and {len(failures) - _MOST_FAILURES} more that failed (-o json has them all)")
    passed = len(run.report.cases) - len(failures)
    style = STYLES["error" if failures or run.problems else "ok"]
    unread = f", {len(run.problems)} not readable" if run.problems else ""
    out(paint(f"{passed} passed, {len(failures)} failed{unread}", style, sys.stdout))
    _print_coverage(run.report.coverage, fail_under)


def _print_case(case: Case) -> None:
    out(f"{paint('FAILED', STYLES['error'], sys.stdout)} {case.name}: {case.request}")
    for line in case_lines(case):
        out(f"  {line}")


def _print_coverage(coverage: CoverageReport, fail_under: float) -> None:
    for line in coverage_lines(coverage):
        out(line)
    if coverage.percent < fail_under:
        err(coverage_line(coverage, fail_under))
