"""What `edgesim check -o json` prints; docs/check.schema.json is made from these classes."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.inspect.checks import CheckReport, Waiting
from edgesim.model import Problem, Severity


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """A line of glooctl's: the group's name, and `OK` or its number of errors (warnings count)."""

    name: str
    status: str


@dataclass(frozen=True, slots=True)
class CheckOutput:
    """The report of `edgesim check`.

    `resources`, `messages` and `errors` are what `glooctl check -o json` prints: warnings count as errors.
    `problems` are all, notes too, each with its code (`edgesim explain CODE`), class, resource, field and
    position. `waiting` are the resources whose newest version is not served under `policy`, each with the
    problems it waits for by index in `problems`; on files alone, those that would wait.
    """

    resources: tuple[ResourceGroup, ...]
    messages: tuple[str, ...]
    errors: tuple[str, ...]
    problems: tuple[Problem, ...]
    policy: str
    waiting: tuple[Waiting, ...]


def check_output(report: CheckReport) -> CheckOutput:
    """Return a report in the form machines read."""
    return CheckOutput(
        tuple(ResourceGroup(group.name, group.status) for group in report.groups),
        ("No problems detected.",) if report.clean else (),
        tuple(problem.message for problem in report.problems if problem.severity is not Severity.NOTE),
        report.problems,
        report.policy,
        report.waiting,
    )
