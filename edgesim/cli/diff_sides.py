"""The two sides of `edgesim diff`: files, revisions of a history, and what is served."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgesim.cli.client import Client
from edgesim.cli.console import fail
from edgesim.cli.offline import load
from edgesim.config.encoding import DamagedError, unpack
from edgesim.dialects import Resource
from edgesim.model import Model, OriginStep, Position, Problem, ResourceKey

CURRENT = "current"


@dataclass(frozen=True, slots=True)
class SideOfDiff:
    """One configuration: its model, how lines are found (line 0 where nobody knows), its problems."""

    name: str
    model: Model
    where: Callable[[OriginStep], Position]
    problems: tuple[Problem, ...] = ()


def from_files(paths: Sequence[Path]) -> SideOfDiff:
    """Read manifests."""
    loaded = load(paths)
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
    """Ask a running instance for a revision, or for what it serves. Raises what the client raises."""
    number = revision if revision != CURRENT else str(client.get("/edgesim/v1/history")["current"])
    found = client.get(f"/edgesim/v1/history/{number}")
    return _revision(number, base64.b64decode(found["model"]))


def from_state(folder: Path, revision: str) -> SideOfDiff:
    """Read a revision, or what was served last, out of a state folder."""
    from edgesim.config.state import read_state  # noqa: PLC0415 - SQLite, which only this needs
    from edgesim.config.state_rows import StateError  # noqa: PLC0415

    try:
        state = read_state(folder)
        try:
            number = state.number if revision == CURRENT else int(revision)
            found = state.revision(number)
        finally:
            state.close()
    except StateError as error:
        raise fail(f"ES0720 --state {folder}: {error}", 2) from None
    if found is None:
        raise fail(
            f"revision {revision} is not kept in {folder}; `edgesim history --state {folder}` lists those that are", 2
        )
    return _of_model(str(number), found.model)


def _revision(number: str, packed: bytes) -> SideOfDiff:
    try:
        model: Any = unpack(packed, Model)
    except DamagedError as error:
        raise fail(f"revision {number} cannot be read: {error} (is the instance of another version?)", 2) from None
    return _of_model(number, model)


def _of_model(number: str, model: Model) -> SideOfDiff:
    return SideOfDiff(f"revision {number}", model, lambda step: Position(step.file, 0, 0))
