"""The freeze policy: what is served while the configuration has problems.

Gloo 1.3, as the two-phased canary tutorial has it: any error or warning (never a note) keeps the whole
proxy on the last good configuration. The policy governs the model, routes and clusters; endpoints are
assigned to the clusters of whatever model is served, so they follow Services and pods even while frozen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edgesim.model import Model, Problem, Severity

NO_MODEL: Final = Model()


@dataclass(frozen=True, slots=True)
class Candidate:
    """The newest configuration: the model it translates to, the store's version, all its problems."""

    model: Model
    version: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """What is served, and why not something newer.

    `version` is the store's when `model` was current (0 before anything was). `good` says that a
    configuration without errors and warnings has been served; `frozen` that the newest one is held
    back, by the errors and warnings among `problems`.
    """

    model: Model = NO_MODEL
    version: int = 0
    problems: tuple[Problem, ...] = ()
    good: bool = False
    frozen: bool = False

    @property
    def blocking(self) -> tuple[Problem, ...]:
        """Return the problems that hold the newest configuration back, or make it partial."""
        return tuple(blocking(self.problems))


NOTHING = Served()
"""Before anything was served."""


def blocking(problems: Iterable[Problem]) -> Iterable[Problem]:
    """Return the problems that may change what is served: errors and warnings, never notes."""
    return (problem for problem in problems if problem.severity is not Severity.NOTE)


def hold_back(previous: Served, candidate: Candidate) -> Served:
    """Return what stays served when the candidate cannot be."""
    return Served(previous.model, previous.version, candidate.problems, good=previous.good, frozen=True)


def serve(previous: Served, candidate: Candidate, *, keep_going: bool = False) -> Served:
    """Decide what is served next.

    With nothing good yet, nothing is served, unless `keep_going` asks for what can be served of a
    configuration that has problems.
    """
    if not any(blocking(candidate.problems)):
        return Served(candidate.model, candidate.version, candidate.problems, good=True)
    if keep_going and not previous.good:
        return Served(candidate.model, candidate.version, candidate.problems)
    return hold_back(previous, candidate)
