"""`edgesim check`: what is wrong with a configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.console import STYLES, out, out_json, paint
from edgesim.cli.offline import load
from edgesim.cli.options import AdminUrl, Output, Report, client_at
from edgesim.cli.problems import print_problems
from edgesim.inspect import CheckReport, check_report


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH...]", help="Manifests, folders of them, or -; without any, the running instance."
        ),
    ] = None,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Name every problem of a configuration, with its place and what was likely meant.

    Exit code 0 when clean (notes allowed), 1 when there are problems. Without PATH the running
    instance is asked.

    Example:
      edgesim check configs/two-phased-canary/{echo,upstream,vs-3}.yaml
      edgesim check -o json
    """
    if paths:
        report = check_report(load(paths).problems)
    else:
        report = msgspec.convert(client_at(admin).get("/edgesim/v1/check"), CheckReport)
    if output is Report.JSON:
        out_json(_json(report))
    else:
        _print(report)
    raise typer.Exit(0 if report.clean else 1)


def _print(report: CheckReport) -> None:
    for group in report.groups:
        status = paint(group.status, STYLES["error" if group.errors else "ok"], sys.stdout)
        out(f"Checking {group.name}... {status}")
    if report.clean:
        out("No problems detected.")
    if report.problems:
        out()
        print_problems(report.problems, sys.stdout)


def _json(report: CheckReport) -> dict[str, object]:
    """Return glooctl's shape, with edgesim's problems beside it."""
    return {
        "resources": [{"name": group.name, "status": group.status} for group in report.groups],
        "messages": ["No problems detected."] if report.clean else [],
        "errors": [problem.message for problem in report.problems if problem.severity.value != "note"],
        "problems": report.problems,
    }
