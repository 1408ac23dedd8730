"""The status an object is shown with: its own where a controller wrote one, Gloo's from the problems it has.

Gloo's shape and reason texts: `.status.statuses`, section "Status object" of Gloo Edge's API (solo-kit's reporter).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgesim.config.store import Entry, published
from edgesim.control import Instance
from edgesim.model import Problem, ResourceKey, Severity

INSTALL_NAMESPACE = "gloo-system"
_GLOO_GROUPS = {"gateway.solo.io": "gateway", "gloo.solo.io": "gloo"}


def shown(instance: Instance, entry: Entry) -> dict[str, Any]:
    """Return an object as the API shows it, with the status it has now."""
    return published(entry, _status(instance, entry))


def _status(instance: Instance, entry: Entry) -> dict[str, Any] | None:
    kind = entry.resource.kind
    if entry.status is not None:
        return entry.status
    if kind.group in _GLOO_GROUPS and kind.kind != "Settings":
        return gloo_status(problems_of(instance.problems, entry.resource.key), kind.group)
    if kind.kind == "Namespace":
        return {"phase": "Active"}
    return {"loadBalancer": {}} if kind.kind == "Service" else None


def problems_of(problems: Iterable[Problem], key: ResourceKey) -> tuple[Problem, ...]:
    """Return the problems of one resource."""
    return tuple(problem for problem in problems if problem.resource == key)


def gloo_status(problems: Iterable[Problem], group: str) -> dict[str, Any]:
    """Return the status Gloo reports for these problems of one resource."""
    errors = [problem.message for problem in problems if problem.severity is Severity.ERROR]
    warnings = [problem.message for problem in problems if problem.severity is Severity.WARNING]
    state = "Rejected" if errors else "Warning" if warnings else "Accepted"
    reported = {"reportedBy": _GLOO_GROUPS[group], "state": state}
    if errors or warnings:
        reported["reason"] = _reason(errors, warnings)
    return {"statuses": {INSTALL_NAMESPACE: reported}}


def _reason(errors: list[str], warnings: list[str]) -> str:
    parts = []
    if errors:
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        parts.append(f"{count} occurred:\n" + "".join(f"\t* {error}\n" for error in errors) + "\n")
    if warnings:
        parts.append("warning: \n  " + "\n".join(warnings))
    return "\n".join(parts)
