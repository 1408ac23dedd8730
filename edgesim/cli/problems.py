"""The one printer of problems, whoever found them; `sarif`, `github` and `check_json` write the same for machines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import IO

from edgesim.cli.console import STYLES, err, paint
from edgesim.model import EdgesimError, Problem


def print_problems(problems: Iterable[Problem], stream: IO[str] | None = None) -> None:
    """Print each problem in up to three lines: place, class, code and message; field; hint."""
    target = stream or sys.stderr
    for problem in problems:
        print(problem_text(problem, target), file=target, flush=True)


def print_error(error: EdgesimError) -> None:
    """Print why something cannot be done: a line for each problem."""
    for line in str(error).splitlines():
        err(printable(line))


def problem_text(problem: Problem, stream: IO[str], frame: Sequence[str] = ()) -> str:
    """Return `file:line:column: severity CODE message`, with the field, a code frame and the hint below."""
    place = f"{printable(str(problem.position))}: " if problem.position else ""
    severity = paint(problem.severity.value, STYLES[problem.severity.value], stream)
    lines = [f"{place}{severity} {problem.code} {_flat(problem.message)}"]
    owner = str(problem.resource) if problem.resource else ""
    if problem.field:
        lines.append(f"    field: {problem.field}" + (f" of {owner}" if owner else ""))
    elif owner:
        lines.append(f"    resource: {owner}")
    lines += [f"    {line}" for line in frame]
    if problem.hint:
        lines.append(f"    hint: {_flat(problem.hint)}")
    return "\n".join(lines)


def _flat(text: str) -> str:
    """Keep a message on its line: what a user wrote may hold line breaks and escape codes."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """Spell out what a terminal would obey."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
