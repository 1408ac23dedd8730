"""Files of route tests among the paths of a command."""

from __future__ import annotations

from pathlib import Path

from edgesim.config.route_tests import find_route_tests

TESTS = "routes:\n- {name: one, expect: {upstream: echo}}\n"
TABLE = "kind: RouteTable\nspec:\n  routes:\n  - {}\n"


def test_paths_are_sorted_by_name_and_by_what_is_in_them(tmp_path: Path) -> None:
    """A file with tests is one whatever its name; a manifest with a list of routes is none; a folder may be both."""
    folder, only = tmp_path / "both", tmp_path / "only"
    folder.mkdir()
    only.mkdir()
    for file, text in (
        (tmp_path / "any.yaml", TESTS),
        (tmp_path / "table.yaml", TABLE),
        (folder / "a.test.yaml", TESTS),
        (folder / "table.yaml", TABLE),
        (only / "b.test.json", '{"tests": []}'),
    ):
        file.write_text(text)
    paths = [tmp_path / "any.yaml", tmp_path / "table.yaml", folder, only, Path("-")]
    found = find_route_tests(paths)
    assert found.files == tuple(map(str, (tmp_path / "any.yaml", folder / "a.test.yaml", only / "b.test.json")))
    assert found.manifests == (tmp_path / "table.yaml", folder, Path("-"))
    assert [test.file for test in found.tests] == [str(tmp_path / "any.yaml"), str(folder / "a.test.yaml")]
    assert [problem.code for problem in found.problems] == ["ES0106"]


def test_every_document_of_a_tests_file_is_one_of_tests(tmp_path: Path) -> None:
    """What is no test among them is a problem, and so is text that is no YAML; the other documents are read."""
    file = tmp_path / "a.test.yaml"
    file.write_text(f"{TESTS}---\n{TABLE}---\na: [\n")
    found = find_route_tests([file])
    assert [test.name for test in found.tests] == ["one"]
    assert sorted(problem.code for problem in found.problems) == ["ES0001", "ES0800"]
