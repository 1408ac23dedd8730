"""`edgesim patch`: change fields of one object of a running instance."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from edgesim.admin import File, Outcome
from edgesim.admin.endpoints import PATCH
from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.options import AdminUrl, Namespace, Output, Report, client_at, kind_and_name
from edgesim.cli.outcomes import read_files, report_outcome


class PatchType(StrEnum):
    """How a patch is written."""

    MERGE = "merge"
    JSON = "json"


def patch(
    what: Annotated[list[str], typer.Argument(metavar="KIND NAME", help="What to patch.")],
    text: Annotated[str, typer.Option("-p", "--patch", metavar="TEXT", help="The patch, YAML or JSON.")] = "",
    file: Annotated[
        Path | None, typer.Option("--patch-file", metavar="FILE", help="A file with the patch, - for standard input.")
    ] = None,
    kind: Annotated[
        PatchType, typer.Option("--type", help="A merge patch (RFC 7386) or a JSON patch (RFC 6902).")
    ] = PatchType.MERGE,
    namespace: Namespace = "default",
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Change fields of one object of a running instance, as `kubectl patch`.

    Example:
      edgesim patch virtualservice echo -n echo --type merge --patch-file weights.yaml
      edgesim patch deploy echo-v2 -n echo -p '{"spec": {"replicas": 3}}'
    """
    if bool(text) == (file is not None):
        raise typer.BadParameter("give either --patch or --patch-file", param_hint="--patch")
    pairs = kind_and_name(what)
    if len(pairs) != 1 or not pairs[0][1]:
        raise typer.BadParameter("a patch needs one object", param_hint="KIND NAME")
    source = File("--patch", text)
    if file is not None:
        files, unread = read_files([file])
        if unread or len(files.files) != 1:
            raise typer.Exit(report_outcome(Outcome(), unread, output) or 1)
        source = files.files[0]
    found, object_name = pairs[0]
    query = (("kind", found.full_name), ("namespace", namespace), ("name", object_name))
    headers = {"Content-Type": f"application/{_CONTENT[kind]}+json", "X-Edgesim-Source": quote(source.name)}
    outcome = client_at(admin).ask(PATCH, query, source.text, headers)
    raise typer.Exit(report_outcome(outcome, (), output))


_CONTENT = {PatchType.MERGE: "merge-patch", PatchType.JSON: "json-patch"}
