"""Where a piece of the model was written: each resource on the way, with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgesim.model import Origin, OriginStep, Position

Where = Callable[[OriginStep], Position]
"""Finds the place of an origin's step; it may parse text again."""


@dataclass(frozen=True, slots=True)
class Step:
    """One resource on the way, with its place."""

    kind: str
    namespace: str
    name: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.kind} {self.namespace}/{self.name})"


def steps(origin: Origin, where: Where) -> tuple[Step, ...]:
    """Return the steps of an origin, outermost first."""
    return tuple(step_of(step, where) for step in origin)


def step_of(step: OriginStep, where: Where) -> Step:
    """Return one step with its line."""
    return Step(step.kind, step.namespace, step.name, step.file, where(step).line)


def own_name(name: str) -> str:
    """Return the name a route was given by its author, of the one Gloo makes for a named branch of delegation.

    Such a name is `vs:GATEWAY_PROXY_NAMESPACE_NAME_route:NAME_rt:...`, an unnamed level being `<unnamed-INDEX>`.
    """
    if not name.startswith("vs:"):
        return name
    own = name.rpartition("_route:")[2]
    return "" if own.startswith("<unnamed-") else own
