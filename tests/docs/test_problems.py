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


def test_stale_missing_and_orphaned_pages_are_named(problems: ModuleType, tmp_path: Path) -> None:
    """A page that differs, one that is not there and one of no code are all differences; a right one is not."""
    pages = problems.pages({"ES0001": ROW, "ES0002": Code("ES0002", Severity.NOTE, "t", "m", "x", "y")})
    (tmp_path / "ES0001.md").write_text(pages["ES0001.md"])
    (tmp_path / "README.md").write_text("old")
    (tmp_path / "ES0009.md").write_text("of no code")
    assert problems.differences(tmp_path, pages) == ["ES0002.md", "ES0009.md", "README.md"]


def test_check_fails_until_written(
    problems: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check exits 1 and writes nothing while pages are stale; writing them makes it exit 0."""
    monkeypatch.setattr(problems, "FOLDER", tmp_path)
    monkeypatch.setattr(problems, "CODES", {"ES0001": ROW})
    assert problems.main(["--check"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert "stale: docs/problems/ES0001.md" in capsys.readouterr().out
    assert problems.main([]) == 0
    assert problems.main(["--check"]) == 0
