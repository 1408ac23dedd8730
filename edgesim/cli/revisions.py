"""What is served, and what was: models for commands that compare them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgesim.admin import Kept
from edgesim.admin.endpoints import REVISION, SERVED
from edgesim.cli.client import Client
from edgesim.config.encoding import DamagedError, StoredResource, shape, unpack
from edgesim.model import Model, OriginStep, Position
from edgesim.model.codes import failure


@dataclass(frozen=True, slots=True)
class KeptModel:
    """The model of a revision (`number` 0: served, but in no revision), and the resources it came of."""

    number: int
    time: str
    model: Model
    resources: tuple[StoredResource, ...]

    def where(self, step: OriginStep) -> Position:
        """Return where the resource of a step was written: its first line, since its text is not kept."""
        lines = (each.line for each in self.resources if each.name == step.name and each.key == step.resource)
        return Position(step.file, next(lines, 1), 1)


def served_now(client: Client) -> KeptModel:
    """Ask a running instance what it serves. Raises EdgesimError ES0709 where it cannot be read."""
    return _received(client, client.ask(SERVED))


def revision_at(client: Client, number: int) -> KeptModel:
    """Ask a running instance for a revision. Raises ApiError where it is not kept."""
    return _received(client, client.ask(REVISION, revision=str(number)))


def revision_in(folder: Path, number: int | None = None) -> KeptModel:
    """Read a revision, the current one by default, of a state folder. Raises EdgesimError ES0726 where there is none, ES0720."""
    from edgesim.config.state_folder import reading  # noqa: PLC0415 - SQLite, which only this needs

    with reading(folder) as state:
        found = state.last() if number is None else state.revision(number)
    if found is None:
        wanted = "no revision" if number is None else f"no revision {number}"
        said = f"there is {wanted} in the state folder {folder}"
        raise failure("ES0726", said, "`edgesim history --state` lists what there is", exit_code=2)
    return KeptModel(found.number, found.time, found.model, found.resources)


def _received(client: Client, kept: Kept) -> KeptModel:
    if kept.shape != shape():
        said = f"the instance at {client.url} is of another version of edgesim: their models cannot be compared"
        raise failure("ES0709", said)
    try:
        return KeptModel(kept.number, kept.time, unpack(kept.model, Model), kept.resources)
    except DamagedError as error:
        raise failure("ES0709", f"what {client.url} answers is no model: {error}") from None
