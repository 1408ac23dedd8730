from __future__ import annotations

import json
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from edgesim.config.files import STDIN, Text, decode_all, files_under, is_manifest, is_test_file, read_paths, read_texts

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.yaml", "a.yml", "sub/c.json", "sub/.d.yaml", ".hidden/e.yaml", "notes.txt", "Z.YAML"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": path.stem.lower()}}))
    return tmp_path


def test_a_folder_means_its_manifests(folder: Path) -> None:
    """Recursively and sorted; hidden files and folders and other suffixes are skipped."""
    names = [str(Path(path).relative_to(folder)) for path in files_under(str(folder))]
    assert names == ["Z.YAML", "a.yml", "b.yaml", str(Path("sub") / "c.json")]
    read = read_paths([str(folder)])
    assert [document.manifest["metadata"]["name"] for document in read.documents] == ["z", "a", "b", "c"]
    assert len(read.files) == 4
    assert read.problems == ()


def test_a_named_file_counts_whatever_its_name(folder: Path) -> None:
    """Only folders are filtered; and a file named twice is read once."""
    paths = [folder / "notes.txt", folder / "notes.txt", folder / "sub" / ".d.yaml", folder / "b.yaml", folder]
    names = [document.manifest["metadata"]["name"] for document in read_paths(paths).documents]
    assert names == ["notes", ".d", "b", "z", "a", "c"]


def test_standard_input_is_a_dash() -> None:
    """`-` is read once, and named `-` in positions."""
    read = read_paths([STDIN, STDIN], (NAMESPACE % "a").encode)
    (document,) = read.documents
    assert str(document.source.locate(("kind",))) == "-:2:1"
    assert read.files == ()


def test_standard_input_is_the_processes_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a reader of its own the process's standard input is read."""
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"a: b")))
    assert read_texts(["-"]) == ([Text("-", "a: b")], [])


def test_a_missing_path_is_a_problem_with_a_guess(folder: Path) -> None:
    """What is not there is named, with the neighbour it is most like."""
    (problem,) = read_paths([folder / "bb.yaml"]).problems
    assert problem.code == "ES0010"
    assert problem.hint == f"did you mean `{folder / 'b.yaml'}`?"
    for path in ("/nowhere/at/all", "a\0b", ""):
        (problem,) = read_paths([path]).problems
        assert (problem.code, problem.hint) == ("ES0010", "")


def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    """A file the system will not open is a problem, and the others are read."""
    bad, good = tmp_path / "bad.yaml", tmp_path / "good.yaml"
    bad.symlink_to("/proc/self/mem")
    good.write_text(NAMESPACE % "a")
    read = read_paths([bad, good])
    assert [problem.code for problem in read.problems] == ["ES0011"]
    assert len(read.documents) == 1


def test_invalid_utf8_has_its_place(tmp_path: Path) -> None:
    """The first byte that is no text is named with line and column."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: b\nc: \xff\n")
    (problem,) = read_paths([path]).problems
    assert (problem.code, str(problem.position)) == ("ES0004", f"{path}:2:4")
    assert "0xff" in problem.message


def test_a_dangling_link_in_a_folder_is_a_problem(tmp_path: Path) -> None:
    """A link to nothing is a file that cannot be read."""
    (tmp_path / "a.yaml").symlink_to(tmp_path / "gone")
    assert [problem.code for problem in read_paths([tmp_path]).problems] == ["ES0011"]


def test_a_resource_declared_twice_names_both_places(tmp_path: Path) -> None:
    """The second declaration is refused, with its own position and that of the first."""
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(NAMESPACE % "echo")
    first, second = decode_all(read_paths([tmp_path]).documents)
    assert first.resource is not None
    assert second.resource is None
    (problem,) = second.problems
    assert problem.code == "ES0012"
    assert str(problem.position) == f"{tmp_path / 'b.yaml'}:1:1"
    assert f"{tmp_path / 'a.yaml'}:1:1" in problem.message


def test_manifests_are_told_by_name() -> None:
    """What a watcher sees change is a manifest by its suffix, unless it is hidden."""
    assert is_manifest("a.yaml")
    assert is_manifest("a.JSON")
    assert not is_manifest(".a.yaml")
    assert not is_manifest("a.yaml~")


def test_route_tests_are_no_manifests(tmp_path: Path) -> None:
    """`*.test.yaml` holds route tests: a folder of manifests may hold them too."""
    for name in ("a.test.yaml", "b.test.JSON", "c.yaml", "test.yaml"):
        (tmp_path / name).write_text("")
    assert not is_manifest("a.test.yaml")
    assert is_test_file("a.test.yml")
    assert not is_test_file(".a.test.yml")
    assert [Path(file).name for file in files_under(str(tmp_path))] == ["c.yaml", "test.yaml"]
    assert [Path(file).name for file in files_under(str(tmp_path), is_test_file)] == ["a.test.yaml", "b.test.JSON"]
