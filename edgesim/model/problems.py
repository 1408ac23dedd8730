"""What can be wrong, where, and in whose resource.

There are three classes. An *error* makes a resource unusable, a *warning* makes part of it
unusable, a *note* is information: it never freezes, refuses, or changes an exit code.

A problem is data, and most are collected. What stops a command altogether is raised, as an `EdgesimError` that
carries its problems; `edgesim.cli.problems` prints both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """The three classes of problem, gravest first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """The identity of a resource; `namespace` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class OriginStep:
    """One resource a piece of the model came from, and the field inside it that says so.

    The line is not kept: finding one means parsing the text again, and a table may hold 100,000
    routes. `dialects.Translation.where(step)` finds the position when somebody asks. A step is plain
    data, so it travels to worker processes as it is.
    """

    kind: str
    namespace: str
    name: str
    file: str
    path: tuple[str | int, ...] = ()

    @property
    def resource(self) -> ResourceKey:
        """Return the identity of the resource."""
        return ResourceKey(self.kind, self.namespace, self.name)


Origin = tuple[OriginStep, ...]
"""The chain of resources a Route, Cluster or VirtualHost came from, outermost first."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong (or worth knowing), attached to the resource that causes it.

    `field` is the path inside the document (`spec.virtualHost.routes[0].matchers[1].regex`), `hint`
    what was likely meant, `code` the stable code with a page in `docs/problems/`. `affects` are the
    resources that suffer from it besides the one that causes it. `replaced` says that the route or
    weighted entry at fault answers with the configured response instead: such a problem holds nothing up.
    `related` are other places it is about.
    """

    code: str
    severity: Severity
    message: str
    resource: ResourceKey | None = None
    field: str = ""
    position: Position | None = None
    hint: str = ""
    affects: tuple[ResourceKey, ...] = ()
    replaced: bool = False
    related: tuple[Position, ...] = ()

    @property
    def summary(self) -> str:
        """Return the problem in one line: place, code, message, hint."""
        place = f"{self.position}: " if self.position else ""
        return f"{place}{self.code} {self.message}" + (f"; {self.hint}" if self.hint else "")


class EdgesimError(Exception):
    """What was asked for cannot be done, for these problems; `exit_code` is that of a command it ends.

    There is a class of its own below it only where somebody catches that one apart from the others. Without problems
    it only ends a command: somebody has told already why.
    """

    def __init__(self, *problems: Problem, exit_code: int = 1) -> None:
        """Take the problems and the exit code: 1, or 2 where the command line is wrong."""
        super().__init__(*problems)
        self.problems = problems
        self.exit_code = exit_code

    def __str__(self) -> str:
        return "\n".join(each.summary for each in self.problems)
