"""The generated pages are what their tables say, and the scripts say when they are not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from edgesim.policies.operators import OPERATORS
from edgesim.policies.response_flags import FLAGS

SCRIPTS = Path(__file__).parents[2] / "docs" / "generate"
PAGES = (("response_flags", "FILE", "page.md"), ("format_strings", "FILE", "page.md"), ("json_schemas", "FOLDER", ""))


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"generate_{name}", SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "place", "page"), PAGES)
def test_check_fails_until_written(
    name: str,
    place: str,
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """--check exits 1 and writes nothing while the page is stale; writing it makes it exit 0."""
    script = _script(name)
    monkeypatch.setattr(script, place, tmp_path / page)
    assert script.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert script.main([]) == script.main([]) == script.main(["--check"]) == 0


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
