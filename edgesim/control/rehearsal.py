"""What would become of writes, were they written: nothing is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgesim.config.store import Change, Store
from edgesim.control.changes import Write, apply_writes
from edgesim.dialects import Resource, Translation
from edgesim.model import Problem


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the writes would change, the translation there would be, and its problems that there are not now."""

    changes: tuple[Change, ...]
    translation: Translation
    problems: tuple[Problem, ...]


def written(store: Store, writes: Iterable[Write]) -> tuple[tuple[Change, ...], list[Resource]]:
    """Return what the writes would change, and the resources there would be. Raises ConflictError."""
    copy = store.copy()
    changes = apply_writes(copy, writes)
    return tuple(changes), copy.resources()


def new_problems(before: Sequence[Problem], after: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the problems that were not there before, wherever they stood then."""
    known = {_said(problem) for problem in before}
    return tuple(problem for problem in after if _said(problem) not in known)


def _said(problem: Problem) -> tuple[object, ...]:
    return problem.code, problem.message, problem.resource, problem.field
