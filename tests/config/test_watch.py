from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from edgesim.config import watch as watching
from edgesim.config.watch import targets_of, watch


@asynccontextmanager
async def signals(*paths: Path) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Set a watch up; yields what waits for its next signal, with a deadline for a busy machine."""
    async with aclosing(watch([str(path) for path in paths])) as told:
        await anext(told)

        async def following() -> None:
            await asyncio.wait_for(anext(told), 60)

        yield following


async def quiet(following: Callable[[], Awaitable[None]]) -> None:
    """Nothing is told for longer than a burst lasts."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(following(), 0.3)


async def test_changes_in_a_folder(tmp_path: Path) -> None:
    """New, changed, renamed and removed files of a folder are told of, also in new folders."""
    async with signals(tmp_path) as following:
        (tmp_path / "a.yaml").write_text("a")
        await following()
        (tmp_path / "a.yaml").write_text("b")
        await following()
        (tmp_path / ".b.swp").write_text("c")
        (tmp_path / ".b.swp").rename(tmp_path / "a.yaml")
        await following()
        (tmp_path / "a.yaml").unlink()
        await following()
        (tmp_path / "team").mkdir()
        await following()
        (tmp_path / "team" / "c.yaml").write_text("c")
        await following()


async def test_other_files_of_a_folder(tmp_path: Path) -> None:
    """Logs and hidden files beside the manifests are no news."""
    (tmp_path / "access.log").write_text("a")
    async with signals(tmp_path) as following:
        (tmp_path / "access.log").write_text("b")
        (tmp_path / ".hidden.yaml").write_text("b")
        await quiet(following)


async def test_one_file(tmp_path: Path) -> None:
    """A single file is followed whatever its name, through renames; its neighbours are not."""
    file = tmp_path / "routes"
    file.write_text("a")
    async with signals(file) as following:
        (tmp_path / "other").write_text("b")
        (tmp_path / "other").rename(file)
        await following()
    async with signals(file) as following:
        (tmp_path / "neighbour.yaml").write_text("b")
        await quiet(following)


async def test_a_link(tmp_path: Path) -> None:
    """A change of the file a link points to is told of."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.yaml").write_text("a")
    link = tmp_path / "a.yaml"
    link.symlink_to(tmp_path / "real" / "a.yaml")
    async with signals(link) as following:
        (tmp_path / "real" / "a.yaml").write_text("b")
        await following()


async def test_a_folder_that_comes_and_goes(tmp_path: Path) -> None:
    """A folder that does not exist yet is followed when it is made, and again after it was removed."""
    folder = tmp_path / "later" / "still"
    async with signals(folder) as following:
        for _ in range(2):
            folder.mkdir(parents=True)
            while not targets_of([str(folder)]).trees:  # noqa: ASYNC110 - the disk tells nobody
                await asyncio.sleep(0.01)
            await following()
            (folder / "a.yaml").write_text("a")
            await following()
            (folder / "a.yaml").unlink()
            folder.rmdir()
            folder.parent.rmdir()
            await following()


@pytest.mark.parametrize("followed", ["team", "team/a.yaml"])
@pytest.mark.parametrize("moved", [False, True])
async def test_a_folder_that_another_takes_the_place_of(tmp_path: Path, followed: str, moved: bool) -> None:
    """What is written into a folder that replaces a watched one at once is told of, however it was replaced."""
    folder, other = tmp_path / "team", tmp_path / "other"
    for each in (folder, other):
        each.mkdir()
        (each / "a.yaml").write_text("a")
    async with signals(tmp_path / followed) as following:
        if moved:
            folder.rename(tmp_path / "old")
        else:
            shutil.rmtree(folder)
        other.rename(folder)
        await following()  # of the old one's end
        await following()  # the new one is watched
        (folder / "a.yaml").write_text("b")
        await following()


async def test_a_system_without_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses to watch, a signal comes every so often instead."""

    def refuse(*_paths: str, **_options: object) -> AsyncIterator[None]:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(watching, "awatch", refuse)
    async with signals(tmp_path) as following:
        await following()
        await following()


def test_what_is_watched(tmp_path: Path) -> None:
    """Folders are watched with all below them, files by their folder, missing paths by the nearest one there is."""
    (tmp_path / "a.yaml").write_text("a")
    assert targets_of(["-"]) == targets_of([])
    found = targets_of([str(tmp_path / "a.yaml"), str(tmp_path / "no" / "such"), "-"])
    assert (found.trees, found.folders) == (frozenset(), frozenset({str(tmp_path)}))
    found = targets_of([str(tmp_path)])
    assert (found.trees, found.folders) == (frozenset({str(tmp_path)}), frozenset({str(tmp_path.parent)}))
