"""Files of route tests among the paths of a command; the other paths are manifests."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgesim.config.files import STDIN, Text, files_under, is_test_file, read_texts
from edgesim.config.read import Read, read_text
from edgesim.dialects.route_tests import is_route_tests, read_route_tests
from edgesim.model import Problem
from edgesim.model.route_tests import RouteTest

_HINT = re.compile(r"""^\s*\{?\s*["']?(tests|routes)["']?\s*:""", re.MULTILINE)
"""What a file of route tests has somewhere; a quick look before a whole file is parsed."""


@dataclass(frozen=True, slots=True)
class TestFiles:
    """The route tests of some paths with every problem of reading them, and the paths that hold manifests."""

    tests: tuple[RouteTest, ...]
    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    manifests: tuple[Path, ...]


def find_route_tests(paths: Iterable[Path]) -> TestFiles:
    """Sort paths: a file is one of route tests by its name (`*.test.yaml`) or by what is in it.

    Of a folder the files named so are route tests, and the folder holds manifests too where there is any other.
    """
    texts: list[Text] = []
    problems: list[Problem] = []
    manifests: list[Path] = []
    for path in paths:
        if str(path) != STDIN and os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a NUL in the name
            found, said = read_texts(files_under(str(path), is_test_file))
            texts += found
            problems += said
            if next(files_under(str(path)), None) is not None:
                manifests.append(path)
        elif (text := _tests_in(path)) is not None:
            texts.append(text)
        else:
            manifests.append(path)
    reads = [read_tests(text.text, text.file) for text in texts]
    return TestFiles(
        tuple(test for tests, _problems in reads for test in tests),
        (*problems, *(problem for _tests, said in reads for problem in said)),
        tuple(text.file for text in texts),
        tuple(manifests),
    )


def _tests_in(path: Path) -> Text | None:
    """Return the text of a file of route tests; None for any other, which is then read with the manifests."""
    if str(path) == STDIN:
        return None
    found, _problems = read_texts([path])
    if not found:
        return None
    text = found[0]
    if is_test_file(path.name):
        return text
    return text if _HINT.search(text.text) and _holds_tests(read_text(text.text, text.file)) else None


def _holds_tests(read: Read) -> bool:
    return any(is_route_tests(document.manifest) for document in read.documents)


def read_tests(text: str, file: str) -> tuple[tuple[RouteTest, ...], tuple[Problem, ...]]:
    """Read the route tests of one text, and every problem of it."""
    read = read_text(text, file)
    decoded = [read_route_tests(document) for document in read.documents]
    tests = tuple(test for each in decoded for test in each.tests)
    return tests, (*read.problems, *(problem for each in decoded for problem in each.problems))
