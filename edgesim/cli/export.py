"""`edgesim export envoy`: the same configuration for real Envoy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edgesim.admin.endpoints import LIST, resources_path
from edgesim.cli.client import DEFAULT_ADMIN, Client
from edgesim.cli.console import out
from edgesim.cli.offline import load
from edgesim.cli.options import AdminUrl, client_at
from edgesim.cli.problems import print_problems
from edgesim.cli.revisions import served_now
from edgesim.config.files import STDIN, decode_all, read_paths
from edgesim.dialects import ASSIGNED_FROM, assign, find_kind
from edgesim.dialects.envoy import Form, Json, bootstrap, inexpressible, yaml_text
from edgesim.model import Assignments, Model, OriginStep, Position, Problem, Severity
from edgesim.model.codes import failure

HELP = "Write the configuration for another proxy."
_NO_SUCH_PATH = "ES0010"
_OURS = frozenset(("ES0612",))
"""Notes on what edgesim's own proxy does not do, and Envoy does."""


class Format(StrEnum):
    """How the configuration is written."""

    YAML = "yaml"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class _Given:
    """What is exported: a model, the endpoints of its pods if they are known, and what was wrong already."""

    model: Model
    where: Callable[[OriginStep], Position]
    assignments: Assignments | None
    problems: tuple[Problem, ...] = ()


def envoy(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Manifests, folders of them, or -; without any, what an instance serves."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to write it.  [default: standard output]"),
    ] = None,
    how: Annotated[
        Format | None,
        typer.Option("--format", help="YAML with comments, or JSON.  [default: json for FILE.json, else yaml]"),
    ] = None,
    with_pods: Annotated[
        bool, typer.Option("--with-pods", help="Take the pods of the running instance, not the names of Services.")
    ] = False,
    access_log: Annotated[
        str, typer.Option("--access-log", metavar="FILE|-", help="Where Envoy writes a line for each request.")
    ] = "",
    access_log_format: Annotated[
        str, typer.Option("--access-log-format", metavar="TEXT", help="What is in the line, as Envoy writes formats.")
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for anything that Envoy would not do.")] = False,
    admin: AdminUrl = DEFAULT_ADMIN,
) -> None:
    """Write a configuration as a bootstrap of Envoy, with a comment at each part on where it came from.

    What Envoy cannot do as the manifests say is listed on standard error and at the top of the file. Exit code 0 all the
    same, unless --strict; 1 where manifests have errors, which are left out. Certificates and their keys are in the file,
    which only its owner can read then.

    Example:
      edgesim export envoy configs/two-phased-canary/{echo,echo-v2,upstream,vs-3}.yaml -o envoy.yaml
      envoy --config-yaml "$(edgesim export envoy --with-pods manifests/)"
      edgesim export envoy --format json
    """
    if output is not None and str(output) in set(Format):
        raise typer.BadParameter(f"{output} is no file here: --format {output} writes it", param_hint="-o")
    found = _from_files(paths, admin, with_pods=with_pods) if paths else _from_instance(client_at(admin))
    problems = (*found.problems, *inexpressible(found.model, found.assignments, found.where))
    form = Form(access_log=access_log, access_log_format=access_log_format)
    text = _text(bootstrap(found.model, found.assignments, form), problems, how or _format_of(output))
    if output is None or str(output) == STDIN:
        out(text.rstrip("\n"))
    else:
        _write(output, text)
    print_problems(problems)
    raise typer.Exit(_code(problems, strict=strict))


def _format_of(output: Path | None) -> Format:
    """Return the format that Envoy expects of a file, by its name."""
    return Format.JSON if output is not None and output.suffix == ".json" else Format.YAML


def _code(problems: Sequence[Problem], *, strict: bool) -> int:
    return int(bool(problems) if strict else any(each.severity is Severity.ERROR for each in problems))


def _from_files(paths: Sequence[Path], admin: str, *, with_pods: bool) -> _Given:
    loaded = load(paths)
    missing = [each for each in loaded.problems if each.code == _NO_SUCH_PATH]
    if missing:
        print_problems(missing)
        raise typer.Exit(2)
    model = loaded.translation.model
    pods = _pods(client_at(admin), model) if with_pods else None
    problems = tuple(each for each in loaded.problems if each.code not in _OURS)
    return _Given(model, loaded.translation.where, pods, problems)


def _from_instance(client: Client) -> _Given:
    kept = served_now(client)
    return _Given(kept.model, kept.where, _pods(client, kept.model))


def _pods(client: Client, model: Model) -> Assignments:
    """Return the endpoints of EDS clusters, from the objects of a running instance."""
    kinds = [kind for name in ASSIGNED_FROM if (kind := find_kind(name)) is not None]
    answers = [client.ask(LIST, resources=resources_path(kind, ""), name="") for kind in kinds]
    listed = {"apiVersion": "v1", "kind": "List", "items": [item for each in answers for item in each["items"]]}
    read = read_paths([STDIN], lambda: json.dumps(listed).encode())
    decoded = decode_all(read.documents)
    return assign(model.clusters, [each.resource for each in decoded if each.resource is not None])


def _text(written: Json, problems: Sequence[Problem], how: Format) -> str:
    if how is Format.JSON:
        return json.dumps(written, indent=2, ensure_ascii=False) + "\n"
    return yaml_text(written, _heading(problems))


def _heading(problems: Sequence[Problem]) -> list[str]:
    lines = ["Envoy's bootstrap, written by `edgesim export envoy`. Comments say what each part came from."]
    if problems:
        lines += ["", "What of the manifests is not in it, or not as they say (`edgesim explain CODE` tells more):"]
        lines += [f"  {each.summary}" for each in problems]
    return [*lines, ""]


def _write(file: Path, text: str) -> None:
    """Write a file, which is its owner's alone where it holds keys. Raises EdgesimError ES0710."""
    mode = 0o600 if "private_key" in text else 0o666
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as opened:
            if mode == 0o600:
                os.fchmod(opened.fileno(), mode)
            opened.write(text)
    except (OSError, ValueError) as reason:
        why = getattr(reason, "strerror", None) or str(reason)
        raise failure("ES0710", f"{file} cannot be written: {why}", exit_code=2) from None


COMMANDS = (envoy,)
