"""Problems as GitHub's workflow commands, which become annotations on the lines of a pull request.

Source: GitHub Docs, "Workflow commands for GitHub Actions", and actions/toolkit `command.ts` for what is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgesim.model import Problem, Severity
from edgesim.model.codes import CODES

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def commands(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield one line for each problem."""
    for problem in problems:
        title = CODES[problem.code].title if problem.code in CODES else ""
        properties = {"title": f"{problem.code}: {title}"}
        position = problem.position
        if position is not None and position.file != "-":
            properties = {
                "file": position.file,
                "line": str(position.line),
                "col": str(position.column),
                **properties,
            }
        listed = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in properties.items())
        yield f"::{_COMMANDS[problem.severity]} {listed}::{_message(problem).translate(_DATA)}"


def _message(problem: Problem) -> str:
    owner = f"{problem.resource}: " if problem.resource else ""
    return owner + problem.message + (f"\n{problem.hint}" if problem.hint else "")
