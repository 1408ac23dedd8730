"""What apply, delete and patch share: files sent, and what became of them printed as kubectl prints it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from edgesim.admin import File, Files, Outcome, Result
from edgesim.admin.endpoints import Endpoint
from edgesim.cli.client import Client
from edgesim.cli.console import out, out_json
from edgesim.cli.options import Report
from edgesim.cli.problems import print_error, print_problems
from edgesim.config.api_errors import ApiError
from edgesim.config.files import read_texts
from edgesim.model import Problem

T = TypeVar("T")


def read_files(paths: Iterable[Path]) -> tuple[Files, tuple[Problem, ...]]:
    """Read files, folders and standard input; what cannot be read is a problem."""
    texts, problems = read_texts(paths)
    return Files(tuple(File(each.file, each.text) for each in texts)), tuple(problems)


def send_files(client: Client, endpoint: Endpoint[T], files: Files) -> T:
    """Send files to an endpoint and return what became of them."""
    return client.ask(endpoint, (), msgspec.json.encode(files).decode(), {"Content-Type": "application/json"})


def report_outcome(outcome: Outcome, unread: tuple[Problem, ...], output: Report) -> int:
    """Print an outcome and return the exit code: 1 if something was refused or is not there."""
    missing = [result for result in outcome.results if result.verb == "not found"]
    if output is Report.JSON:
        out_json(replace(outcome, refused=(*unread, *outcome.refused)))
    else:
        for result in outcome.results:
            _print_result(result)
        print_problems([*unread, *outcome.refused, *outcome.problems])
    return 1 if unread or outcome.refused or missing else 0


def _print_result(result: Result) -> None:
    if result.verb == "deleted":
        out(f'{result.kind} "{result.name}" deleted')
    elif result.verb == "not found":
        print_error(ApiError("NotFound", f'{result.plural} "{result.name}" not found'))
    else:
        out(f"{result.kind}/{result.name} {result.verb}")
