from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgesim.config.encoding import StoredResource
from edgesim.config.store import Store
from edgesim.control import Delete, Files, Instance
from edgesim.model import ResourceKey
from tests.control.scenes import (
    CLUSTER,
    ECHO,
    SERVICE,
    UPSTREAM,
    RecordingEngine,
    ask,
    deployment,
    documents,
    puts,
    resources,
    until,
    virtual_service,
)

ROUTES = ResourceKey("VirtualService", "gloo-system", "echo")


@pytest.fixture
async def followed(instance: Instance, tmp_path: Path) -> AsyncIterator[Files]:
    files = Files(instance, [str(tmp_path)])
    await files.load()
    await files.follow()
    yield files
    await files.close()


def prefix(engine: RecordingEngine) -> list[str]:
    return [
        match.path.value for host in engine.last.model.virtual_hosts for route in host.routes for match in route.matches
    ]


def rename_over(path: Path, text: str) -> None:
    """Save as most editors do: write beside, then rename over."""
    beside = path.with_name(f".{path.name}.swp")
    beside.write_text(text)
    beside.rename(path)


async def test_a_folder_is_loaded(instance: Instance, engine: RecordingEngine, tmp_path: Path) -> None:
    """What the files of a folder declare is served when loading returns."""
    (tmp_path / "echo.yaml").write_text(ECHO)
    await Files(instance, [str(tmp_path)]).load()
    assert await ask(engine.endpoints(CLUSTER)[0]) == "version:v1"


def stored(text: str, file: Path) -> list[StoredResource]:
    """Return what is kept of resources that a file declares."""
    return [
        StoredResource(
            each.kind.kind, each.kind.api_version, each.namespace, each.name, each.manifest, str(file), 1, str(file)
        )
        for each in resources(text)
    ]


async def test_a_file_that_cannot_be_read_declares_what_it_did_before_a_restart(
    instance: Instance, store: Store, tmp_path: Path
) -> None:
    """Its pods run again too; what its readable documents say anew counts, and what other files declared is gone."""
    path, link = tmp_path / "echo.yaml", tmp_path.parent / f"{tmp_path.name}-link"
    path.write_text(documents(virtual_service(prefix="/new"), "kind: ["))
    link.symlink_to(tmp_path)
    before = [*stored(ECHO, link / path.name), *stored(deployment("gone"), tmp_path / "gone.yaml")]
    await Files(instance, [str(tmp_path)]).load(before=before)
    assert [each.code for each in instance.problems] == ["ES0001"]
    assert [entry.resource.name for entry in store.entries("Deployment")] == ["echo-v1"]
    assert len([*store.entries("Pod")]) == 1
    (service,) = store.entries("VirtualService")
    assert "/new" in str(service.resource.manifest)


async def test_nothing_at_all_is_served_too(instance: Instance, engine: RecordingEngine, tmp_path: Path) -> None:
    """An empty folder gives the engine an empty model, so that it is ready."""
    await Files(instance, [str(tmp_path)]).load()
    assert prefix(engine) == []


@pytest.mark.usefixtures("followed")
async def test_a_saved_file_goes_live(engine: RecordingEngine, tmp_path: Path) -> None:
    """New files, files written in place and files renamed over are followed, also in new folders."""
    (tmp_path / "echo.yaml").write_text(ECHO)
    await until(lambda: prefix(engine) == ["/"])
    rename_over(tmp_path / "echo.yaml", ECHO.replace("prefix: /", "prefix: /two"))
    await until(lambda: prefix(engine) == ["/two"])
    (tmp_path / "echo.yaml").write_text(documents(deployment(), SERVICE, UPSTREAM))
    await until(lambda: prefix(engine) == [])
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "routes.yaml").write_text(virtual_service(prefix="/three"))
    await until(lambda: prefix(engine) == ["/three"])


@pytest.mark.usefixtures("followed")
async def test_every_saved_file_is_served(engine: RecordingEngine, tmp_path: Path) -> None:
    """Of many saves in a row each is served before the next, however soon it comes after the one before."""
    (tmp_path / "echo.yaml").write_text(ECHO)
    await until(lambda: prefix(engine) == ["/"])
    for number in range(20):
        rename_over(tmp_path / "echo.yaml", ECHO.replace("prefix: /", f"prefix: /{number}"))
        await until(lambda number=number: prefix(engine) == [f"/{number}"])  # type: ignore[misc]


@pytest.mark.usefixtures("followed")
async def test_a_removed_file_takes_its_objects(engine: RecordingEngine, store: Store, tmp_path: Path) -> None:
    """Removing a file deletes what it declared."""
    (tmp_path / "echo.yaml").write_text(documents(deployment(), SERVICE, UPSTREAM))
    (tmp_path / "routes.yaml").write_text(virtual_service())
    await until(lambda: prefix(engine) == ["/"])
    (tmp_path / "routes.yaml").unlink()
    await until(lambda: store.get(ROUTES) is None)
    await until(lambda: prefix(engine) == [])


@pytest.mark.usefixtures("followed")
async def test_a_removed_file_leaves_what_others_wrote(instance: Instance, store: Store, tmp_path: Path) -> None:
    """An object that was applied since stays when the file that once declared it is removed."""
    (tmp_path / "echo.yaml").write_text(ECHO)
    await until(lambda: store.get(ROUTES) is not None)
    await instance.write(puts(virtual_service(prefix="/applied"), "api"))
    (tmp_path / "echo.yaml").unlink()
    await until(lambda: store.get(ResourceKey("Service", "echo", "echo")) is None)
    assert store.get(ROUTES) is not None


@pytest.mark.usefixtures("followed")
async def test_the_last_write_wins(instance: Instance, engine: RecordingEngine, tmp_path: Path) -> None:
    """Applying overrides a file, saving the file overrides what was applied."""
    (tmp_path / "echo.yaml").write_text(ECHO)
    await until(lambda: prefix(engine) == ["/"])
    await instance.write(puts(virtual_service(prefix="/applied"), "api"))
    assert prefix(engine) == ["/applied"]
    rename_over(tmp_path / "echo.yaml", ECHO)
    await until(lambda: prefix(engine) == ["/"])


@pytest.mark.usefixtures("followed")
async def test_bad_input_takes_nothing_away(
    instance: Instance, engine: RecordingEngine, store: Store, tmp_path: Path
) -> None:
    """A file that does not read any more keeps what it declared, and its problem is shown until it is mended."""
    file = tmp_path / "echo.yaml"
    file.write_text(ECHO)
    await until(lambda: prefix(engine) == ["/"])
    file.write_text(ECHO + "\n---\nkind: [")
    await until(lambda: bool(instance.served.blocking))
    assert instance.served.frozen
    assert [str(file)] == [problem.position.file for problem in instance.problems if problem.position]
    file.write_text("kind: [")
    await until(lambda: len(instance.problems) == 1)
    assert store.get(ROUTES) is not None
    file.write_text(ECHO.replace("prefix: /", "prefix: /mended"))
    await until(lambda: prefix(engine) == ["/mended"])
    assert instance.problems == ()


@pytest.mark.usefixtures("followed")
async def test_a_half_written_file_is_no_deletion(
    engine: RecordingEngine, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is empty for a moment while it is saved takes nothing away for that moment."""
    monkeypatch.setattr("edgesim.control.files.SETTLE", 1.0)  # a moment for a busy machine
    file = tmp_path / "echo.yaml"
    file.write_text(ECHO)
    await until(lambda: prefix(engine) == ["/"])
    pushed = len(engine.updates)
    file.write_text("")
    await asyncio.sleep(0.2)  # longer than a burst's quiet, shorter than that and the second look
    file.write_text(ECHO.replace("prefix: /", "prefix: /two"))
    await until(lambda: prefix(engine) == ["/two"])
    later = [update.model.virtual_hosts for update in engine.updates[pushed:]]
    assert all(later)
    assert store.get(ROUTES) is not None


@pytest.mark.usefixtures("followed")
async def test_an_empty_file_stays_empty(store: Store, engine: RecordingEngine, tmp_path: Path) -> None:
    """A file that was emptied and stays so declares nothing."""
    (tmp_path / "echo.yaml").write_text(ECHO)
    await until(lambda: prefix(engine) == ["/"])
    (tmp_path / "echo.yaml").write_text("")
    await until(lambda: store.get(ROUTES) is None)


async def test_one_file_of_a_folder(instance: Instance, engine: RecordingEngine, tmp_path: Path) -> None:
    """A path that is one file is followed through renames, removal and return; its neighbours are not."""
    file = tmp_path / "echo.yaml"
    file.write_text(ECHO)
    files = Files(instance, [str(file)])
    await files.load()
    await files.follow()
    (tmp_path / "other.yaml").write_text(virtual_service(prefix="/other"))
    rename_over(file, ECHO.replace("prefix: /", "prefix: /two"))
    await until(lambda: prefix(engine) == ["/two"])
    file.unlink()
    await until(lambda: prefix(engine) == [])
    assert instance.problems == ()
    file.write_text(ECHO)
    await until(lambda: prefix(engine) == ["/"])
    await files.close()


async def test_what_an_editor_leaves_behind_is_no_reason_to_look_everywhere(instance: Instance, tmp_path: Path) -> None:
    """Names that are gone again and were no folder are passed over; new files, and folders that are gone, are not."""
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "echo.yaml").write_text(ECHO)
    files = Files(instance, [str(tmp_path)])
    await files.load()
    saved = str(tmp_path / "team" / "echo.yaml")
    assert files._known(frozenset({saved, f"{saved}.new"})) == [saved]
    assert files._known(frozenset({f"{saved}.new"})) == []
    assert files._known(frozenset({str(tmp_path / "team")})) is None
    assert files._known(frozenset({saved, str(tmp_path / "other.yaml")})) is None
    await instance.close(grace=0)


async def test_standard_input(instance: Instance, engine: RecordingEngine, tmp_path: Path) -> None:
    """`-` is read once; what it declared stays while files beside it change."""
    (tmp_path / "routes.yaml").write_text(virtual_service())
    reads = iter([documents(deployment(), SERVICE, UPSTREAM).encode()])
    files = Files(instance, ["-", str(tmp_path)], lambda: next(reads))
    await files.load()
    (tmp_path / "routes.yaml").write_text(virtual_service(prefix="/two"))
    await files.refresh()
    assert prefix(engine) == ["/two"]
    assert len(engine.endpoints(CLUSTER)) == 1


async def test_a_folder_that_comes_later(instance: Instance, engine: RecordingEngine, tmp_path: Path) -> None:
    """A path that is not there yet is a problem at first, and followed once it is created."""
    files = Files(instance, [str(tmp_path / "team" / "routes")])
    await files.load()
    assert [problem.code for problem in instance.problems] == ["ES0010"]
    await files.follow()
    (tmp_path / "team" / "routes").mkdir(parents=True)
    (tmp_path / "team" / "routes" / "echo.yaml").write_text(ECHO)
    await until(lambda: prefix(engine) == ["/"])
    await files.close()


@pytest.mark.usefixtures("followed")
async def test_the_same_resource_in_two_files(instance: Instance, engine: RecordingEngine, tmp_path: Path) -> None:
    """A resource two files declare is an error until one of them gives it up."""
    (tmp_path / "echo.yaml").write_text(ECHO)
    await until(lambda: prefix(engine) == ["/"])
    (tmp_path / "more.yaml").write_text(virtual_service(prefix="/more"))
    await until(lambda: [problem.code for problem in instance.problems] == ["ES0012"])
    assert prefix(engine) == ["/"]
    (tmp_path / "echo.yaml").write_text(documents(deployment(), SERVICE, UPSTREAM))
    await until(lambda: prefix(engine) == ["/more"])
    assert instance.problems == ()


@pytest.mark.usefixtures("followed")
async def test_a_namespace_stays_while_others_use_it(instance: Instance, store: Store, tmp_path: Path) -> None:
    """Removing the file that declares a namespace leaves it to those who still write into it."""
    namespace = ResourceKey("Namespace", "", "echo")
    (tmp_path / "ns.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: echo}\n")
    (tmp_path / "service.yaml").write_text(SERVICE)
    await until(
        lambda: store.get(ResourceKey("Service", "echo", "echo")) is not None and store.get(namespace) is not None
    )
    (tmp_path / "ns.yaml").unlink()
    entry = store.get(namespace)
    assert entry is not None
    await until(lambda: (held := store.get(namespace)) is not None and held.writer != str(tmp_path / "ns.yaml"))
    assert store.get(ResourceKey("Service", "echo", "echo")) is not None
    await instance.write([Delete(namespace)])
    assert store.get(ResourceKey("Service", "echo", "echo")) is None
