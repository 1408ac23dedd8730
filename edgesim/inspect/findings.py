"""What lint finds, before anybody asks for lines: finding a line may mean parsing a text again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgesim.dialects import FieldPath, Resource, show_path
from edgesim.inspect.steps import Where
from edgesim.model import OriginStep, Problem
from edgesim.model.codes import problem

PLACE: Final = "\0"
"""Stands in a finding's text for the place of each related step, in order."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A note on a field of a resource; `related` are the other places its text is about."""

    code: str
    step: OriginStep
    text: str
    hint: str = ""
    related: tuple[OriginStep, ...] = ()


def step_at(resource: Resource, *path: str | int) -> OriginStep:
    """Return a field of a resource as an origin's step."""
    return OriginStep(resource.kind.kind, resource.namespace, resource.name, resource.source.file, path)


def below(step: OriginStep, *path: str | int) -> OriginStep:
    """Return a field below that of a step."""
    return OriginStep(step.kind, step.namespace, step.name, step.file, (*step.path, *path))


def value_at(manifest: Mapping[str, Any], path: FieldPath) -> Any:
    """Return what a manifest holds at a path, None where it holds nothing."""
    value: Any = manifest
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def as_problem(finding: Finding, where: Where) -> Problem:
    """Find the lines of a finding."""
    places = tuple(where(step) for step in finding.related)
    first, *others = finding.text.split(PLACE)
    text = first + "".join(f"{place}{rest}" for place, rest in zip(places, others, strict=True))
    return problem(
        finding.code,
        text,
        resource=finding.step.resource,
        field=show_path(finding.step.path),
        position=where(finding.step),
        hint=finding.hint,
        related=places,
    )
