"""`edgesim delete`: delete objects of a running instance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgesim.admin import Outcome
from edgesim.admin.endpoints import DELETE
from edgesim.cli.client import DEFAULT_ADMIN, Client
from edgesim.cli.options import AdminUrl, Namespace, Output, Report, client_at, kind_and_name
from edgesim.cli.outcomes import read_files, report_outcome, send_files
from edgesim.dialects import Kind


def delete(
    what: Annotated[list[str] | None, typer.Argument(metavar="KIND NAME", help="What to delete.")] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("-f", "--filename", metavar="FILE|DIR|-", help="Delete what these manifests name."),
    ] = None,
    namespace: Namespace = "default",
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Delete objects of a running instance, as `kubectl delete`.

    Returns when they are gone from what is served: pods are out of rotation and drain.
    What a file of the instance declares is there again with that file's next change, or the next start.

    Example:
      edgesim delete -f configs/two-phased-canary/vs-3.yaml
      edgesim delete deployment echo-v1 -n echo
    """
    if bool(what) == bool(files):
        raise typer.BadParameter("give either KIND NAME or -f FILE", param_hint="KIND NAME")
    client = client_at(admin)
    if files:
        sent, unread = read_files(files)
        outcome = send_files(client, DELETE, sent) if sent.files else Outcome()
        raise typer.Exit(report_outcome(outcome, unread, output))
    pairs = kind_and_name(what or [])
    if not pairs[0][1]:
        raise typer.BadParameter(f"which {pairs[0][0].singular}?", param_hint="NAME")
    raise typer.Exit(report_outcome(_delete_named(client, pairs, namespace), (), output))


def _delete_named(client: Client, pairs: list[tuple[Kind, str]], namespace: str) -> Outcome:
    done = []
    for kind, name in pairs:
        done.append(client.ask(DELETE, [("kind", kind.full_name), ("namespace", namespace), ("name", name)]))
    return Outcome(
        tuple(result for outcome in done for result in outcome.results),
        problems=tuple(problem for outcome in done for problem in outcome.problems),
    )
