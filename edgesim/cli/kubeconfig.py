"""`edgesim kubeconfig`: the file by which kubectl and helm reach a running instance, as administrator or as a user."""

from __future__ import annotations

from typing import Annotated

import typer

from edgesim.admin.endpoints import KUBECONFIG
from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.console import out, out_json
from edgesim.cli.options import AdminUrl, Output, Report, client_at


def _name(given: str) -> str:
    """Take the name of a user or group."""
    if not given.strip() or given != given.strip() or not given.isprintable():
        raise typer.BadParameter(f"{given!r} is no name: printable characters, without space around")
    return given


def kubeconfig(
    user: Annotated[
        str | None,
        typer.Option("--as", metavar="USER", parser=_name, help="A user of this name, with rights by bindings alone."),
    ] = None,
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--group", metavar="GROUP", parser=_name, help="A group the user is in; may be given several times."
        ),
    ] = None,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Print the path of a kubeconfig for a running instance, which it writes: one file per instance and user.

    Without --as it is the administrator's, who may do everything. A user's token stays while the instance runs;
    --group replaces the groups that were given before. Roles and bindings say what users may; while there is no
    binding (and without `up --rbac`) everyone may everything.

    Example:
      export KUBECONFIG=$(edgesim kubeconfig)
      kubectl --kubeconfig $(edgesim kubeconfig --as echo-team) auth can-i patch vs -n foxtrot
    """
    if groups and user is None:
        raise typer.BadParameter("groups are a user's: name one with --as", param_hint="--group")
    asked = [] if user is None else [("as", user)]
    found = client_at(admin).ask(KUBECONFIG, [*asked, *(("group", group) for group in groups or ())])
    if output is Report.JSON:
        out_json({"path": found.path, "user": found.user, "server": found.server})
    else:
        out(found.path)
