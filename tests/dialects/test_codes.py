from __future__ import annotations

import re

import pytest

from edgesim.backends.checks import pod_problems
from edgesim.backends.planned import planned_assignments
from edgesim.dialects.envoy import inexpressible
from edgesim.inspect.lint import Subject, with_lint
from edgesim.model import Severity
from edgesim.model.codes import CODES, Code, problem
from edgesim.model.codes.envoy import ENVOY
from edgesim.model.codes.lint import LINT
from tests.dialects.scenes import run

IN_YAML = [row for row in CODES.values() if not row.console]
COMPANIONS = {"ES0522": {"ES0200"}}
"""Codes that come with another: each of several resources has a problem."""
LINTED = frozenset(row.code for row in LINT)
EXPORTED = frozenset(row.code for row in ENVOY)


def codes_of(text: str, code: str) -> set[str]:
    """Return the codes of a file as its page's: others than lint's are short, and lint has a lot to say."""
    outcome = run(text)
    problems = (*outcome.problems, *pod_problems(outcome.resources))
    model, where = outcome.translation.model, outcome.translation.where
    if code in EXPORTED:
        problems = (*problems, *inexpressible(model, None, where))
    if code in LINTED:
        assignments = planned_assignments(model.clusters, outcome.resources)
        problems = with_lint(Subject(outcome.resources, model, assignments, problems, where))
    return {found.code for found in problems}


@pytest.mark.parametrize("row", IN_YAML, ids=lambda row: row.code)
def test_a_bad_example_gives_its_code_and_no_other(row: Code) -> None:
    """The bad example of each page yields the code of the page."""
    found = codes_of(row.bad, row.code)
    assert found == {row.code} | COMPANIONS.get(row.code, set())


@pytest.mark.parametrize("row", IN_YAML, ids=lambda row: row.code)
def test_a_mend_is_clean(row: Code) -> None:
    """The mended example of each page has no problem at all."""
    assert codes_of(row.mend, row.code) == set()


@pytest.mark.parametrize("row", CODES.values(), ids=lambda row: row.code)
def test_a_row_is_complete(row: Code) -> None:
    """Each row has a code of the form ES0123, and every text a page needs."""
    assert re.fullmatch(r"ES\d{4}", row.code)
    assert row.title
    assert row.meaning.endswith((".", ")"))
    assert row.bad.strip()
    assert row.mend.strip()


def test_the_table_gives_the_severity() -> None:
    """A problem takes its class from the table."""
    assert problem("ES0214", "x").severity is Severity.WARNING
    assert problem("ES0601", "x").severity is Severity.NOTE


def test_an_unknown_code_is_refused() -> None:
    """There is no problem without a row in the table."""
    with pytest.raises(KeyError):
        problem("ES9999", "x")
