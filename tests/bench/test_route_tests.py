"""The benchmark of route tests measures what it says: cases that are read and pass."""

from __future__ import annotations

import pytest

from bench import route_tests
from edgesim.config.route_tests import read_tests


@pytest.mark.parametrize(("form", "name", "text"), [(form, name, write()) for form, name, write in route_tests.FORMS])
def test_every_form_is_as_many_cases(form: str, name: str, text: str) -> None:
    """Each form holds the same number of requests, and nothing is wrong with it."""
    tests, problems = read_tests(text, name)
    assert (len(tests), problems) == (route_tests.CASES, ()), form
