"""The two sides of `edgesim diff`: files, revisions of a history, and what is served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import typer

from edgesim.cli.client import Client
from edgesim.cli.offline import load
from edgesim.cli.problems import print_problems
from edgesim.cli.revisions import KeptModel, revision_at, revision_in, served_now
from edgesim.dialects import Resource
from edgesim.model import Model, OriginStep, Position, Problem, ResourceKey

CURRENT = "current"
_NO_SUCH_PATH = "ES0010"


@dataclass(frozen=True, slots=True)
class SideOfDiff:
    """One configuration: its model, how lines are found (line 0 where nobody knows), its problems."""

    name: str
    model: Model
    where: Callable[[OriginStep], Position]
    problems: tuple[Problem, ...] = ()


def from_files(paths: Sequence[Path]) -> SideOfDiff:
    """Read manifests. Ends the command where one of the paths is not there: nothing is no side to compare with."""
    loaded = load(paths)
    missing = [each for each in loaded.problems if each.code == _NO_SUCH_PATH]
    if missing:
        print_problems(missing)
        raise typer.Exit(2)
    where = where_among(loaded.resources)
    return SideOfDiff(" ".join(map(str, paths)), loaded.translation.model, where, loaded.problems)


def where_among(resources: Iterable[Resource]) -> Callable[[OriginStep], Position]:
    """Return what finds the lines of many steps in the resources they are of."""
    by_key: dict[ResourceKey, Resource] = {each.key: each for each in resources}
    known: dict[OriginStep, Position] = {}

    def where(step: OriginStep) -> Position:
        if step not in known:
            resource = by_key.get(step.resource)
            known[step] = Position(step.file, 0, 0) if resource is None else resource.source.locate(step.path)
        return known[step]

    return where


def from_instance(client: Client, revision: str) -> SideOfDiff:
    """Ask a running instance for a revision, or for what it serves now. Raises what the client raises."""
    return _kept(served_now(client) if revision == CURRENT else revision_at(client, int(revision)))


def from_state(folder: Path, revision: str) -> SideOfDiff:
    """Read a revision, or what was served last, out of a state folder."""
    return _kept(revision_in(folder, None if revision == CURRENT else int(revision)))


def _kept(found: KeptModel) -> SideOfDiff:
    name = f"revision {found.number}" if found.number else "what is served"
    return SideOfDiff(name, found.model, lru_cache(maxsize=None)(found.where))
