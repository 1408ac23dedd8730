"""The generated pages are what their tables say, and the scripts say when they are not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from docs.generate.pages import run
from edgesim.policies.operators import OPERATORS
from edgesim.policies.response_flags import FLAGS

SCRIPTS = Path(__file__).parents[2] / "docs" / "generate"


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"generate_{name}", SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_check_fails_until_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check exits 1 and writes nothing while a page is stale; writing it makes it exit 0."""
    wanted = {tmp_path / "folder" / "page.md": "new\n"}
    assert run(wanted, ["--check"]) == 1
    assert "page.md (make format writes it)" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert run(wanted, []) == run(wanted, []) == run(wanted, ["--check"]) == 0
    assert capsys.readouterr().out == f"written: {tmp_path}/folder/page.md\n"


def test_a_page_that_nobody_wants_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a script makes all of a folder, a page of something that is gone is named, and removed."""
    orphan = tmp_path / "ES0009.md"
    orphan.write_text("of no code")
    assert run({}, ["--check"], tmp_path) == 1
    assert run({}, [], tmp_path) == 0
    assert not orphan.exists()
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["stale", "removed"]


def test_every_flag_is_in_one_table() -> None:
    """A flag that the proxy imports is listed as set, any other as never set."""
    page = _script("response_flags").page(FLAGS, frozenset({"UH"}))
    ours, others = page.split("## Never set")
    assert "| `UH` | `NoHealthyUpstream` |" in ours
    assert "| `NR` | `NoRouteFound` |" in others
    assert all(page.count(f"| `{flag.short}` |") == 1 for flag in FLAGS)


def test_flags_are_found_where_they_are_imported(tmp_path: Path) -> None:
    """Only names imported from the table's module count."""
    (tmp_path / "a.py").write_text("from edgesim.policies.response_flags import NR, UH\nfrom os import path\n")
    assert _script("response_flags").used(tmp_path) == {"NR", "UH"}


def test_every_operator_is_on_the_page() -> None:
    """An operator has a row with its brackets, or is named among those that are always `-`."""
    page = _script("format_strings").page(OPERATORS)
    assert "| `%REQ(...):n?%` |" in page
    assert "`TRACE_ID`" in page.rpartition("always `-`")[2]
    assert all(f"`%{name}" in page or f"`{name}`" in page for name in OPERATORS)


def test_the_picture_of_the_house_leaves_out_what_a_longer_way_tells() -> None:
    """Of arrows a -> b -> c and a -> c the last is left out; folders of one row stand in one line of the graph."""
    house = _script("house")
    imports = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset()}
    assert ["".join(house._nearest(name, imports)) for name in "abc"] == ["b", "c", ""]


def test_the_picture_of_the_house_is_made_of_the_imports() -> None:
    """The house's rows name every folder, and the arrows are those of the code: down only."""
    house = _script("house")
    order = [name for row in house.rows() for name in row]
    imports = house.arrows()
    assert set(order) == imports.keys() - {"__main__"}
    assert imports["cli"] >= {"admin", "config"}
    assert all(order.index(name) < order.index(target) for name in order for target in imports[name])
