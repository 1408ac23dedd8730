"""A document as it was read, and the resource it becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgesim.model import Position, ResourceKey

if TYPE_CHECKING:
    from edgesim.dialects.kinds import Kind

FieldPath = tuple[str | int, ...]
"""A path inside a document: mapping keys and list indexes, such as ("spec", "routes", 0)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document was written: a file (`-` for standard input) and its first line; 0 where it is no text at all.

    `locate` finds the position of a field path, or of its nearest ancestor that exists. It may
    parse the text again, so it is called only when a problem has to be shown. `text` is what stands there, from
    that line on; empty where no text declares the document.
    """

    file: str
    line: int
    locate: Callable[[FieldPath], Position] = field(repr=False, compare=False)
    text: str = field(default="", repr=False, compare=False)

    def place(self, path: FieldPath) -> Position | None:
        """Return the position to show of a field path, None where there is none."""
        return self.locate(path) if self.line else None


def unwritten(by: str) -> Source:
    """A source for what a program sent: a position would lead nowhere."""
    return Source(by, 0, lambda _path: Position(by, 1, 1))


def nowhere(file: str) -> Source:
    """A source for resources that no text declares (made by a controller, or sent as bare JSON)."""
    return Source(file, 1, lambda _path: Position(file, 1, 1))


@dataclass(frozen=True, slots=True)
class Document:
    """One manifest as plain data; Lists are already taken apart."""

    manifest: dict[str, Any]
    source: Source


@dataclass(frozen=True, slots=True)
class Resource:
    """A manifest that reads well as its kind. `typed` is the decoded schema struct of the whole object."""

    kind: Kind
    namespace: str
    name: str
    manifest: dict[str, Any]
    typed: Any
    source: Source

    @property
    def key(self) -> ResourceKey:
        """Return the identity of this resource."""
        return ResourceKey(self.kind.kind, self.namespace, self.name)
