"""`edgesim history` and `edgesim undo`: what was served, who blocked it, and going back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgesim.admin import History
from edgesim.admin.endpoints import HISTORY, UNDO
from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.console import STYLES, err, out, out_json, paint
from edgesim.cli.options import AdminUrl, Output, Report, client_at
from edgesim.cli.outcomes import report_outcome
from edgesim.config.revisions import Blockage, ResourceChange, RevisionInfo

_MOST = 5
"""Changed or waiting resources that are named in a line."""


def history(
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Read this state folder instead of asking a running instance."),
    ] = None,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Show what was served, the newest revision first: when, what had changed, who held later changes up.

    Example:
      edgesim history
      edgesim history --state ~/edgesim-state -o json
    """
    found = _ask(admin) if state is None else _read(state)
    if output is Report.JSON:
        out_json(found)
        return
    for revision in found.revisions:
        _print(revision, current=revision.number == found.current)
    if not found.revisions:
        err("nothing that was good has been served yet")
    if not found.folder:
        err("this history ends with the instance: it keeps no state")


def undo(
    revision: Annotated[
        int | None, typer.Argument(metavar="REV", min=1, help="The revision; without one the last change is undone.")
    ] = None,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Bring the resources of an earlier revision back, as a change like any other.

    Without REV these are the ones before the last change: of the revision before the current one, or of the
    current one while a freeze holds later changes back. Objects that were not there then are deleted. Files on disk stay as they are: when one of them changes,
    what it declares is written as ever. Exit code 1 if something of the revision is refused.

    Example:
      edgesim undo
      edgesim undo 3
    """
    done = client_at(admin).ask(UNDO, [] if revision is None else [("rev", str(revision))])
    if output is Report.JSON:
        out_json(done)
        raise typer.Exit(1 if done.outcome.refused else 0)
    code = report_outcome(done.outcome, (), output)
    if done.outcome.results:
        out(f"back at revision {done.revision}")
    else:
        out(f"nothing differs from revision {done.revision}")
    for file in done.files:
        err(f"{file} stays as it is on disk; its next change applies as usual")
    raise typer.Exit(code)


def _ask(admin: str) -> History:
    return client_at(admin).ask(HISTORY)


def _read(folder: Path) -> History:
    from edgesim.config.state_folder import reading  # noqa: PLC0415 - SQLite, which only this needs

    with reading(folder) as state:
        return History(state.number, str(folder), state.history())


def _print(revision: RevisionInfo, *, current: bool) -> None:
    mark = paint("  current", STYLES["ok"], sys.stdout) if current else ""
    out(f"revision {revision.number}  {revision.time}{mark}")
    verbs = dict.fromkeys(change.verb for change in revision.changes)
    for verb in verbs:
        out(f"  {verb}: {_named([each for each in revision.changes if each.verb == verb])}")
    if revision.changed > len(revision.changes):
        out(f"  {revision.changed} resources changed in all")
    for blockage in revision.blockages:
        _print_blockage(blockage)


def _named(changes: list[ResourceChange]) -> str:
    return _listed([str(change.resource) for change in changes])


def _listed(names: list[str]) -> str:
    more = [f"{len(names) - _MOST} more"] if len(names) > _MOST else []
    return ", ".join([*names[:_MOST], *more])


def _print_blockage(blockage: Blockage) -> None:
    until = blockage.until or "now"
    out(paint(f"  blocked {blockage.since} to {until}", STYLES["warning"], sys.stdout))
    for problem in blockage.problems[:_MOST]:
        owner = f"{problem.resource}: " if problem.resource else ""
        place = f" ({problem.position})" if problem.position else ""
        out(f"    by {owner}{problem.code} {problem.message}{place}")
    if len(blockage.problems) > _MOST:
        out(f"    by {len(blockage.problems) - _MOST} more problems")
    if blockage.waiting:
        out(f"    waiting: {_listed([str(key) for key in blockage.waiting])}")
