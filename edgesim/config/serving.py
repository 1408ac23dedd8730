"""What is served while the configuration has problems.

Two policies. *Freeze* is Gloo 1.3, as the two-phased canary tutorial has it: any error or warning (never a
note) keeps the whole proxy on the last good configuration. *Isolate* is Gloo since 1.12: an error keeps
only what it reaches on its last good version, and warnings are served (`config.isolation`). Under either, a
problem whose route answers with the configured response instead (`Problem.replaced`) holds nothing up, nor does a
selector that finds no table where none is like it.

The policy governs the model: listeners, routes and clusters. Endpoints are assigned to the clusters of
whatever model is served, so they follow Services and pods even while it is held back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from edgesim.config.isolation import isolate, left_out
from edgesim.model import Model, Problem, Severity, VirtualHost

NO_MODEL: Final = Model()
NOTHING_SELECTED: Final = "ES0254"


class Policy(StrEnum):
    """How much a problem holds up."""

    FREEZE = "freeze"
    ISOLATE = "isolate"


@dataclass(frozen=True, slots=True)
class Candidate:
    """The newest configuration: the model it translates to, the store's version, all its problems.

    `unread` says that documents could not be read, so that the model may lack what they declare.
    """

    model: Model
    version: int
    problems: tuple[Problem, ...] = ()
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """What is served, and why not something newer.

    `version` is the store's when `model` was current (0 before anything was). `good` says that what is
    served may be fallen back on, now and after a restart; `frozen` that something newer is held back, by the
    errors and warnings among `problems`. `whole` are virtual hosts that were held back and had to give some
    of their domains to newer ones, as they were before.
    """

    model: Model = NO_MODEL
    version: int = 0
    problems: tuple[Problem, ...] = ()
    good: bool = False
    frozen: bool = False
    policy: Policy = Policy.FREEZE
    whole: tuple[VirtualHost, ...] = ()

    @property
    def blocking(self) -> tuple[Problem, ...]:
        """Return the problems that hold the newest configuration back, or make it partial."""
        return tuple(blocking(self.problems, self.policy))


NOTHING = Served()
"""Before anything was served."""


def blocking(problems: Iterable[Problem], policy: Policy = Policy.FREEZE) -> Iterable[Problem]:
    """Return the problems that may change what is served: errors, under freeze warnings too, never notes."""
    grave = {Severity.ERROR} if policy is Policy.ISOLATE else {Severity.ERROR, Severity.WARNING}
    return (problem for problem in problems if problem.severity in grave and not _is_harmless(problem))


def _is_harmless(problem: Problem) -> bool:
    """Tell whether a problem holds nothing up: its route answers otherwise, or its selector's last table has gone.

    A selector that finds nothing is a mistake where something like it is there, which the hint then says; else
    it waits for tables to come, as before the first release and behind the last.
    """
    return problem.replaced or (problem.code == NOTHING_SELECTED and not problem.hint)


def hold_back(previous: Served, candidate: Candidate) -> Served:
    """Return what stays served when the candidate cannot be."""
    return replace(previous, problems=candidate.problems, frozen=True)


def serve(
    previous: Served, candidate: Candidate, *, keep_going: bool = False, policy: Policy = Policy.FREEZE
) -> Served:
    """Decide what is served next.

    Under freeze, with nothing good yet nothing is served, unless `keep_going` asks for what can be served of
    a configuration that has problems. Isolate always serves what can be served; that counts as good once
    every document could be read.
    """
    if not any(blocking(candidate.problems, policy)):
        return Served(candidate.model, candidate.version, candidate.problems, good=True, policy=policy)
    if policy is Policy.ISOLATE:
        return _isolated(previous, candidate)
    if keep_going and not previous.good:
        return Served(candidate.model, candidate.version, candidate.problems)
    return replace(hold_back(previous, candidate), policy=policy)


def _isolated(previous: Served, candidate: Candidate) -> Served:
    model, whole = isolate(previous.model, previous.whole, candidate.model, candidate.problems)
    good = previous.good or not candidate.unread
    held = model is not candidate.model or candidate.unread or bool(left_out(model, candidate.problems))
    return Served(model, candidate.version, candidate.problems, good, held, Policy.ISOLATE, whole)
