"""The report of `check`: glooctl's groups, each OK or with its number of errors, and every problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from edgesim.inspect.proxies import on_proxy
from edgesim.model import Problem, ResourceKey, Severity

_PROXIES = "Proxies"
_GROUPS = (
    ("Deployments", "Deployment"),
    ("Pods", "Pod"),
    ("Upstreams", "Upstream"),
    ("UpstreamGroups", "UpstreamGroup"),
    ("AuthConfigs", "AuthConfig"),
    ("RateLimitConfigs", "RateLimitConfig"),
    ("VirtualHostOptions", "VirtualHostOption"),
    ("RouteOptions", "RouteOption"),
    ("Secrets", "Secret"),
    ("VirtualServices", "VirtualService"),
    ("RouteTables", "RouteTable"),
    ("Gateways", "Gateway"),
    (_PROXIES, "Proxy"),
)
"""glooctl's groups in the order `glooctl check` goes through them, with the kind each looks at.

RouteTables are edgesim's own: glooctl does not check them.
"""

_NAMES = {kind: name for name, kind in _GROUPS}

OTHERS = "Documents"
"""The group of problems that belong to no kind of glooctl's: unreadable text, Services, Namespaces."""


@dataclass(frozen=True, slots=True)
class Group:
    """One line of the report; warnings count as errors, as they do for glooctl, notes do not."""

    name: str
    errors: int

    @property
    def status(self) -> str:
        """Return what glooctl prints behind the dots."""
        return f"{self.errors} Errors!" if self.errors else "OK"


@dataclass(frozen=True, slots=True)
class Frame:
    """Lines of a file around a problem's place; `first` is the number of the first, from 1."""

    first: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A resource whose newest version is not served, and the problems it waits for, by index in the report."""

    resource: ResourceKey
    problems: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Everything `check` prints: problems in the order of their files and lines, notes last.

    `frames` are the code frames of the problems, one each, as far as the texts are known. `waiting` says who
    waits for which problem under `policy`; on files alone, who would.
    """

    groups: tuple[Group, ...]
    problems: tuple[Problem, ...]
    frames: tuple[Frame | None, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    policy: str = "freeze"

    @property
    def clean(self) -> bool:
        """Tell whether there is nothing but notes."""
        return not any(group.errors for group in self.groups)

    def passes(self, *, strict: bool) -> bool:
        """Tell whether the exit code is 0; a strict check wants no notes either."""
        return not self.problems if strict else self.clean


class Held(Protocol):
    """A resource that is held back, as `config.waiting` tells."""

    @property
    def resource(self) -> ResourceKey:
        """Return the resource."""

    @property
    def blockers(self) -> tuple[Problem, ...]:
        """Return the problems it waits for."""


def check_report(problems: Iterable[Problem]) -> CheckReport:
    """Sort problems into glooctl's groups."""
    ordered = tuple(sorted(merged(problems), key=_place))
    grave = Counter(
        group for problem in ordered if problem.severity is not Severity.NOTE for group in _groups_of(problem)
    )
    if any(problem.severity is not Severity.NOTE and on_proxy(problem) for problem in ordered):
        grave[_PROXIES] = 1  # there is one Proxy, and glooctl counts those whose status is not Accepted
    names = [name for name, _kind in _GROUPS]
    if grave[OTHERS]:
        names.insert(0, OTHERS)
    return CheckReport(tuple(Group(name, grave[name]) for name in names), ordered)


def _groups_of(problem: Problem) -> Iterable[str]:
    """Return the groups whose resources have a problem, or suffer from it: glooctl reads statuses, which name both."""
    own = _NAMES.get(problem.resource.kind, OTHERS) if problem.resource else OTHERS
    return {own, *(_NAMES[key.kind] for key in problem.affects if key.kind in _NAMES)}


def merged(problems: Iterable[Problem]) -> list[Problem]:
    """Join what differs only in who suffers from it: a table's mistake is one, however many delegate to it."""
    suffering: dict[Problem, dict[ResourceKey, None]] = {}
    for problem in problems:
        suffering.setdefault(replace(problem, affects=()), {}).update(dict.fromkeys(problem.affects))
    return [replace(problem, affects=tuple(keys)) for problem, keys in suffering.items()]


def with_waiting(report: CheckReport, held: Iterable[Held], policy: str) -> CheckReport:
    """Add who waits for which problems, under a policy."""
    numbers = {replace(problem, affects=()): number for number, problem in enumerate(report.problems)}
    known: dict[int, int | None] = {}
    waiting: list[Waiting] = []
    for each in held:
        for problem in each.blockers:
            if id(problem) not in known:
                known[id(problem)] = numbers.get(replace(problem, affects=()))
        found = dict.fromkeys(number for problem in each.blockers if (number := known[id(problem)]) is not None)
        waiting.append(Waiting(each.resource, tuple(found)))
    return replace(report, waiting=tuple(each for each in waiting if each.problems), policy=policy)


def _place(problem: Problem) -> tuple[bool, str, int, int]:
    position = problem.position
    where = (position.file, position.line, position.column) if position else ("", 0, 0)
    return (problem.severity is Severity.NOTE, *where)
