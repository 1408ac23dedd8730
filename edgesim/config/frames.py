"""The lines around a place, cut from the text a document was read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgesim.config.read import LINE_BREAK
from edgesim.dialects import Resource, Source
from edgesim.inspect.checks import Frame
from edgesim.model import Position, Problem, ResourceKey

AROUND = 2
"""So many lines are shown before and behind."""


def cut(text: str, first_line: int, position: Position) -> Frame | None:
    """Return the lines around a position of a text that begins at `first_line`; None if it is not in the text."""
    lines = LINE_BREAK.split(text)
    index = position.line - first_line
    if not 0 <= index < len(lines):
        return None
    begin = max(0, index - AROUND)
    end = min(len(lines), index + AROUND + 1)
    while end > index + 1 and not lines[end - 1].strip():
        end -= 1
    while begin < index and (not lines[begin].strip() or lines[begin].startswith("---")):
        begin += 1
    return Frame(first_line + begin, tuple(lines[begin:end]))


def frames_of(problems: Iterable[Problem], sources: Mapping[ResourceKey, Source]) -> tuple[Frame | None, ...]:
    """Return the frame of each problem whose resource was read from a text that is still known."""
    return tuple(_frame(problem, sources) for problem in problems)


def sources_of(resources: Iterable[Resource]) -> dict[ResourceKey, Source]:
    """Return where each resource was written."""
    return {resource.key: resource.source for resource in resources}


def _frame(problem: Problem, sources: Mapping[ResourceKey, Source]) -> Frame | None:
    source = sources.get(problem.resource) if problem.resource is not None else None
    position = problem.position
    if source is None or position is None or not source.text or source.file != position.file:
        return None
    return cut(source.text, source.line, position)
