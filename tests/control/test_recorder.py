from __future__ import annotations

import asyncio
import itertools
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgesim.backends import Controllers, PodRuntime
from edgesim.config.state_folder import Opened, open_explicit, temporary
from edgesim.config.store import Store
from edgesim.control import Instance
from edgesim.control.changes import API_WRITER
from edgesim.control.recorder import Recorder
from edgesim.model import ResourceKey
from tests.control.scenes import ECHO, RecordingEngine, puts, virtual_service


def clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def instance_with(recorder: Recorder, engine: RecordingEngine | None = None) -> Instance:
    numbers = itertools.count(1)
    store = Store(clock, lambda: f"uid-{next(numbers)}")
    return Instance(store, engine or RecordingEngine(), Controllers(store, PodRuntime()), recorder=recorder)


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return open_explicit(tmp_path)


async def test_what_is_served_is_taken_down(opened: Opened) -> None:
    """Each change of what is served is a revision with what was declared, never with pods or endpoints."""
    recorder = Recorder(opened, clock)
    instance = instance_with(recorder)
    await instance.write(puts(ECHO))
    await instance.write(puts(virtual_service(prefix="/new")))
    await instance.write(puts(virtual_service("echo-typo")))
    assert [each.number for each in await recorder.history()] == [2, 1]
    found = await recorder.revision(2)
    assert found is not None
    assert found.model == instance.served.model
    assert {each.kind for each in found.resources} == {"Deployment", "Service", "Upstream", "VirtualService"}
    (blockage,) = (await recorder.history())[0].blockages
    assert [each.code for each in blockage.problems] == ["ES0214"]
    await instance.close(grace=0)


async def test_a_full_disk_is_a_note(opened: Opened) -> None:
    """Everything is served although the disk is full, and a note says so until there is room again."""
    recorder = Recorder(opened, clock)
    instance = instance_with(recorder)
    await instance.write(puts(ECHO))
    await recorder.flush()
    limit = "PRAGMA max_page_count = "
    opened.state._connection.execute(limit + "1")
    await instance.write(puts(virtual_service(prefix=f"/{'x' * 20_000}"), API_WRITER))
    (told,) = instance.problems
    assert (told.code, told.severity.value) == ("ES0723", "note")
    assert not instance.served.frozen
    assert "xxx" in instance.served.model.virtual_hosts[0].routes[0].matches[0].path.value
    opened.state._connection.execute(limit + "100000")
    await instance.write(puts(virtual_service(prefix="/new"), API_WRITER))
    assert instance.problems == ()
    assert [each.key.name for each in opened.state.written()] == ["echo"]
    await instance.close(grace=0)


async def test_a_slow_disk_delays_nothing() -> None:
    """Writes are served while the disk takes its time; what was served last is taken down in the end."""
    opened = temporary()
    recorder, engine = Recorder(opened, clock), RecordingEngine()
    instance = instance_with(recorder, engine)
    gate = threading.Event()
    holding = asyncio.get_running_loop().run_in_executor(recorder._thread, gate.wait)
    await instance.write(puts(ECHO))
    for number in range(50):
        also = virtual_service(prefix=f"/{number}").replace("name: echo", f"name: also-{number}", 1)
        await instance.write(
            puts(virtual_service(prefix=f"/{number}") + "---\n" + also.replace("*", f"{number}.example"))
        )
    assert engine.last.model is instance.served.model
    assert recorder.number == 0
    gate.set()
    await holding
    await recorder.flush()
    found = await recorder.revision(recorder.number)
    assert found is not None
    assert found.model == instance.served.model
    assert {each.name for each in found.resources} >= {f"also-{number}" for number in range(50)}
    await instance.close(grace=0)


async def test_only_what_the_api_wrote_is_kept(opened: Opened) -> None:
    """Before an API write is acknowledged it is on disk; what files or controllers write is not kept as such."""
    recorder = Recorder(opened, clock)
    instance = instance_with(recorder)
    await instance.write(puts(ECHO))
    assert opened.state.written() == ()
    declared = {"spec": {"of": "the file"}}
    recorder.declared = lambda key: declared if key.kind == "VirtualService" else None
    await instance.write(puts(virtual_service(prefix="/api"), API_WRITER))
    (stored,) = opened.state.written()
    assert (stored.key, bool(stored.over)) == (ResourceKey("VirtualService", "gloo-system", "echo"), True)
    await instance.close(grace=0)


async def test_restored_until_sound(opened: Opened) -> None:
    """An instance falls back on what was good before, says so, and forgets it once something sound is served."""
    first = instance_with(Recorder(opened, clock))
    await first.write(puts(ECHO))
    revision = await first.recorder.revision(1) if first.recorder else None
    assert revision is not None
    engine = RecordingEngine()
    second = instance_with(Recorder(temporary(), clock), engine)
    second.restore(revision)
    broken = ECHO.replace("upstream: {name: echo", "upstream: {name: typo")
    await second.write(puts(broken))
    assert engine.last.model == revision.model
    assert [each.code for each in second.problems] == ["ES0214", "ES0724"]
    await second.write(puts(ECHO))
    assert (second.restored, second.problems) == (None, ())
    await first.close(grace=0)
    await second.close(grace=0)
