"""The report of `check`: glooctl's groups, each OK or with its number of errors, and every problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from edgesim.model import Problem, Severity

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
    ("Gateways", "Gateway"),
    ("Proxies", "Proxy"),
)
"""glooctl's groups in the order `glooctl check` goes through them, with the kind each looks at."""

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
class CheckReport:
    """Everything `check` prints: problems in the order of their files and lines, notes last."""

    groups: tuple[Group, ...]
    problems: tuple[Problem, ...]

    @property
    def clean(self) -> bool:
        """Tell whether there is nothing but notes."""
        return not any(group.errors for group in self.groups)


def check_report(problems: Iterable[Problem]) -> CheckReport:
    """Sort problems into glooctl's groups. A problem of several resources is there once for each."""
    ordered = tuple(sorted(problems, key=_place))
    kinds = dict(zip((kind for _name, kind in _GROUPS), (name for name, _kind in _GROUPS), strict=True))
    grave = Counter(
        kinds.get(problem.resource.kind, OTHERS) if problem.resource else OTHERS
        for problem in ordered
        if problem.severity is not Severity.NOTE
    )
    names = [name for name, _kind in _GROUPS]
    if grave[OTHERS]:
        names.insert(0, OTHERS)
    return CheckReport(tuple(Group(name, grave[name]) for name in names), ordered)


def _place(problem: Problem) -> tuple[bool, str, int, int]:
    position = problem.position
    where = (position.file, position.line, position.column) if position else ("", 0, 0)
    return (problem.severity is Severity.NOTE, *where)
