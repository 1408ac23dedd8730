"""The options that several commands share, and the words for kinds."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edgesim.cli.client import Client
from edgesim.dialects import KINDS, Kind, find_kind
from edgesim.dialects.nearest import did_you_mean


class Report(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


AdminUrl = Annotated[
    str, typer.Option("--admin", metavar="URL", envvar="EDGESIM_ADMIN", help="The admin address of a running edgesim.")
]
Output = Annotated[Report, typer.Option("-o", "--output", help="Text for people, or JSON for machines.")]
_FILENAME_HELP = "A manifest, a folder of them, or - for standard input; may be given several times."
Filenames = Annotated[
    list[Path],
    typer.Option("-f", "--filename", metavar="FILE|DIR|-", help=_FILENAME_HELP),
]
Namespace = Annotated[str, typer.Option("-n", "--namespace", metavar="NS", help="The namespace.")]


def client_at(admin: str) -> Client:
    """Return the client of an admin address; EDGESIM_ADMIN_TOKEN is its token where it needs one."""
    return Client(admin, os.environ.get("EDGESIM_ADMIN_TOKEN", ""))


def kind_named(word: str) -> Kind:
    """Find a kind by any of its names. Raises typer.BadParameter with the nearest name."""
    kind = find_kind(word)
    if kind is None:
        names = {name for kind in KINDS for name in (kind.singular, kind.plural, *kind.short_names)}
        hint = did_you_mean(word.lower(), sorted(names)) or f"there are: {', '.join(kind.singular for kind in KINDS)}"
        raise typer.BadParameter(f"the server doesn't have a resource type {word!r}; {hint}", param_hint="KIND")
    return kind


def kind_and_name(words: list[str]) -> list[tuple[Kind, str]]:
    """Read `KIND NAME...`, `KIND/NAME...` or `KIND,KIND`; a kind alone comes with an empty name."""
    if len(words) == 1 and "," in words[0]:
        return [(kind_named(word), "") for word in words[0].split(",")]
    if any("/" in word for word in words):
        pairs = [word.partition("/") for word in words]
        if not all(kind and slash and name for kind, slash, name in pairs):
            raise typer.BadParameter("write KIND NAME or KIND/NAME, not both", param_hint="KIND/NAME")
        return [(kind_named(kind), name) for kind, _slash, name in pairs]
    kind = kind_named(words[0])
    return [(kind, name) for name in words[1:]] or [(kind, "")]
