"""`edgesim check`: what is wrong with a configuration."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edgesim.admin.endpoints import CHECK
from edgesim.cli.check_json import check_output
from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.code_frames import frame_lines
from edgesim.cli.console import STYLES, out, out_json, paint
from edgesim.cli.github import commands
from edgesim.cli.offline import load
from edgesim.cli.options import AdminUrl, client_at
from edgesim.cli.problems import problem_text
from edgesim.cli.sarif import sarif_log
from edgesim.config.checking import full_report
from edgesim.config.files import STDIN
from edgesim.config.frames import cut
from edgesim.config.serving import Served
from edgesim.config.waiting import cause
from edgesim.inspect.checks import CheckReport, Frame, Waiting
from edgesim.inspect.lint import Subject
from edgesim.model import Position

_MOST_WAITING = 10
"""So many waiting resources are named."""


class CheckFormat(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Manifests, folders of them, or -; without any, the running instance."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for notes too.")] = False,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Annotated[
        CheckFormat,
        typer.Option(
            "-o", "--output", help="Text for people; JSON or SARIF 2.1.0 for machines; workflow commands for GitHub."
        ),
    ] = CheckFormat.TEXT,
) -> None:
    """Name every problem of a configuration, with its place and what was likely meant, and who waits for whom.

    Exit code 0 when clean (notes allowed, unless --strict), 1 when there are problems. Without PATH the
    running instance is asked. `edgesim explain CODE` tells more of a problem; the annotation
    `edgesim.io/ignore: CODE` on a resource silences a note.

    Example:
      edgesim check configs/two-phased-canary/{echo,echo-v2,upstream,vs-3}.yaml
      edgesim check -o json
      edgesim check --strict -o sarif configs/teams/delegation > check.sarif
    """
    report = _offline(paths) if paths else _live(admin)
    match output:
        case CheckFormat.JSON:
            out_json(check_output(report))
        case CheckFormat.SARIF:
            out_json(sarif_log(report.problems))
        case CheckFormat.GITHUB:
            for line in commands(report.problems):
                out(line)
        case CheckFormat.TEXT:
            _print(report)
    raise typer.Exit(0 if report.passes(strict=strict) else 1)


def _offline(paths: list[Path]) -> CheckReport:
    """Check files; what is served while they have problems is nothing yet."""
    loaded = load(paths)
    translation = loaded.translation
    subject = Subject(loaded.resources, translation.model, loaded.assignments(), loaded.problems, translation.where)
    return _with_frames(full_report(subject, Served(problems=loaded.problems)), loaded.texts)


def _live(admin: str) -> CheckReport:
    return _with_frames(client_at(admin).ask(CHECK), {})


def _with_frames(report: CheckReport, texts: dict[str, str]) -> CheckReport:
    """Cut the frames that are missing, of documents that could not be read, from the files themselves."""
    if all(report.frames):
        return report
    pairs = zip(report.problems, report.frames, strict=True)
    return replace(report, frames=tuple(frame or _cut(problem.position, texts) for problem, frame in pairs))


def _cut(position: Position | None, texts: dict[str, str]) -> Frame | None:
    if position is None:
        return None
    if position.file not in texts:
        try:
            texts[position.file] = "" if position.file == STDIN else Path(position.file).read_text(encoding="utf-8")
        except (OSError, ValueError):
            texts[position.file] = ""
    return cut(texts[position.file], 1, position) if texts[position.file] else None


# --- text --------------------------------------------------------------------------------------------


def _print(report: CheckReport) -> None:
    for group in report.groups:
        status = paint(group.status, STYLES["error" if group.errors else "ok"], sys.stdout)
        out(f"Checking {group.name}... {status}")
    if report.clean:
        out("No problems detected.")
    for problem, frame in zip(report.problems, report.frames, strict=True):
        drawn = [] if frame is None or problem.position is None else frame_lines(frame, problem.position, sys.stdout)
        out(f"\n{problem_text(problem, sys.stdout, drawn)}")
    _print_waiting(report)
    if report.problems:
        codes = dict.fromkeys(problem.code for problem in report.problems)
        out(f"\nTo read more: {', '.join(f'edgesim explain {code}' for code in codes)}")


def _print_waiting(report: CheckReport) -> None:
    """Say which resources wait for which problems, those that wait for the same ones together."""
    together: dict[tuple[int, ...], list[Waiting]] = {}
    for waiting in report.waiting:
        together.setdefault(waiting.problems, []).append(waiting)
    for numbers, group in together.items():
        names = [str(waiting.resource) for waiting in group]
        more = [f"and {len(names) - _MOST_WAITING} more"] if len(names) > _MOST_WAITING else []
        out(f"\nHeld up until this is mended (--invalid-config={report.policy}):")
        for number in numbers:
            out(f"    {cause(report.problems[number])}")
        out("by which these wait: " + ", ".join([*names[:_MOST_WAITING], *more]))
