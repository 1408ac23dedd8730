"""Lint: what is allowed, and probably not meant. Notes only, made when somebody asks.

Each can be silenced on the resource it is about (silence.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgesim.dialects import Resource
from edgesim.inspect.findings import Finding, as_problem
from edgesim.inspect.lint_destinations import silent_destinations, unused_upstreams
from edgesim.inspect.lint_enterprise import enterprise_fields
from edgesim.inspect.lint_hidden import hidden_routes
from edgesim.inspect.lint_overlaps import overlapping_tables
from edgesim.inspect.lint_splits import bodies_of_none, odd_splits, plain_regexes
from edgesim.inspect.silence import Silenced, ignored_nothing, silenced
from edgesim.inspect.steps import Where
from edgesim.model import Assignments, Model, Problem, Severity


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: resources, the model they translate to, its endpoints, the problems known so far."""

    resources: Sequence[Resource]
    model: Model
    assignments: Assignments
    problems: tuple[Problem, ...]
    where: Where


def with_lint(subject: Subject) -> tuple[Problem, ...]:
    """Return every problem, with the notes of lint, without those that are silenced."""
    quiet = silenced(subject.resources)
    heard = (each for each in subject.problems if not _is_quiet(each, quiet))
    return tuple(dict.fromkeys((*heard, *_notes(subject, quiet))))


def _is_quiet(problem: Problem, quiet: Silenced) -> bool:
    return problem.severity is Severity.NOTE and (problem.resource, problem.code) in quiet


def _notes(subject: Subject, quiet: Silenced) -> Iterable[Problem]:
    for finding in _findings(subject):
        if (finding.step.resource, finding.code) not in quiet:
            yield as_problem(finding, subject.where)


def _findings(subject: Subject) -> Iterator[Finding]:
    hosts, resources = subject.model.virtual_hosts, subject.resources
    hidden = [*hidden_routes(hosts)]
    yield from hidden
    yield from overlapping_tables(hosts, frozenset(each.step for each in hidden))
    zeros = {each.resource for each in subject.problems if each.code == "ES0213" and each.resource is not None}
    yield from odd_splits(resources, zeros)
    yield from plain_regexes(resources)
    yield from bodies_of_none(resources)
    by_key = {each.key: each for each in resources}
    yield from silent_destinations(subject.model, subject.assignments, by_key, subject.problems)
    yield from unused_upstreams(subject.model, resources)
    yield from enterprise_fields(resources)
    yield from ignored_nothing(resources)
