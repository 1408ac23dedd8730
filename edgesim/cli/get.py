"""`edgesim get`: the objects of a running instance."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer
import yaml

from edgesim.admin.endpoints import LIST, READ, resources_path
from edgesim.cli.client import DEFAULT_ADMIN, Client
from edgesim.cli.console import err, out, out_json
from edgesim.cli.options import AdminUrl, Namespace, client_at, kind_and_name
from edgesim.cli.problems import print_error
from edgesim.cli.tables import table
from edgesim.config.api_errors import ApiError
from edgesim.dialects import Kind
from edgesim.telemetry.sources import today

Object = dict[str, Any]


class Format(StrEnum):
    """How objects are shown."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"
    NAME = "name"


def get(
    what: Annotated[list[str], typer.Argument(metavar="KIND [NAME...]", help="A kind by any of its names.")],
    namespace: Namespace = "default",
    everywhere: Annotated[bool, typer.Option("-A", "--all-namespaces", help="Of all namespaces.")] = False,
    output: Annotated[Format, typer.Option("-o", "--output", help="How to show them.")] = Format.TABLE,
    admin: AdminUrl = DEFAULT_ADMIN,
) -> None:
    """Show objects of a running instance, as `kubectl get`.

    Example:
      edgesim get virtualservices -A
      edgesim get vs echo -n echo -o yaml
    """
    pairs = kind_and_name(what)
    if everywhere and pairs[0][1]:
        raise typer.BadParameter("a name is of one namespace: leave out -A, or the name", param_hint="-A")
    client = client_at(admin)
    found, missing = _fetch(client, pairs, "" if everywhere else namespace)
    single = len(pairs) == 1 and bool(pairs[0][1])
    if found or not missing:
        _show(found, single=single, output=output, namespace="" if everywhere else namespace, kind=pairs[0][0])
    for error in missing:
        print_error(error)
    raise typer.Exit(1 if missing else 0)


def _fetch(
    client: Client, pairs: list[tuple[Kind, str]], namespace: str
) -> tuple[list[tuple[Kind, Object]], list[ApiError]]:
    found: list[tuple[Kind, Object]] = []
    missing: list[ApiError] = []
    for kind, name in pairs:
        resources = resources_path(kind, namespace)
        try:
            answer = client.ask(READ if name else LIST, resources=resources, name=quote(name, safe=""))
        except ApiError as error:
            if error.reason != "NotFound":
                raise
            missing.append(error)
            continue
        items = [answer] if name else answer["items"]
        found += [(kind, item) for item in sorted(items, key=_place)]
    return found, missing


def _place(item: Object) -> tuple[str, str]:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _show(found: list[tuple[Kind, Object]], *, single: bool, output: Format, namespace: str, kind: Kind) -> None:
    objects = [item for _kind, item in found]
    shown = (
        objects[0]
        if single
        else {"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}
    )
    if output is Format.JSON:
        out_json(shown)
    elif output is Format.YAML:
        out(yaml.safe_dump(shown, sort_keys=True, allow_unicode=True).rstrip("\n"))
    elif output is Format.NAME:
        for each, item in found:
            out(f"{each.full_name}/{item['metadata']['name']}")
    elif found:
        _show_tables(found, namespaces=not namespace)
    elif kind.namespaced and namespace:
        err(f"No resources found in {namespace} namespace.")
    else:
        err("No resources found")


def _show_tables(found: list[tuple[Kind, Object]], *, namespaces: bool) -> None:
    """Print a table a kind; where there are several, names say their kind, as with kubectl."""
    kinds = {each.kind: each for each, _item in found}
    for number, (word, kind) in enumerate(kinds.items()):
        if number:
            out()
        rows = [item for each, item in found if each.kind == word]
        prefix = f"{kind.full_name}/" if len(kinds) > 1 else ""
        for line in table(rows, word, prefix=prefix, namespaces=namespaces and kind.namespaced, now=today()):
            out(line)
