"""`edgesim diff`: which requests would go elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.console import err, out_json, saying_soon
from edgesim.cli.diff_json import DiffOutput
from edgesim.cli.diff_sides import CURRENT, SideOfDiff, from_files, from_instance, from_state
from edgesim.cli.diff_text import print_diff
from edgesim.cli.options import AdminUrl, Output, Report, client_at
from edgesim.cli.problems import print_problems
from edgesim.cli.progress import progress
from edgesim.config.files import STDIN
from edgesim.inspect.diff import Compared, Traffic, Wheres, compare, traffic
from edgesim.model import EdgesimError, Problem, Severity
from edgesim.model.codes import failure
from edgesim.telemetry.collector import resting_collector


def diff(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="OLD NEW",
            help="Manifests or folders of both sides: two, or several with -- between them.",
        ),
    ] = None,
    both: Annotated[
        list[Path] | None,
        typer.Option(
            "-b", "--both", metavar="PATH", help="Manifests that belong to both sides; may be given several times."
        ),
    ] = None,
    rev: Annotated[
        str,
        typer.Option(
            "--rev", metavar="REV", help="The old side is this revision of the history, or `current`: what is served."
        ),
    ] = "",
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", metavar="DIR", help="Take revisions from this state folder, not from a running instance."
        ),
    ] = None,
    access_log: Annotated[
        Path | None,
        typer.Option(
            "--traffic",
            metavar="FILE",
            help="An access log (Envoy's default format, or JSON lines; - for standard input): what of it would move?",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where only options differ, too.")] = False,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Tell which requests would go elsewhere: hosts, paths and conditions, with the shares before and after.

    Not a diff of texts: routes that are written otherwise and decide alike are no difference. Each class of requests
    comes with the line that decides on either side, and a request to try. With --rev alone the revision is compared
    with what is served; with --rev and PATHs, with these. Exit code 0 when every request is decided alike (options
    aside, unless --strict), 1 when some are not or a side has errors, 2 for a
    wrong command line or a side that cannot be had.

    Example:
      edgesim diff -b configs/two-phased-canary/upstream.yaml configs/two-phased-canary/{vs-3,vs-5}.yaml
      edgesim diff main/ branch/ --traffic access.log
      edgesim diff --rev 3
      edgesim diff --rev current manifests/ -o json
    """
    with resting_collector():
        with saying_soon("reading ..."):
            before, after = _sides(paths or [], both or [], rev, state, admin)
        with progress("comparing paths") as watch:
            compared = compare(before.model, after.model, Wheres(before.where, after.where), watch)
        with saying_soon(f"reading {access_log} ..."):
            found = None if access_log is None else _traffic(access_log, compared)
    problems = tuple(_grave(before, after))
    if output is Report.JSON:
        report = compared.report
        out_json(DiffOutput(before.name, after.name, report.changes, report.listeners, report.cut, problems, found))
    else:
        print_problems(problems)
        print_diff(compared.report, found)
    bad = any(each.severity is Severity.ERROR for each in problems)
    if bad:
        err("a side has errors: what could not be read of it is not compared")
    differs = compared.report.elsewhere or (strict and bool(compared.report.changes or compared.report.listeners))
    raise typer.Exit(1 if bad or differs else 0)


def _sides(
    paths: list[Path], both: list[Path], rev: str, state: Path | None, admin: str
) -> tuple[SideOfDiff, SideOfDiff]:
    if rev:
        if rev != CURRENT and not (rev.isascii() and rev.isdigit() and 0 < len(rev) < 16 and int(rev)):
            raise typer.BadParameter(f"{rev!r} is neither a revision's number nor `{CURRENT}`", param_hint="--rev")
        if not paths and rev == CURRENT:
            raise typer.BadParameter(
                f"compare `{CURRENT}` with files: edgesim diff --rev {CURRENT} PATH...", param_hint="--rev"
            )
        old = _revision(rev, state, admin)
        return old, from_files([*both, *paths]) if paths else _revision(CURRENT, state, admin)
    old_paths, new_paths = _split(paths, sys.argv)
    return from_files([*both, *old_paths]), from_files([*both, *new_paths])


def _revision(rev: str, state: Path | None, admin: str) -> SideOfDiff:
    try:
        return from_instance(client_at(admin), rev) if state is None else from_state(state, rev)
    except EdgesimError as error:
        error.exit_code = 2  # 1 says that sides differ
        raise


def _split(paths: Sequence[Path], typed: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Split two paths, or several at the `--` that was typed, which the parser of options has taken away."""
    behind = len(typed) - typed.index("--") - 1 if "--" in typed else 0
    old, new = (paths[:-behind], paths[-behind:]) if 0 < behind <= len(paths) else (paths[:1], paths[1:])
    if not old or not new or (not behind and len(new) > 1):
        said = "name two paths, or several with -- between old and new: edgesim diff OLD... -- NEW..."
        raise typer.BadParameter(said, param_hint="PATH")
    return list(old), list(new)


def _grave(before: SideOfDiff, after: SideOfDiff) -> Iterator[Problem]:
    found = dict.fromkeys((*before.problems, *after.problems))
    return (each for each in found if each.severity is not Severity.NOTE)


def _traffic(file: Path, compared: Compared) -> Traffic:
    try:
        # Standard input stays open: it is not ours to close.
        descriptor = sys.stdin.fileno() if str(file) == STDIN else file
        with open(descriptor, encoding="utf-8", errors="replace", closefd=descriptor is file) as lines:
            found = traffic(lines, compared)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise failure("ES0810", f"--traffic {file}: {reason.lower()}", exit_code=2) from None
    if found.unread and not found.requests:
        said = (
            f"no line is a request in Envoy's default format or a JSON object with a path (line {found.first_unread})"
        )
        raise failure("ES0810", f"--traffic {file}: {said}", exit_code=2)
    return found
