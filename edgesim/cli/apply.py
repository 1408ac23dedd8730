"""`edgesim apply`: create or change objects of a running instance from manifests."""

from __future__ import annotations

import typer

from edgesim.admin import Outcome
from edgesim.admin.endpoints import APPLY
from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.options import AdminUrl, Filenames, Output, Report, client_at
from edgesim.cli.outcomes import read_files, report_outcome, send_files
from edgesim.model.codes import failure


def apply(files: Filenames, admin: AdminUrl = DEFAULT_ADMIN, output: Output = Report.TEXT) -> None:
    """Create or change objects of a running instance, as `kubectl apply`.

    Returns when what was applied is served: new pods listen, removed ones are out of rotation.
    A document that cannot be read as its kind is refused (exit code 1); the others are stored.

    Example:
      edgesim apply -f configs/two-phased-canary/vs-3.yaml
      helm template ./chart | edgesim apply -f -
    """
    sent, unread = read_files(files)
    outcome = send_files(client_at(admin), APPLY, sent) if sent.files else Outcome()
    code = report_outcome(outcome, unread, output)
    if not (outcome.results or outcome.refused or unread):
        raise failure("ES0711", "no objects passed to apply")
    raise typer.Exit(code)
