"""Problems as SARIF 2.1.0 (OASIS), for code scanning: rules from the table of codes, results with regions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import edgesim
from edgesim.model import Position, Problem
from edgesim.model.codes import CODES, Code

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"

Object = dict[str, Any]


def sarif_log(problems: Sequence[Problem]) -> Object:
    """Return a log of one run. Files are named relative to the working directory, where they are below it."""
    codes = list(dict.fromkeys(problem.code for problem in problems))
    run: Object = {
        "tool": {
            "driver": {
                "name": "edgesim",
                "version": edgesim.__version__,
                "semanticVersion": edgesim.__version__,
                "rules": [_rule(CODES[code]) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, codes.index(problem.code)) for problem in problems],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(row: Code) -> Object:
    language = "console" if row.console else "yaml"
    bad, mend = row.bad.rstrip(), row.mend.rstrip()
    return {
        "id": row.code,
        "name": "".join(word.capitalize() for word in _words(row.title)),
        "shortDescription": {"text": row.title},
        "fullDescription": {"text": row.meaning},
        "help": {
            "text": f"{row.meaning}\n\nGives it:\n\n{bad}\n\nMended:\n\n{mend}\n",
            "markdown": f"{row.meaning}\n\nGives it:\n\n```{language}\n{bad}\n```\n\nMended:\n\n```{language}\n{mend}\n```\n",
        },
        "defaultConfiguration": {"level": row.severity.value},
    }


def _words(title: str) -> Iterable[str]:
    return "".join(char if char.isalnum() else " " for char in title).split()


def _result(problem: Problem, index: int) -> Object:
    message = problem.message + (f" ({problem.hint})" if problem.hint else "")
    result: Object = {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": problem.severity.value,
        "message": {"text": message},
    }
    location = _location(problem)
    if location:
        result["locations"] = [location]
    related = [physical for each in problem.related if (physical := _physical(each))]
    if related:
        result["relatedLocations"] = [{"id": id_, "physicalLocation": each} for id_, each in enumerate(related)]
    return result


def _location(problem: Problem) -> Object:
    """Return where a problem is: in a file, unless it came by standard input, and in a resource."""
    location: Object = {}
    physical = _physical(problem.position)
    if physical:
        location["physicalLocation"] = physical
    if problem.resource is not None:
        key = problem.resource
        full = str(key) + (f" {problem.field}" if problem.field else "")
        location["logicalLocations"] = [{"name": key.name, "fullyQualifiedName": full, "kind": "resource"}]
    return location


def _physical(position: Position | None) -> Object | None:
    if position is None or position.file == "-":
        return None
    artifact = _artifact(position.file)
    return {"artifactLocation": artifact, "region": {"startLine": position.line, "startColumn": position.column}}


def _artifact(file: str) -> Object:
    """Write a file as a URI: relative to the working directory if it is below it, else absolute."""
    relative = os.path.relpath(file)
    if relative.startswith(os.pardir):
        return {"uri": "file://" + quote(PurePath(os.path.abspath(file)).as_posix())}  # noqa: PTH100 - no need to exist
    return {"uri": quote(PurePath(relative).as_posix()), "uriBaseId": _ROOT}
