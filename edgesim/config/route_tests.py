"""Files of route tests among the paths of a command; the other paths are manifests."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgesim.config.files import STDIN, files_under, is_test_file, read_texts
from edgesim.config.read import Read, read_text
from edgesim.dialects.route_tests import is_route_tests, read_route_tests
from edgesim.model import Position, Problem
from edgesim.model.codes import problem
from edgesim.model.route_tests import RouteTest

_HINT = re.compile(r"""^\s*\{?\s*["']?(tests|routes)["']?\s*:""", re.MULTILINE)
"""What a file of route tests has somewhere; a quick look before a whole file is parsed."""


@dataclass(frozen=True, slots=True)
class RouteTestFiles:
    """The route tests of some paths with every problem of reading them, and the paths that hold manifests."""

    tests: tuple[RouteTest, ...]
    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    manifests: tuple[Path, ...]


def find_route_tests(paths: Iterable[Path]) -> RouteTestFiles:
    """Sort paths: a file is one of route tests by its name (`*.test.yaml`) or by what is in it.

    Of a folder the files named so are route tests, and the folder holds manifests too where there is any other.
    """
    reads: dict[str, Read] = {}
    problems: list[Problem] = []
    manifests: list[Path] = []
    for path in paths:
        if str(path) != STDIN and os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a NUL in the name
            texts, unread = read_texts(files_under(str(path), is_test_file))
            reads |= {text.file: read_text(text.text, text.file) for text in texts}
            problems += unread
            if next(files_under(str(path)), None) is not None:
                manifests.append(path)
        elif (read := _tests_in(path)) is not None:
            reads[str(path)] = read
        else:
            manifests.append(path)
    tests, said = _all_tests(reads)
    return RouteTestFiles(tests, (*problems, *said), tuple(reads), tuple(manifests))


def _tests_in(path: Path) -> Read | None:
    """Return what a file of route tests holds; None for any other, which is then read with the manifests."""
    if str(path) == STDIN:
        return None
    texts, problems = read_texts([path])
    if is_test_file(path.name):
        return read_text(texts[0].text, texts[0].file) if texts else Read(problems=tuple(problems))
    if not texts or not _HINT.search(texts[0].text):
        return None
    read = read_text(texts[0].text, texts[0].file)
    return read if any(is_route_tests(document.manifest) for document in read.documents) else None


def read_tests(text: str, file: str) -> tuple[tuple[RouteTest, ...], tuple[Problem, ...]]:
    """Read the route tests of one text, and every problem of it."""
    return _all_tests({file: read_text(text, file)})


def _all_tests(reads: Mapping[str, Read]) -> tuple[tuple[RouteTest, ...], tuple[Problem, ...]]:
    tests: list[RouteTest] = []
    problems: list[Problem] = []
    for file, read in reads.items():
        decoded = [read_route_tests(document) for document in read.documents]
        tests += [test for each in decoded for test in each.tests]
        problems += [*read.problems, *(found for each in decoded for found in each.problems)]
        if not read.documents and not read.problems:
            problems.append(
                problem("ES0800", "there are no route tests: the file is empty", position=Position(file, 1, 1))
            )
    return tuple(tests), tuple(problems)
