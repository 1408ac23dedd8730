"""The one family of errors, and that nobody writes one by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import edgesim
from edgesim.model import EdgesimError, Position
from edgesim.model.codes import CODES, failure, problem

_PACKAGE = Path(edgesim.__file__).parent
_SOURCES = {file: file.read_text() for file in _PACKAGE.rglob("*.py")}
_TABLES = _PACKAGE / "model" / "codes"
_FOR_OTHERS = {"GatewayError"}
"""What the tests of users catch."""


def _caught() -> Iterator[str]:
    for text in _SOURCES.values():
        for clause in re.findall(r"except ([^:\n]+):|suppress\(([^)]*)\)|raises? as ([^:\n]+):", text):
            yield from re.findall(r"\w+Error\b", "".join(clause))


def test_a_line_has_place_code_message_and_hint() -> None:
    """An error reads as its problems, a line each: place, code, message, hint, of which place and hint may be missing."""
    placed = problem("ES0001", "no YAML", position=Position("vs.yaml", 3, 5))
    error = EdgesimError(placed, problem("ES0702", "nobody answers", hint="start one"), exit_code=2)
    assert str(error) == "vs.yaml:3:5: ES0001 no YAML\nES0702 nobody answers; start one"
    assert (error.exit_code, len(error.problems)) == (2, 2)


def test_a_code_that_is_in_no_table_cannot_be_raised() -> None:
    """Codes come from the tables only."""
    with pytest.raises(KeyError):
        failure("ES9999", "nothing")


def test_an_exception_has_a_class_of_its_own_only_where_it_is_caught_apart() -> None:
    """Each class of exception is named in an `except` of the package."""
    classes = {name for text in _SOURCES.values() for name in re.findall(r"^class (\w+Error)\(", text, re.MULTILINE)}
    assert classes - set(_caught()) - _FOR_OTHERS == set()


def test_no_error_is_written_by_hand() -> None:
    """No text of the code begins with a code, but for the examples of the tables."""
    by_hand = [
        (file.name, text) for file, source in _SOURCES.items() if _TABLES not in file.parents
        for text in re.findall(r'f?"ES\d{4} [^"]*"', source)
    ]  # fmt: skip
    assert by_hand == []


def test_every_code_that_is_named_is_in_a_table() -> None:
    """A code that stands in the code has a row, and so a page."""
    named = {code for source in _SOURCES.values() for code in re.findall(r'"(ES\d{4})"', source)}
    assert named - CODES.keys() == set()
