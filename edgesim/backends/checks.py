"""What is wrong with the pods that resources declare; pure, so that `check` tells the same offline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgesim.backends.objects import controller_of
from edgesim.backends.program import BadField, read_program
from edgesim.dialects import FieldPath, Resource
from edgesim.dialects.fields import show_path
from edgesim.model import Problem
from edgesim.model.codes import problem

_TEMPLATE: FieldPath = ("spec", "template")


def pod_problems(resources: Iterable[Resource]) -> tuple[Problem, ...]:
    """Return the problems of pod templates and of pods somebody wrote: scripts, http-echo's arguments."""
    return tuple(found for resource in resources for found in template_problems(resource))


def template_problems(resource: Resource) -> tuple[Problem, ...]:
    """Return the problems of what one resource says about pods; a Deployment's own Pod repeats none."""
    match resource.kind.kind:
        case "Deployment":
            return _problems(resource, resource.manifest["spec"]["template"], _TEMPLATE)
        case "ReplicaSet" if controller_of(resource) is None:
            return _problems(resource, resource.manifest["spec"]["template"], _TEMPLATE)
        case "Pod" if controller_of(resource) is None:
            return _problems(resource, resource.manifest, ())
        case _:
            return ()


def _problems(resource: Resource, template: dict[str, Any], prefix: FieldPath) -> tuple[Problem, ...]:
    bad = read_program(template, resource.name, resource.namespace).bad
    return tuple(_problem(resource, prefix, one) for one in bad)


def _problem(resource: Resource, prefix: FieldPath, bad: BadField) -> Problem:
    path = (*prefix, *bad.path)
    return problem(
        bad.code,
        bad.message,
        resource=resource.key,
        field=show_path(path),
        position=resource.source.locate(path),
        hint=bad.hint,
    )
