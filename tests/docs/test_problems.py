from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from edgesim.model import Severity
from edgesim.model.codes import Code

SCRIPT = Path(__file__).parents[2] / "docs" / "generate" / "problems.py"
ROW = Code("ES0001", Severity.ERROR, "No such thing", "It is not there.", "a: 1\n", "b: 1\n")


@pytest.fixture
def problems() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_problems", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_page_shows_the_row(problems: ModuleType) -> None:
    """A page names code, class and title, and shows the example that gives the problem and the mended one."""
    pages = problems.pages({"ES0001": ROW})
    page = pages["ES0001.md"]
    assert "# ES0001: No such thing" in page
    assert "*error*" in page
    assert page.index("a: 1") < page.index("b: 1")
    assert "| [ES0001](ES0001.md) | error | No such thing |" in pages["README.md"]
