from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edgesim.config.revisions import Revision
from edgesim.config.state import read_state
from edgesim.config.state_folder import default_folder, open_default, open_explicit
from edgesim.config.state_rows import StateError
from edgesim.model import EdgesimError
from tests.config.snapshots import resource, snapshot
from tests.config.test_isolation import host, model

# --- folders --------------------------------------------------------------------------------------


def test_the_folder_is_that_of_the_resolved_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However paths are written, and in whatever order, they have one folder; other paths have another."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    environ = {"XDG_STATE_HOME": "/state"}
    folder = default_folder(["real"], environ)
    assert folder.parent == Path("/state/edgesim")
    assert folder == default_folder([str(tmp_path / "link" / ".")], environ)
    assert folder != default_folder(["real", "-"], environ)
    assert default_folder(["-", "link", "real"], environ) == default_folder(["real", "-"], environ)
    assert default_folder([], {"HOME": "/home/me"}).is_relative_to("/home/me/.local/state/edgesim")
    assert default_folder([], {"HOME": "/h", "XDG_STATE_HOME": "relative"}).is_relative_to("/h/.local/state/edgesim")


def test_a_second_instance_takes_a_temporary_state(tmp_path: Path) -> None:
    """While one instance holds the folder another one keeps its state to itself, and says so."""
    first = open_default(tmp_path)
    second = open_default(tmp_path)
    assert second.folder is None
    assert [note.code for note in second.notes] == ["ES0721"]
    assert str(os.getpid()) in second.notes[0].message
    second.state.record(snapshot(model(host("echo"))))
    assert first.state.number == 0
    with pytest.raises(EdgesimError, match=f"^ES0720 --state {tmp_path}: process {os.getpid()} holds the state"):
        open_explicit(tmp_path)
    first.close()
    third = open_explicit(tmp_path)
    assert third.notes == ()
    third.close()
    second.close()


def test_what_another_one_holds_can_be_fallen_back_on(tmp_path: Path) -> None:
    """A second instance begins its own history with what was good last, so that undo brings the whole of it back."""
    first = open_default(tmp_path)
    first.state.record(snapshot(model(host("echo")), resource("other")))
    first.state.record(snapshot(model(host("echo")), resource("echo"), minute=1))
    second = open_default(tmp_path)
    begun = second.state.last()
    assert begun == Revision(1, "2026-01-01T00:01:00.000Z", model(host("echo")), (), (resource("echo"),))
    assert second.state.record(snapshot(model(host("foxtrot")), minute=2)) == 2
    assert first.state.number == 2
    first.close()
    second.close()


NOBODY = 65534


@contextmanager
def only_reading(folder: Path) -> Iterator[None]:
    """Let nothing be written in a folder; root, who may write everywhere, is somebody else meanwhile."""
    root = os.geteuid() == 0
    for path in (*folder.iterdir(), folder) if root else ():
        os.chown(path, NOBODY, NOBODY)
    folder.chmod(0o500)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_a_folder_that_can_only_be_read() -> None:
    """What is good there is served, and nothing is kept."""
    with TemporaryDirectory() as name:
        opened = open_default(Path(name))
        opened.state.record(snapshot(model(host("echo"))))
        opened.close()
        with only_reading(Path(name)):
            again = open_default(Path(name))
            good = again.state.last()
            assert good is not None
            assert (good.model, [note.code for note in again.notes]) == (model(host("echo")), ["ES0721"])
            again.close()


def test_state_is_private(tmp_path: Path) -> None:
    """It holds what Secrets hold: folder and files are the owner's alone."""
    opened = open_default(tmp_path / "deep" / "folder")
    opened.state.record(snapshot(model(host("echo"))))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "deep" / "folder").iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert stat.S_IMODE((tmp_path / "deep" / "folder").stat().st_mode) == 0o700
    opened.close()


def test_a_folder_that_cannot_be_made_is_no_reason_to_stop(tmp_path: Path) -> None:
    """Where the default folder cannot be, the state is temporary; one that was asked for must be possible."""
    (tmp_path / "file").touch()
    opened = open_default(tmp_path / "file" / "state")
    assert [note.code for note in opened.notes] == ["ES0721"]
    opened.close()
    with pytest.raises(EdgesimError, match=r"^ES0720 --state .*: not a directory$"):
        open_explicit(tmp_path / "file" / "state")


def test_a_state_is_read_beside_its_instance(tmp_path: Path) -> None:
    """A history can be read while an instance goes on writing it."""
    with pytest.raises(StateError, match=r"no state\.db"):
        read_state(tmp_path)
    (tmp_path / "state.db").touch()
    with pytest.raises(StateError, match="nothing in it yet"):
        read_state(tmp_path)
    opened = open_default(tmp_path)
    opened.state.record(snapshot(model(host("echo"))))
    reader = read_state(tmp_path)
    opened.state.record(snapshot(model(host("echo", version=2))))
    assert [info.number for info in reader.history()] == [2, 1]
    reader.close()
    opened.close()
